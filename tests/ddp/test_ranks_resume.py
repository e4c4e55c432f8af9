"""Two ranks that are stopped or killed continue to the same bits."""

import os
import signal

import pytest
import torch
from embedded import digits
from runs import outcome, result_of, wait_for

from translearn.commands.predictor import Predictor
from translearn.engine.judge import Judge

OPTIONS = (
    "data=digits_photos",
    "run.gpus=2", "run.device=cpu", "run.threads=1", "run.precision=fp32", "backbone=wide",
    "run.batch_size=16", "run.max_steps=150", "run.ema=0.5", "run.log_every=25",
    "run.save_seconds=0.1", "run.evaluations=1",
)  # fmt: skip


@pytest.mark.full
def test_two_ranks_continue_to_the_same_bits(start, tl_run, tmp_path):
    whole = tl_run(*OPTIONS, "hydra.run.dir=whole")
    assert whole.returncode == 0, whole.stderr

    folder = tmp_path / "run"
    process = start(*OPTIONS, f"hydra.run.dir={folder}")
    prev = folder / "checkpoints" / "prev.pt"
    saved = wait_for(prev, process)
    process.send_signal(signal.SIGTERM)
    _, message = process.communicate()
    assert process.returncode == 143, message
    assert result_of(folder)["status"] == "interrupted"

    refused = tl_run(f"run.resume={folder}", "run.gpus=1")
    assert refused.returncode == 6
    assert "run.gpus: 2 -> 1" in refused.stderr

    process = start(f"run.resume={folder}")
    saved = wait_for(prev, process, changed_from=saved)
    wait_for(prev, process, changed_from=saved)
    os.killpg(process.pid, signal.SIGKILL)  # the workers too, between two log points
    process.wait()
    done = tl_run(f"run.resume={folder}")
    assert done.returncode == 0, done.stderr
    assert outcome(folder) == outcome(tmp_path / "whole")

    # every rank scored with the batch-norm statistics that were saved, which are those of rank 0
    torch.set_num_threads(1)
    saved_model = Predictor.load(folder)
    prepare = dict.fromkeys(("source", "target"), saved_model.prepare)
    judge = Judge(digits().load(), prepare, saved_model.runtime, 512, 10**9, workers=0)
    assert judge.score(saved_model.method, "test").items() <= result_of(folder)["metrics"].items()
