"""Two gloo ranks are one rank with the batch cut in two (without batch norm)."""

import json

import pytest
import torch
from safetensors.torch import load_file

OPTIONS = (
    "run.device=cpu", "run.threads=1", "run.precision=fp32", "run.batch_size=16", "backbone=lenet",
    "run.max_steps=12", "run.lr=0.05", "run.ema=0.5", "run.evaluations=1", "run.log_every=4",
)  # fmt: skip


def outcome(folder):
    return load_file(folder / "model.safetensors"), json.loads((folder / "result.json").read_text())


@pytest.mark.full
def test_two_ranks_equal_one(tl_run, tmp_path):
    for gpus in (1, 2):
        done = tl_run(*OPTIONS, f"run.gpus={gpus}", f"hydra.run.dir=ranks{gpus}")
        assert done.returncode == 0, done.stderr
    one, result_one = outcome(tmp_path / "ranks1")
    two, result_two = outcome(tmp_path / "ranks2")
    for name, weight in one.items():
        assert torch.allclose(weight, two[name], rtol=1e-4, atol=1e-5), name
    assert result_two["environment"]["ranks"] == 2
    assert result_one["samples"] == result_two["samples"]
    for name, value in result_one["metrics"].items():
        assert abs(value - result_two["metrics"][name]) < 0.01, name
    logs = [
        [json.loads(line) for line in (tmp_path / f / "metrics.jsonl").read_text().splitlines()]
        for f in ("ranks1", "ranks2")
    ]
    for first, second in zip(*logs, strict=True):
        for key in ("loss/label", "loss/domain"):
            assert abs(first.get(key, 0) - second.get(key, 0)) < 1e-4
