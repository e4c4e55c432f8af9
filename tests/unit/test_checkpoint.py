import os

import pytest
import torch

from translearn.artifacts import checkpoint
from translearn.errors import CheckpointError


def state(number):
    return {"number": number, "weights": torch.full((100,), float(number))}


def test_save_and_load(tmp_path):
    assert checkpoint.load(tmp_path / "none") is None
    for number in (1, 2, 3):
        checkpoint.save(tmp_path, state(number))
    loaded = checkpoint.load(tmp_path)
    assert loaded["number"] == 3
    assert torch.equal(loaded["weights"], state(3)["weights"])
    assert checkpoint.load(tmp_path, ("prev",))["number"] == 2


class Crash(BaseException):
    pass


@pytest.mark.parametrize("moment", range(16))
def test_a_crash_at_any_step_of_a_save_leaves_a_whole_checkpoint(moment, tmp_path, monkeypatch):
    checkpoint.save(tmp_path, state(1))
    checkpoint.save(tmp_path, state(2))
    calls = 0

    def crashing(original):
        def call(*arguments):
            nonlocal calls
            if calls == moment:
                raise Crash
            calls += 1
            return original(*arguments)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crashing(os.replace))
        patch.setattr(os, "fsync", crashing(os.fsync))
        try:
            checkpoint.save(tmp_path, state(3))
            finished = True
        except Crash:
            finished = False
    number = checkpoint.load(tmp_path)["number"]
    assert number == 3 if finished else number in (2, 3)
    checkpoint.tidy(tmp_path)
    assert checkpoint.load(tmp_path)["number"] == number
    assert not list(tmp_path.glob("*.tmp")) and not list(tmp_path.glob("*.new.pt"))
    checkpoint.save(tmp_path, state(4))
    assert checkpoint.load(tmp_path)["number"] == 4


def test_the_moments_above_cover_a_whole_save(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, state(1))
    checkpoint.save(tmp_path, state(2))
    calls = []
    for name in ("replace", "fsync"):
        original = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, o=original: (calls.append(1), o(*a))[1])
    checkpoint.save(tmp_path, state(3))
    assert len(calls) <= 16


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_a_flipped_bit_falls_back_to_the_one_before_and_then_refuses(tmp_path):
    checkpoint.save(tmp_path, state(1))
    checkpoint.save(tmp_path, state(2))
    flip(tmp_path / "last.pt")
    assert checkpoint.load(tmp_path)["number"] == 1
    flip(tmp_path / "prev.pt")
    with pytest.raises(CheckpointError, match="checksum"):
        checkpoint.load(tmp_path)
