"""A run that meets a signal, a damaged checkpoint, a full disk and a kill ends as any other."""

import resource
import signal
import time

import pytest
import torch
from runs import outcome, result_of, wait_for

from translearn.artifacts import checkpoint

OPTIONS = (
    "run.device=cpu", "run.threads=1", "run.precision=fp32", "backbone=lenet", "run.batch_size=16",
    "run.max_steps=200", "run.log_every=7", "run.save_seconds=0.05", "run.evaluations=3",
    "run.figures=false",
)  # fmt: skip


def flip_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def small_files():
    """The disk is full for every file over 20 kB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


@pytest.mark.full
def test_a_run_with_every_misfortune_ends_as_an_undisturbed_one(start, tl_run, tmp_path):
    whole = tl_run(*OPTIONS, "hydra.run.dir=whole")
    assert whole.returncode == 0, whole.stderr

    folder = tmp_path / "my (first) run"
    process = start(*OPTIONS, f"hydra.run.dir={folder.name!r}")
    wait_for(folder / "checkpoints" / "prev.pt", process)
    process.send_signal(signal.SIGTERM)
    _, message = process.communicate()
    assert process.returncode == 143, message
    assert result_of(folder)["status"] == "interrupted"
    assert not (folder / "model.safetensors").exists()

    last = folder / "checkpoints" / "last.pt"
    flip_bit(last)  # the one before is taken
    kept = (folder / "checkpoints" / "prev.pt").read_bytes()
    full = tl_run(f"run.resume='{folder}'", preexec_fn=small_files)
    assert full.returncode == 7, full.stderr
    assert "prev.pt" in full.stderr
    assert len(full.stderr[full.stderr.index("error: ") :].splitlines()) <= 6
    assert result_of(folder)["exit_code"] == 7
    assert (folder / "checkpoints" / "prev.pt").read_bytes() == kept

    process = start(f"run.resume='{folder}'")
    while result_exists(folder) and process.poll() is None:
        time.sleep(0.01)  # it is removed when the run goes on
    process.kill()
    process.communicate()
    done = tl_run(f"run.resume='{folder}'")
    assert done.returncode == 0, done.stderr
    assert outcome(folder) == outcome(tmp_path / "whole")


def result_exists(folder):
    return (folder / "result.json").exists()


def test_what_a_diverged_run_leaves_is_finite(tl_run, tmp_path):
    done = tl_run(*OPTIONS, "run.lr=1e30", "run.save_seconds=0", "hydra.run.dir=run")
    assert done.returncode == 4, done.stderr
    assert "run.lr" in done.stderr
    result = result_of(tmp_path / "run")
    assert (result["status"], result["exit_code"], result["metrics"]) == ("failed", 4, {})
    assert not (tmp_path / "run" / "model.safetensors").exists()
    for name in ("last", "prev"):
        state = checkpoint.load(tmp_path / "run" / "checkpoints", (name,))
        tensors = [*state["method"].values(), *state["average"].values()]
        assert all(torch.isfinite(tensor).all() for tensor in tensors), name


@pytest.mark.full
def test_two_commands_never_continue_the_same_run(start, tl_run, tmp_path):
    process = start(*OPTIONS, "run.source_samples=100000000", "run.max_steps=null")
    while not list(tmp_path.glob("outputs/*/*/checkpoints/prev.pt")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    (folder,) = tmp_path.glob("outputs/*/*")
    refused = tl_run(f"run.resume={folder}")
    assert refused.returncode == 6
    assert "another process" in refused.stderr
    process.kill()
