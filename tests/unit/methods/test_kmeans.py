"""Torch's k-means against scikit-learn's inertia, both on the CPU."""

import pytest
import torch
from sklearn.datasets import load_digits

from translearn.methods.parts.kmeans import kmeans, lloyd


def blobs(clusters, each=40):
    generator = torch.Generator().manual_seed(0)
    middles = 20 * torch.randn(clusters, 6, generator=generator)
    return (middles[:, None] + torch.randn(clusters, each, 6, generator=generator)).flatten(0, 1)


def test_well_parted_clusters_are_found_like_scikit_learn_s():
    points = blobs(7)
    ours, theirs = lloyd(points, 7, seed=0), kmeans(points, 7, seed=0)
    assert ours.inertia == pytest.approx(theirs.inertia, rel=1e-5)
    assert ours.labels.unflatten(0, (7, -1)).unique(dim=1).shape == (7, 1)
    assert len(ours.labels.unique()) == 7
    nearest = torch.cdist(points, theirs.centroids).square().amin(dim=1).sum()
    assert theirs.inertia == pytest.approx(nearest.item(), rel=1e-4)


def test_the_best_of_fifty_seedings_does_not_depend_on_the_seed():
    points = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    found = [kmeans(points, 10, seed).inertia for seed in (0, 2, 3)]
    assert max(found) == pytest.approx(min(found), rel=1e-3)  # five: 2.84, 3.00, 2.90


@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.full) for s in (1, 2))])
def test_on_real_digits_the_inertia_is_scikit_learn_s(seed):
    points = torch.from_numpy(load_digits().data).float()[:800]
    ours, theirs = lloyd(points, 10, seed), kmeans(points, 10, seed)
    assert ours.inertia == pytest.approx(theirs.inertia, rel=0.01)
    assert torch.equal(ours.centroids, lloyd(points, 10, seed).centroids)
    # the same start leads to the same end
    start = points[:10]
    same, again = lloyd(points, 10, 0, start), kmeans(points, 10, 0, start)
    assert same.inertia == pytest.approx(again.inertia, rel=1e-4)
    assert torch.allclose(same.centroids, again.centroids, atol=0.05)


def test_an_empty_cluster_moves_to_where_it_is_needed():
    points = blobs(3)
    start = torch.stack([points[0], points[40], torch.full((6,), 1e4)])
    assert lloyd(points, 3, 0, start).inertia == pytest.approx(lloyd(points, 3, 0).inertia)


def test_points_that_are_all_alike_have_no_inertia():
    found = lloyd(torch.ones(9, 4), 3, seed=0)
    assert found.inertia == 0.0 and torch.equal(found.centroids, torch.ones(3, 4))
