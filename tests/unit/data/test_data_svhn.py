import numpy as np
import pytest
import scipy.io
from real_formats import write_svhn

from translearn.data.sets.svhn import load_svhn, read_mat
from translearn.errors import DataError


def test_reads_the_published_format(tmp_path):
    written = write_svhn(tmp_path, train=40, test=20)
    (train_x, train_y), (test_x, test_y) = load_svhn(tmp_path, download=False)
    assert train_x.shape == (40, 32, 32, 3) and test_x.shape == (20, 32, 32, 3)
    assert np.array_equal(train_x[7], written["train"][..., 7])
    assert np.array_equal(test_x[3], written["test"][..., 3])
    assert list(train_y[:11]) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]  # class 10 is the digit 0
    assert test_y.dtype == np.int64


def test_agrees_with_torchvision(tmp_path, monkeypatch):
    from torchvision.datasets import SVHN

    write_svhn(tmp_path)
    monkeypatch.setattr(SVHN, "_check_integrity", lambda self: True)
    theirs = SVHN(tmp_path / "SVHN", split="test")
    _, (images, labels) = load_svhn(tmp_path, download=False)
    assert np.array_equal(images.transpose(0, 3, 1, 2), theirs.data)
    assert np.array_equal(labels, theirs.labels)


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "train_32x32.mat"
    path.write_bytes(b"<html>404</html>" * 20)
    with pytest.raises(DataError, match=r"train_32x32\.mat is broken"):
        read_mat(path)


def test_other_shapes_are_refused(tmp_path):
    path = tmp_path / "train_32x32.mat"
    scipy.io.savemat(path, {"X": np.zeros((32, 32, 3, 5), np.uint8), "y": np.ones((4, 1))})
    with pytest.raises(DataError, match="beside 4 labels"):
        read_mat(path)


def test_missing_files_are_explained(tmp_path):
    with pytest.raises(DataError, match=r"train_32x32\.mat and 1 more(.|\n)*data=print_hand"):
        load_svhn(tmp_path, download=False)
