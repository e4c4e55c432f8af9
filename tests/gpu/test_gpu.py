"""What only a GPU can show; skipped where there is none."""

import pytest
import torch
from runs import outcome, result_of

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
OPTIONS = ("run.device=cuda", "run.max_steps=60", "run.deterministic=true", "run.evaluations=2")


def test_deterministic_runs_have_the_same_bits(tl_run, tmp_path):
    for name in ("first", "second"):
        done = tl_run(*OPTIONS, f"hydra.run.dir={name}")
        assert done.returncode == 0, done.stderr
    assert outcome(tmp_path / "first") == outcome(tmp_path / "second")
    assert result_of(tmp_path / "first")["deterministic"] is True


def test_nothing_that_is_not_finite_is_applied_or_saved(tl_run, tmp_path):
    done = tl_run(*OPTIONS, "run.lr=1e30", "run.clip=null", "hydra.run.dir=run")
    assert done.returncode == 4, done.stderr
    assert result_of(tmp_path / "run")["exit_code"] == 4
