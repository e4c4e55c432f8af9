import bz2

import numpy as np
import pytest
from real_formats import digits, real_root, usps_text, write_usps

from translearn.data.sets.usps import load_usps, read_usps
from translearn.errors import DataError


def test_reads_the_published_text(tmp_path):
    write_usps(tmp_path, train=40, test=20)
    (train_x, train_y), (test_x, _) = load_usps(tmp_path, download=False)
    images, labels = digits(40, 16, seed=40)
    assert np.array_equal(train_x, images) and np.array_equal(train_y, labels)
    assert train_x.dtype == np.uint8 and train_y.dtype == np.int64
    assert test_x.shape == (20, 16, 16)


@pytest.mark.parametrize(
    "content",
    [
        b"not bz2",
        bz2.compress(b"<html>"),
        bz2.compress(b""),
        bz2.compress(usps_text(np.zeros((2, 256)), np.array([3, 10])).encode()),
        bz2.compress(usps_text(np.zeros((2, 257)), np.array([3, 4])).encode()),
    ],
)
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "usps.bz2"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"usps\.bz2 is broken"):
        read_usps(path)


def test_missing_files_are_explained(tmp_path):
    with pytest.raises(DataError, match=r"USPS/usps\.bz2 and 1 more(.|\n)*data=print_hand"):
        load_usps(tmp_path, download=False)


@pytest.mark.realdata
def test_the_real_set_is_torchvisions_up_to_rounding():
    from torchvision.datasets import USPS

    root = real_root()
    for train, (images, labels) in zip((True, False), load_usps(root, download=False), strict=True):
        theirs = USPS(f"{root}/USPS", train=train)
        assert len(images) == (7291 if train else 2007)
        assert np.array_equal(labels, theirs.targets)
        assert np.abs(images.astype(int) - theirs.data.astype(int)).max() <= 1
