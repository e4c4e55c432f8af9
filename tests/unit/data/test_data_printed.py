import numpy as np
import pytest
import torch

from translearn.data.arrangements.pair import Pair
from translearn.data.sets import printed
from translearn.data.sets.printed import FILE, PrintedDigits, stored
from translearn.errors import DataError


def print_hand(**options):
    return Pair(source="print", target="digits", title="print_hand", **options).load()


def test_sizes_and_names():
    tasks = print_hand()
    assert tasks.name == "print_hand" and tasks.input_shape == (1, 28, 28)
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert [len(s) for s in (source.train, source.val, source.test)] == [5400, 600, 1000]
    assert [len(s) for s in (target.train, target.val, target.test)] == [1294, 143, 360]
    assert source.train.x.dtype == target.train.x.dtype == torch.uint8


def test_the_file_is_the_published_one_and_every_class_is_drawn_equally_often():
    images, labels = stored()
    assert images.shape == (7000, 8, 8) and images.dtype == labels.dtype == np.uint8
    assert np.bincount(labels).tolist() == [700] * 10
    assert images.max() == 16 and (images.reshape(7000, -1).sum(axis=1) > 0).all()


def test_print_has_as_much_ink_as_handwriting():
    tasks = print_hand().tasks
    source, target = (tasks[task].train.x.float() / 255 for task in ("source", "target"))
    assert source.mean().item() == pytest.approx(target.mean().item(), rel=0.05)


@pytest.mark.parametrize("damage", ["gone", "no zip", "cut", "other arrays", "other pixels"])
def test_a_damaged_file_is_refused(damage, tmp_path, monkeypatch):
    path, content = tmp_path / "print.npz", FILE.read_bytes()
    if damage == "no zip":
        path.write_bytes(b"no zip")
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "other arrays":
        np.savez(path, images=np.zeros(3))
    elif damage == "other pixels":
        images, labels = stored()
        np.savez(path, images=images[::-1], labels=labels)
    monkeypatch.setattr(printed, "FILE", path)
    with pytest.raises(DataError, match="install translearn again"):
        PrintedDigits().read()
