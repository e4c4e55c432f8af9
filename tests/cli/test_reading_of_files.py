"""Real commands while they read image files: signals, killed workers, small containers."""

import os
import re
import signal
import time

import numpy as np
import pytest
from PIL import Image
from runs import result_of, wait_for
from surroundings import HANG

pytestmark = pytest.mark.full

OPTIONS = (
    "method=source_only", "data=folder", "data.source=source", "data.target=target", "data.size=64",
    "data.crop=32", "backbone=lenet", "run.device=cpu", "run.max_steps=2", "run.batch_size=8",
    "run.figures=false", "hydra.run.dir=run",
)  # fmt: skip


@pytest.fixture
def slow_folders(tmp_path):
    """Two folders of 300 large photos each, which take many seconds to decode."""
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png", compress_level=1)
    for domain in ("source", "target"):
        for number in range(300):
            path = tmp_path / domain / ("cat", "dog")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(tmp_path / "one.png", path)
    return tmp_path


def workers_of(pid):
    """The processes that decode for a process."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.append(int(entry))
    return found


def reading(process, workers):
    """Wait until it decodes; returns its workers."""
    end = time.monotonic() + HANG
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        found = workers_of(process.pid)
        if len(found) >= workers:
            return found
        time.sleep(0.05)
    raise AssertionError("it never began to decode")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_decoding_ends_soon_after_a_signal(slow_folders, start, number):
    process = start(*OPTIONS, "run.workers=2")
    reading(process, 2)
    time.sleep(0.5)
    os.kill(process.pid, number)
    began = time.monotonic()
    _, err = process.communicate()
    assert process.returncode == 128 + number
    assert f"stopped by {signal.Signals(number).name}" in err and "Traceback" not in err
    assert time.monotonic() - began < HANG  # how soon it is stands in benchmarks, not in a test
    assert result_of(slow_folders / "run")["status"] == "interrupted"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_signal_to_the_whole_group_saves_as_one_to_the_run(slow_folders, start, number, streamed):
    """As a terminal that closes sends it, ``kill -- -group``, and most schedulers."""
    if streamed:
        for photo in slow_folders.glob("*/*/*.png"):
            photo.unlink() if int(photo.stem) >= 8 else None
    process = start(*OPTIONS, "run.max_steps=100000", "run.workers=2", "run.save_seconds=0.1",
                    f"run.resident_mb={0 if streamed else 4096}")  # fmt: skip
    if streamed:
        wait_for(slow_folders / "run/checkpoints/prev.pt", process)
    else:
        reading(process, 2)
    os.killpg(process.pid, number)
    _, err = process.communicate()
    assert process.returncode == 128 + number, err
    assert f"stopped by {signal.Signals(number).name}" in err and "Traceback" not in err
    assert result_of(slow_folders / "run")["status"] == "interrupted"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGBUS, signal.SIGSEGV])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_killed_worker_is_told_in_two_lines_and_the_way_on(slow_folders, start, number, streamed):
    process = start(*OPTIONS, "run.workers=2", f"run.resident_mb={0 if streamed else 4096}")
    os.kill(reading(process, 2)[0], number)
    _, err = process.communicate()
    assert process.returncode == 1 and "Traceback" not in err
    told = err[err.index("error: ") :].splitlines()
    assert re.match(r"error: a process that reads images \(pid \d+\) was lost: ", told[0])
    assert "run.workers=0" in told[1] and len(told) <= 3
    assert result_of(slow_folders / "run")["status"] == "killed"


def test_a_run_tells_what_it_read(tmp_path, tl_run):
    random = np.random.default_rng(0)
    for domain in ("source", "target"):
        for number in range(40):
            path = tmp_path / domain / ("cat", "dog")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (20, 20, 3)).astype(np.uint8)).save(path)
    (tmp_path / "source" / "notes.txt").write_text("no image")
    deep = Image.fromarray(np.full((20, 20), 4000, dtype=np.uint16))
    deep.save(tmp_path / "source" / "cat" / "deep.png")
    (tmp_path / "target" / "cat" / "bad.png").write_bytes(b"")
    done = tl_run(*OPTIONS, "run.workers=0")
    assert done.returncode == 3 and "1 of 82 image files cannot be read" in done.stderr
    assert len(done.stderr[done.stderr.index("error: ") :].splitlines()) <= 6
    done = tl_run(*OPTIONS, "run.workers=0", "data.on_bad=skip", "hydra.run.dir=whole")
    assert done.returncode == 0, done.stderr
    files = result_of(tmp_path / "whole")["files"]
    assert files["source"]["found"] == 42 and files["source"]["used"] == 41
    assert files["source"]["left_out"]["of another kind (.txt)"]["names"] == ["notes.txt"]
    assert files["source"]["shown"] == {"I;16 from 0 to 4095": 1}
    assert files["target"]["bad_count"] == 1 and files["target"]["read"] == 41
    assert "42 files found, 41 used" in done.stderr and "bad.png" in done.stderr
    done = tl_run(
        *OPTIONS, "run=smoke", "run.most_files=2", "data.on_bad=skip", "hydra.run.dir=part"
    )
    assert done.returncode == 0, done.stderr
    assert result_of(tmp_path / "part")["files"]["target"]["read"] == 6
