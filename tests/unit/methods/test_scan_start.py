"""Where SCAN starts and which cluster sizes it aims at, against loops and a known partition."""

import math

import pytest
import torch
from torch.nn import functional as F

from translearn.backbones.digits import Wide
from translearn.methods.parts.clusters import Scan
from translearn.methods.parts.losses import cluster_entropy, from_shares
from translearn.methods.selfcluster import SelfCluster

SIZES = (90, 40, 20)


def blobs():
    """Three groups of unequal sizes in a random order: embeddings, features, their group."""
    draws = torch.Generator().manual_seed(0)
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor(SIZES))
    labels = labels[torch.randperm(len(labels), generator=draws)]
    embeddings = torch.eye(3)[labels] + 0.05 * torch.randn(len(labels), 3, generator=draws)
    mixing = torch.randn(3, 8, generator=draws)
    return embeddings, embeddings @ mixing + 3.0, labels


def built(choices=(3,), **options):
    torch.manual_seed(0)
    return Scan(8, 3, list(choices), 0, neighbours=10, **options)


@pytest.mark.parametrize("logits", [torch.randn(7, 4), torch.full((3, 4), -50.0), torch.eye(4) * 9])
def test_the_entropy_term_is_a_divergence_from_the_shares(logits):
    shares = torch.tensor([0.5, 0.25, 0.2, 0.05])
    rows = logits.double().softmax(dim=1).tolist()
    mean = [sum(row[k] for row in rows) / len(rows) for k in range(4)]
    expected = sum(m * math.log(m / s) for m, s in zip(mean, shares.tolist(), strict=True) if m)
    assert from_shares(logits, shares).item() == pytest.approx(expected, abs=1e-5)
    equal = torch.full((4,), 0.25)
    paper = math.log(4) - cluster_entropy(logits)
    assert from_shares(logits, equal).item() == pytest.approx(paper.item(), abs=1e-5)


def test_it_vanishes_at_the_shares_and_never_at_one_cluster():
    shares = torch.tensor([0.5, 0.5, 0.0])
    balanced = torch.tensor([[9.0, -9.0, -1e4], [-9.0, 9.0, -1e4]])
    assert from_shares(balanced, shares).item() == pytest.approx(0.0, abs=1e-5)
    assert from_shares(balanced[:1], shares).item() == pytest.approx(math.log(2), abs=1e-3)


@pytest.mark.parametrize("choices", [(3,), (2, 3, 4)])
def test_the_head_starts_at_the_spectral_clusters_and_their_sizes(choices):
    embeddings, features, labels = blobs()
    scan = built(choices, start="spectral")
    scan.enter(embeddings, lambda: features)
    found = scan.logits(features).argmax(dim=1)
    together = torch.bincount(found * 3 + labels, minlength=9).view(-1, 3)
    assert (together > 0).sum() == 3  # each cluster is one group
    for cluster, row in enumerate(together.tolist()):
        assert scan.shares[cluster].item() == pytest.approx(sum(row) / len(labels))
    assert sorted(scan.shares.tolist()[:3], reverse=True) == pytest.approx(
        [size / sum(SIZES) for size in SIZES]
    )


def test_a_random_start_is_the_paper_s():
    embeddings, _, _ = blobs()
    scan, fresh = built(start="random"), built(start="random")
    scan.enter(embeddings, lambda: pytest.fail("no features are needed"))
    assert torch.equal(scan.head.weight, fresh.head.weight)
    assert torch.equal(scan.shares, torch.full((3,), 1 / 3))
    x = torch.randn(1, 6, 8)
    first, second = F.linear(x[0], scan.head.weight, scan.head.bias).chunk(2)
    entropy = scan.losses("scan", torch.nn.Identity(), torch.stack([x[0, :3], x[0, 3:]]))["entropy"]
    expected = 5.0 * (math.log(3) - cluster_entropy(torch.cat([first, second])))
    assert entropy.item() == pytest.approx(expected.item(), abs=1e-5)


def test_weights_of_before_know_no_shares_and_are_read():
    backbone = Wide((3, 28, 28))
    tasks = dict.fromkeys(("source", "target"), ("a", "b", "c"))
    method = SelfCluster(backbone, tasks, dict.fromkeys(tasks, (3, 28, 28)))
    state = {n: t for n, t in method.state_dict().items() if n != "cluster.shares"}
    assert len(state) == len(method.state_dict()) - 1
    method.load_state_dict(state)
