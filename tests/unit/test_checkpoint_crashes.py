"""Whatever moment a save is cut off at, and whatever breaks afterwards, what is loaded is whole."""

import errno
import os
import shutil

import pytest
import torch

from translearn.artifacts import checkpoint
from translearn.errors import DiskError
from translearn.system.problems import problem


class Killed(BaseException):
    """Ends a save as a killed process would: no handler of the code under test runs."""


def save(folder, number, name="last"):
    checkpoint.save(folder, {"number": number, "weights": torch.full((50,), float(number))}, name)


def load(folder, *names):
    state = checkpoint.load(folder, *([names] if names else []))
    if state is None:
        return None
    assert torch.equal(state["weights"], torch.full((50,), float(state["number"])))
    return state["number"]


def flip_bit(path, position=1000):
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 4
    path.write_bytes(content)


def test_a_folder_holds_two_checkpoints_in_the_format_of_sha256sum(tmp_path):
    for number in (1, 2, 3):
        save(tmp_path, number)
    names = ["last.pt", "last.pt.sha256", "prev.pt", "prev.pt.sha256"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    digest, name = (tmp_path / "last.pt.sha256").read_text().split()
    assert (len(digest), name) == (64, "last.pt")


@pytest.mark.parametrize("position", [0, 100, 1500, -1])
def test_one_flipped_bit_falls_back_to_the_one_before(tmp_path, position):
    save(tmp_path, 1)
    save(tmp_path, 2)
    flip_bit(tmp_path / "last.pt", position)
    assert load(tmp_path) == 1


def test_a_cut_off_file_falls_back_to_the_one_before(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 2)
    os.truncate(tmp_path / "last.pt", 700)
    assert load(tmp_path) == 1


def test_best_stands_beside_them(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 7, "best")
    assert load(tmp_path) == 1
    assert load(tmp_path, "best") == 7


@pytest.mark.parametrize("name", ["last", "best"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("saved", [0, 1, 2, 3])
def test_a_save_may_be_killed_around_every_system_call(tmp_path, monkeypatch, saved, after, name):
    """``saved`` checkpoints exist when the next save is killed before or after its n-th call."""
    calls, limit = 0, 0

    def killing(real):
        def call(*arguments):
            nonlocal calls
            calls += 1
            if calls == limit and not after:
                raise Killed
            result = real(*arguments)
            if calls == limit:
                raise Killed
            return result

        return call

    template = tmp_path / "template"
    template.mkdir()
    for number in range(1, saved + 1):
        save(template, number, name)
    points, finished = 0, False
    while not finished:
        points += 1
        folder = tmp_path / f"{points}"
        shutil.copytree(template, folder)
        calls, limit = 0, points
        with monkeypatch.context() as patch:
            for function in ("replace", "fsync"):
                patch.setattr(os, function, killing(getattr(os, function)))
            try:
                save(folder, saved + 1, name)
                finished = True
            except Killed:
                pass
        if finished:
            assert load(folder, name) == saved + 1
        else:
            assert_usable(folder, saved, name)
    assert points > 8


def assert_usable(folder, saved, name):
    names = ("last", "prev") if name == "last" else (name,)
    found = load(folder, *names)
    assert found in ({saved, saved + 1} if saved else {None, 1})
    checkpoint.tidy(folder)
    assert load(folder, *names) == found, "tidying changes nothing"
    assert not [p.name for p in folder.iterdir() if p.name.endswith(".tmp") or ".new." in p.name]
    if name == "last" and saved > 1 and (folder / "last.pt").exists():
        copy = folder.with_name(f"{folder.name}_copy")
        shutil.copytree(folder, copy)
        flip_bit(copy / "last.pt")
        assert load(copy) in {saved - 1, saved}, "there still is one to fall back to"
    for number in (10, 11):
        save(folder, number, name)
        assert load(folder, *names) == number
    if name == "last":
        assert load(folder, "prev") == 10


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_full_disk_keeps_the_old_checkpoints(tmp_path, monkeypatch, number):
    save(tmp_path, 1)
    save(tmp_path, 2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(handle):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"last\.new\.pt") as raised:
            save(tmp_path, 3)
    told = problem(raised.value, tmp_path)
    assert isinstance(told, DiskError)
    assert str(tmp_path) in str(told)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
