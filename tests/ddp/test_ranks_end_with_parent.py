"""Ranks whose parent is killed once they have finished do not wait for it for ever."""

import os
import signal
import time
from pathlib import Path

import pytest
from runs import wait_for
from surroundings import HANG


def children(pid):
    """The processes that a process has started, and theirs."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [child for child, parent in parents.items() if parent == pid]
    return found + [grandchild for child in found for grandchild in children(child)]


def processor_time(pids):
    """Clock ticks that these processes have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.full
def test_they_end(start, tmp_path):
    process = start("run=smoke", "run.device=cpu", "backbone=lenet", "run.figures=false",
                    "run.gpus=2", "hydra.run.dir=run")  # fmt: skip
    wait_for(tmp_path / "run" / "model.safetensors", process)
    os.kill(process.pid, signal.SIGSTOP)  # it does not take their results
    ranks = children(process.pid)
    assert len(ranks) >= 2
    quiet = 0
    while quiet < 20:  # until they only wait
        before = processor_time(ranks)
        time.sleep(0.1)
        quiet = quiet + 1 if processor_time(ranks) == before else 0
    assert not (tmp_path / "run" / "result.json").exists()
    os.kill(process.pid, signal.SIGKILL)
    end = time.monotonic() + HANG
    while any(alive(pid) for pid in ranks):
        assert time.monotonic() < end
        time.sleep(0.1)
