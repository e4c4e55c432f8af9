"""Scores of clusters against trying every matching, and against known cases."""

import itertools

import pytest
import torch

from translearn.metrics.clusters import cluster_scores, matched


def counts(classes, clusters, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 20, (classes, clusters), generator=generator)


def best_by_trying(table):
    """Most samples that agree under any matching of clusters to classes, each used once."""
    classes, clusters = table.shape
    wide = table if clusters >= classes else table.T
    few, many = wide.shape
    choices = itertools.permutations(range(many), few)
    return max(sum(int(wide[i, c]) for i, c in enumerate(choice)) for choice in choices)


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (5, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_accuracy_is_that_of_the_best_matching(shape, seed):
    table = counts(*shape, seed)
    scores = cluster_scores({"target": table}, "test")
    expected = best_by_trying(table) / int(table.sum())
    assert scores["target/test/cluster_accuracy"] == pytest.approx(expected)
    assert scores["target/test/purity"] == pytest.approx(
        sum(max(column) for column in table.T.tolist()) / int(table.sum())
    )
    assert matched(table).sum() == table.sum()


def test_renamed_classes_are_perfect():
    table = torch.diag(torch.tensor([5, 3, 2]))[:, [2, 0, 1]]
    scores = cluster_scores({"target": table}, "val")
    assert set(scores.values()) == {1.0, 3.0}
    assert scores["target/val/clusters"] == 3.0
    assert torch.equal(matched(table), torch.diag(torch.tensor([5, 3, 2])))


def test_one_cluster_for_all_knows_nothing():
    table = torch.zeros(3, 4, dtype=torch.int64)
    table[:, 1] = torch.tensor([6, 3, 1])
    scores = cluster_scores({"target": table}, "test")
    assert scores["target/test/nmi"] == scores["target/test/ari"] == 0.0
    assert scores["target/test/cluster_accuracy"] == scores["target/test/purity"] == 0.6
    assert scores["target/test/clusters"] == 1.0


def test_a_class_in_two_clusters_loses_one_of_them():
    table = torch.tensor([[5, 0, 5], [0, 10, 0]])
    scores = cluster_scores({"target": table}, "test")
    assert scores["target/test/cluster_accuracy"] == 0.75
    assert scores["target/test/purity"] == 1.0
