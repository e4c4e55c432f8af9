"""Two gloo ranks are one rank, also where gradients are taken term by term."""

import pytest
import torch
from runs import result_of, weights

OPTIONS = (
    "method=multitask", "run.device=cpu", "run.threads=1", "run.precision=fp32",
    "run.batch_size=16", "backbone=lenet", "run.max_steps=12", "run.ema=0.5", "run.evaluations=1",
    "method.dwa_interval=3", "run.log_every=4",
)  # fmt: skip


@pytest.mark.full
@pytest.mark.parametrize("weighting", ["dwa", "gradnorm", "pcgrad"])
def test_two_ranks_equal_one(weighting, tl_run, tmp_path):
    for gpus in (1, 2):
        done = tl_run(*OPTIONS, f"method.weighting={weighting}", f"run.gpus={gpus}",
                      f"hydra.run.dir=ranks{gpus}")  # fmt: skip
        assert done.returncode == 0, done.stderr
    one, two = weights(tmp_path / "ranks1"), weights(tmp_path / "ranks2")
    for name, weight in one.items():
        assert torch.allclose(weight, two[name], rtol=1e-3, atol=1e-4), name
    metrics = [result_of(tmp_path / f"ranks{gpus}")["metrics"] for gpus in (1, 2)]
    assert metrics[0] == pytest.approx(metrics[1], abs=0.01)
    assert (weighting == "pcgrad") is (one["weighting.weights"].tolist() == [1.0, 1.0])
