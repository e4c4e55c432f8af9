"""What only a GPU can show; skipped where there is none."""

import pytest
import torch
from runs import outcome, result_of
from sklearn.datasets import load_digits

from translearn.methods.parts.kmeans import kmeans

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


def test_k_means_stays_on_the_gpu_and_has_scikit_learn_s_inertia():
    points = torch.from_numpy(load_digits().data).float()
    found = kmeans(points.cuda(), 10, seed=0)
    assert found.centroids.is_cuda
    assert found.inertia == pytest.approx(kmeans(points, 10, seed=0).inertia, rel=0.01)
    again = kmeans(points.cuda(), 10, seed=0)
    assert torch.equal(found.centroids, again.centroids)
