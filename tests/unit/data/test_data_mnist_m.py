import hashlib
import logging

import numpy as np
import pytest
from real_formats import digits, real_root, write_image, write_mnist

from translearn.data.arrangements.pair import Pair
from translearn.data.arrangements.tasks import SeveralTasks
from translearn.data.sets import mnist_m
from translearn.data.sets.mnist_m import SHA256, blend, load_mnist_m
from translearn.errors import DataError


def slow_blend(images, photos, image, y, x):
    blended = np.empty((len(images), 32, 32, 3), np.uint8)
    for i, digit in enumerate(images):
        crop = photos[image[i]][y[i] : y[i] + 32, x[i] : x[i] + 32]
        mask = np.pad(digit > 0, 2)[..., None]
        blended[i] = np.where(mask, 255 - crop, crop)
    return blended


def test_blend_equals_the_definition():
    random = np.random.default_rng(0)
    photos = [random.integers(0, 256, (48, 60, 3), dtype=np.uint8) for _ in range(3)]
    images, _ = digits(30, 28, seed=1)
    image, y, x = (random.integers(0, n, 30) for n in (3, 48 - 32 + 1, 60 - 32 + 1))
    expected = slow_blend(images, photos, image, y, x)
    assert np.array_equal(blend(images, photos, image, y, x), expected)


@pytest.fixture
def small_root(tmp_path, monkeypatch):
    """MNIST of 40 + 20 images, 200 small photos, and a crop table for them."""
    write_mnist(tmp_path, train=40, test=20)
    names = [f"photo{number:03}" for number in range(200)]
    for number, name in enumerate(names):
        write_image(tmp_path / "BSDS500/images/train" / f"{name}.jpg", seed=number, edge=34)
    random = np.random.default_rng(0)
    table = {"bsds_train_names": np.array(names)}
    for split, count in (("train", 39), ("test", 19)):
        table[f"{split}_image"] = random.integers(0, 200, count)
        table[f"{split}_y"], table[f"{split}_x"] = random.integers(0, 3, (2, count))
        table[f"{split}_label"] = np.arange(count) % 10
    np.savez(tmp_path / "table.npz", **table)
    monkeypatch.setattr(mnist_m, "TABLE", tmp_path / "table.npz")
    return tmp_path


def test_another_decoder_is_told_and_does_not_fail(small_root, caplog):
    with caplog.at_level(logging.WARNING):
        (train_x, train_y), (test_x, _), published = load_mnist_m(small_root, download=False)
    assert not published and "JPEG decoder" in caplog.text
    assert train_x.shape == (39, 32, 32, 3) and test_x.shape == (19, 32, 32, 3)
    assert np.array_equal(train_y, np.arange(39) % 10)


@pytest.mark.parametrize("names", [("mnist", "mnistm"), ("mnistm", "mnist")])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_validation_in_one_is_training_in_neither(names, seed, small_root, monkeypatch):
    """Both hold the same digits; these are blended so that they can be told."""
    monkeypatch.setattr(
        mnist_m, "blend", lambda x, *_: np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None].repeat(3, 3)
    )
    options = {"val_fraction": 0.25, "split_seed": seed, "download": False}
    pair = Pair(str(small_root), *names, **options).load()
    several = SeveralTasks(str(small_root), names, ("source", "target"), **options).load()
    for tasks in (pair, several):
        parts = {
            (domain.name, part): [x[0].numpy().tobytes() for x in getattr(domain, part).x]
            for domain in tasks.tasks.values()
            for part in ("train", "val")
        }
        of_mnist, of_other = parts["mnist", "val"], parts["mnistm", "val"]
        assert len(of_mnist) == 10 and 9 <= len(of_other) <= 10
        assert set(of_other) <= set(of_mnist)
        assert not set(of_mnist) & set(parts["mnistm", "train"])
        assert len(parts["mnistm", "train"]) + len(of_other) == 39


def test_another_mnist_is_refused(small_root):
    path = small_root / "MNIST/raw/train-labels-idx1-ubyte"
    content = bytearray(path.read_bytes())
    content[20] = (content[20] + 1) % 10
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="published MNIST"):
        load_mnist_m(small_root, download=False)


def test_a_broken_photo_is_named(small_root):
    (small_root / "BSDS500/images/train/photo007.jpg").write_bytes(b"no photo")
    with pytest.raises(DataError, match=r"photo007\.jpg"):
        load_mnist_m(small_root, download=False)


def test_missing_photos_are_explained(small_root):
    (small_root / "BSDS500/images/train/photo007.jpg").unlink()
    with pytest.raises(DataError, match=r"bsds500 is missing(.|\n)*data=print_hand"):
        load_mnist_m(small_root, download=False)


def test_the_shipped_table_has_the_published_sizes():
    with np.load(mnist_m.TABLE) as table:
        assert len(table["train_image"]) == 59001 and len(table["test_image"]) == 9001
        assert list(table["bsds_train_names"]) == sorted(table["bsds_train_names"])


@pytest.mark.realdata
def test_the_real_set_is_the_published_one_bit_for_bit():
    train, test, published = load_mnist_m(real_root(), download=False)
    for split, (images, labels) in {"train": train, "test": test}.items():
        assert hashlib.sha256(images.tobytes()).hexdigest() == SHA256[split]
        assert len(images) == len(labels)
    assert published
