"""Killed at any moment and continued: the same bits as if nothing had happened."""

import json
import random
import time

import pytest
from runs import outcome, result_of, wait_for
from surroundings import HANG

OPTIONS = (
    "run.device=cpu", "run.threads=1", "run.batch_size=16", "run.log_every=20", "run.figures=false",
    "run.save_seconds=0.1", "run.evaluations=3", "run.precision=fp32", "run.select=iw",
)  # fmt: skip


def interrupted_run(process, start, folder, kills):
    """Kill -9 a run at random moments of its start and of its training, and continue it each time.

    However fast it is, it has saved twice at most in between, and so never comes to its end.
    """
    moments = random.Random(kills)
    for kill in range(kills):
        wait_for(folder / ".lock", process)  # Hydra has written down what was asked for
        saves, late = moments.randint(1, 2), time.monotonic() + moments.uniform(0.0, 2.5)
        while saves and (time.monotonic() < late or kill % 2 == 0):
            saves -= saved_within(folder, 0.01)
            assert process.poll() is None, process.communicate()
        time.sleep(moments.uniform(0.0, 0.1))
        process.kill()
        process.communicate()
        process = start(f"run.resume={folder}")  # without the options: they are on record
    _, message = process.communicate()
    assert process.returncode == 0, message


def saved_within(folder, seconds):
    """Whether the run has saved its state in this time."""
    before = written(folder / "checkpoints" / "last.pt")
    time.sleep(seconds)
    return written(folder / "checkpoints" / "last.pt") not in (None, before)


def written(path):
    """When a file was written; None while there is none, as in the middle of a save."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


@pytest.mark.parametrize(
    ("kills", "samples", "backbone"),
    [(1, 3000, "narrow"), pytest.param(20, 80000, "wide", marks=pytest.mark.full)],
)
def test_kill_and_resume(kills, samples, backbone, start, tl_run, tmp_path):
    options = (*OPTIONS, f"run.source_samples={samples}", f"backbone={backbone}")
    assert tl_run(*options, "hydra.run.dir=whole").returncode == 0
    killed = start(*options, "hydra.run.dir=killed")
    interrupted_run(killed, start, tmp_path / "killed", kills)
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


@pytest.mark.full
def test_resume_auto_signals_and_refusals(start, tl_run, tmp_path):
    options = ("run=smoke", "run.device=cpu", "output_root=runs", "run.max_steps=30")
    assert tl_run(*options, "run.resume=auto").returncode == 0  # nothing to resume: a fresh run
    (finished,) = (tmp_path / "runs").glob("*/*/result.json")
    finished.unlink()  # as if it had been killed
    again = tl_run(*options, "run.resume=auto")
    assert again.returncode == 0, again.stderr
    assert "continuing" in again.stderr
    assert finished.exists()
    assert tl_run(*options, "run.resume=auto").returncode == 0
    assert len(list((tmp_path / "runs").glob("*/*/result.json"))) == 2  # a done run is not redone

    folder = finished.parent
    refused = tl_run(f"run.resume={folder}", "seed=5")
    assert refused.returncode == 6
    assert "seed: 0 -> 5" in refused.stderr
    assert len(refused.stderr.splitlines()) <= 6
    assert tl_run("run.resume=nowhere").returncode == 6
    used = tl_run(*options, f"hydra.run.dir={folder}")
    assert used.returncode == 2
    assert "run.resume=auto" in used.stderr

    finished.unlink()  # else it is done, and nothing is read
    for name in ("last", "prev"):
        path = folder / "checkpoints" / f"{name}.pt"
        if path.exists():
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(bytes(content))
    broken = tl_run(f"run.resume={folder}")
    assert broken.returncode == 6
    assert "checksum" in broken.stderr


@pytest.mark.full
def test_an_open_seed_is_picked_told_and_kept(tl_run, tmp_path):
    done = tl_run("run=smoke", "run.device=cpu", "seed=null", "hydra.run.dir=run")
    assert done.returncode == 0
    seed = result_of(tmp_path / "run")["seed"]
    assert f"seed={seed} (picked" in done.stderr
    (tmp_path / "run" / "result.json").unlink()
    assert tl_run("run.resume=run").returncode == 0
    assert result_of(tmp_path / "run")["seed"] == seed


@pytest.mark.full
def test_eight_runs_started_at_once_have_eight_folders(start, tmp_path):
    running = [start("run=smoke", "run.device=cpu", f"seed={i}") for i in range(8)]
    assert all(process.wait(timeout=HANG) == 0 for process in running)
    results = list((tmp_path / "outputs").glob("*/*/result.json"))
    assert sorted(json.loads(path.read_text())["seed"] for path in results) == list(range(8))
