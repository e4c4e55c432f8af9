import numpy as np
import pytest
from real_formats import digits, idx, real_root, write_mnist

from translearn.data.sets.mnist import load_mnist, read_idx
from translearn.errors import DataError


@pytest.mark.parametrize("packed", [False, True])
def test_reads_the_published_files_plain_and_gzipped(tmp_path, packed):
    write_mnist(tmp_path, train=40, test=20, packed=packed)
    (train_x, train_y), (test_x, test_y) = load_mnist(tmp_path, download=False)
    images, labels = digits(40, 28, seed=40)
    assert np.array_equal(train_x, images) and np.array_equal(train_y, labels)
    assert train_x.dtype == np.uint8 and train_y.dtype == np.int64
    assert test_x.shape == (20, 28, 28) and test_y.shape == (20,)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\x00", b"\x00\x00\x0d\x01", idx(np.zeros((4, 3)))[:-1], b"<html>404</html>"],
)
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match="train-images-idx3-ubyte is broken"):
        read_idx(path)


def test_a_truncated_gzip_is_named(tmp_path):
    write_mnist(tmp_path, packed=True)
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="is broken"):
        load_mnist(tmp_path, download=False)


def test_images_and_labels_must_be_as_many(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "MNIST/raw/train-labels-idx1-ubyte").write_bytes(idx(np.zeros(39)))
    with pytest.raises(DataError, match=r"images \(40, 28, 28\) and labels \(39,\)"):
        load_mnist(tmp_path, download=False)


def test_missing_files_are_explained(tmp_path):
    with pytest.raises(DataError) as caught:
        load_mnist(tmp_path, download=False)
    message = str(caught.value)
    assert str(tmp_path / "MNIST/raw/train-images-idx3-ubyte") in message
    assert "tl-data prepare mnist" in message and "data=print_hand" in message
    assert len(message.splitlines()) <= 5


@pytest.mark.realdata
def test_the_real_set():
    (train_x, train_y), (test_x, _) = load_mnist(real_root(), download=False)
    assert train_x.shape == (60000, 28, 28) and test_x.shape == (10000, 28, 28)
    assert list(train_y[:5]) == [5, 0, 4, 1, 9]
