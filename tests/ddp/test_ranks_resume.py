"""Two ranks that are stopped or killed continue to the same bits."""

import json
import os
import signal
import time

from safetensors.torch import load_file

OPTIONS = (
    "run.gpus=2", "run.device=cpu", "run.threads=1", "run.precision=fp32", "backbone=lenet",
    "run.batch_size=16", "run.max_steps=150", "run.ema=0.5", "run.log_every=25",
    "run.save_seconds=0.1", "run.evaluations=1",
)  # fmt: skip


def bits(folder):
    """The final weights; the file itself holds its metadata in no fixed order."""
    weights = load_file(folder / "model.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in weights.items()}


def outcome(folder):
    log = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in log:
        line.pop("seconds", None)
        line.pop("core_seconds", None)
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    return bits(folder), metrics, log


def when_saved(folder, process, changed_from=None):
    end = time.monotonic() + 90
    path = folder / "checkpoints" / "prev.pt"
    while not path.exists() or path.stat().st_mtime_ns == changed_from:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return path.stat().st_mtime_ns


def test_two_ranks_continue_to_the_same_bits(start, tl_run, tmp_path):
    whole = tl_run(*OPTIONS, "hydra.run.dir=whole")
    assert whole.returncode == 0, whole.stderr

    folder = tmp_path / "run"
    process = start(*OPTIONS, f"hydra.run.dir={folder}")
    saved = when_saved(folder, process)
    process.send_signal(signal.SIGTERM)
    _, message = process.communicate(timeout=90)
    assert process.returncode == 143, message
    assert json.loads((folder / "result.json").read_text())["status"] == "interrupted"

    refused = tl_run(f"run.resume={folder}", "run.gpus=1")
    assert refused.returncode == 6
    assert "run.gpus: 2 -> 1" in refused.stderr

    process = start(f"run.resume={folder}", start_new_session=True)
    saved = when_saved(folder, process, changed_from=saved)
    when_saved(folder, process, changed_from=saved)
    os.killpg(process.pid, signal.SIGKILL)  # the workers too, between two log points
    process.wait()
    done = tl_run(f"run.resume={folder}")
    assert done.returncode == 0, done.stderr
    assert outcome(folder) == outcome(tmp_path / "whole")
