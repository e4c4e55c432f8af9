"""Two gloo ranks are one rank for zero-shot: what validation classes choose included."""

import pytest
import torch
from runs import result_of, weights

OPTIONS = (
    "method=zeroshot", "data=digits_attributes", "run.device=cpu", "run.threads=1",
    "run.precision=fp32", "run.batch_size=16", "backbone=lenet", "run.max_steps=12", "run.ema=0.5",
    "run.evaluations=1",
)  # fmt: skip


@pytest.mark.full
def test_two_ranks_equal_one(tl_run, tmp_path):
    for gpus in (1, 2):
        done = tl_run(*OPTIONS, f"run.gpus={gpus}", f"hydra.run.dir=ranks{gpus}")
        assert done.returncode == 0, done.stderr
    one, two = weights(tmp_path / "ranks1"), weights(tmp_path / "ranks2")
    for name, weight in one.items():
        if name != "gamma":
            assert torch.allclose(weight, two[name], rtol=1e-3, atol=1e-4), name
    metrics = [result_of(tmp_path / f"ranks{gpus}")["metrics"] for gpus in (1, 2)]
    assert metrics[0] == pytest.approx(metrics[1], abs=0.01)
    assert one["gamma"] == pytest.approx(float(two["gamma"]), abs=0.01) and one["gamma"] != 0
