"""Losses against slow references."""

import math

import pytest
import torch

from translearn.backbones.digits import LeNet
from translearn.methods.mcc import class_confusion
from translearn.methods.parts.losses import (
    cluster_entropy,
    covariance_penalty,
    distillation,
    feature_distance,
    invariance,
    neighbour_consistency,
    nt_xent,
    spectral_shrinkage,
    squared_distance,
    variance_hinge,
)
from translearn.methods.parts.two_views import VICReg

SHAPE = (3, 28, 28)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def softmax(values, temperature):
    exponentials = [math.exp(value / temperature) for value in values]
    return [e / sum(exponentials) for e in exponentials]


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_distillation(temperature):
    logits, teacher = random(4, 3), random(4, 3, seed=1)
    total = 0.0
    for mine, theirs in zip(logits.tolist(), teacher.tolist(), strict=True):
        new, old = softmax(mine, temperature), softmax(theirs, temperature)
        total += sum(p * math.log(p / q) for p, q in zip(old, new, strict=True))
    expected = temperature**2 * total / 4
    assert distillation(logits, teacher, temperature).item() == pytest.approx(expected, rel=1e-5)
    assert distillation(logits, logits, temperature).item() == pytest.approx(0.0, abs=1e-6)


def test_distillation_has_the_gradient_of_the_papers_cross_entropy():
    """Li and Hoiem's eq. 2: -sum p_old log p_new of probabilities raised to 1 / T."""
    logits, teacher = random(4, 3).requires_grad_(), random(4, 3, seed=1)
    distillation(logits, teacher, 2.0).backward()
    given = logits.grad.clone()
    logits.grad = None
    p, old = logits.softmax(1) ** 0.5, teacher.softmax(1) ** 0.5
    p, old = p / p.sum(1, keepdim=True), old / old.sum(1, keepdim=True)
    (-(old * p.log()).sum() / 4 * 2.0**2).backward()
    assert torch.allclose(given, logits.grad, rtol=1e-4)


def test_squared_distance():
    weights, start = [random(2, 3), random(4)], [random(2, 3, seed=1), random(4, seed=1)]
    pairs = [(w, s) for a, b in zip(weights, start, strict=True)
             for w, s in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)]  # fmt: skip
    expected = sum((w - s) ** 2 for w, s in pairs) / 2
    assert squared_distance(weights, start).item() == pytest.approx(expected, rel=1e-5)
    assert squared_distance(weights).item() == pytest.approx(sum(w**2 for w, _ in pairs) / 2)


def test_feature_distance():
    new, old = (
        [random(2, 3, 4, 4), random(2, 5)],
        [random(2, 3, 4, 4, seed=1), random(2, 5, seed=1)],
    )
    expected = 0.0
    for a, b in zip(new, old, strict=True):
        differences = (a - b).flatten().tolist()
        expected += sum(d**2 for d in differences) / len(differences) / 2
    assert feature_distance(new, old).item() == pytest.approx(expected, rel=1e-5)


def test_spectral_shrinkage():
    features = random(5, 3)
    eigenvalues = torch.linalg.eigvalsh(features.T @ features)  # the squared singular values
    assert spectral_shrinkage(features).item() == pytest.approx(eigenvalues[0].item(), rel=1e-4)
    two = eigenvalues[:2].sum().item()
    assert spectral_shrinkage(features, 2).item() == pytest.approx(two, rel=1e-4)


def test_spectral_shrinkage_of_repeated_images_is_flat_and_finite():
    features = random(2, 8).float().repeat(3, 1).requires_grad_()
    loss = spectral_shrinkage(features)
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-6) and features.grad.isfinite().all()


def cosine(a, b):
    inner = sum(x * y for x, y in zip(a, b, strict=True))
    return inner / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_nt_xent(temperature):
    first, second = random(4, 3), random(4, 3, seed=1)
    both = [*first.tolist(), *second.tolist()]
    total = 0.0
    for i, anchor in enumerate(both):
        others = [math.exp(cosine(anchor, o) / temperature) for j, o in enumerate(both) if j != i]
        partner = both[(i + 4) % 8]
        total -= math.log(math.exp(cosine(anchor, partner) / temperature) / sum(others))
    assert nt_xent(first, second, temperature).item() == pytest.approx(total / 8, rel=1e-4)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: nt_xent(x, x.flip(1), 0.2),
        covariance_penalty,
        lambda x: class_confusion(x, 1.5),
    ],
)
def test_losses_are_not_rounded_inside_autocast(loss):
    x = torch.randn(64, 32, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(x)
    assert inside.dtype == torch.float32 and torch.equal(inside, loss(x))


def test_vicreg_terms():
    first, second = random(5, 3), random(5, 3, seed=1) * torch.tensor([0.1, 1.0, 3.0])
    differences = (first - second).flatten().tolist()
    expected = sum(d * d for d in differences) / 15
    assert invariance(first, second).item() == pytest.approx(expected, rel=1e-5)

    columns = second.T.tolist()
    means = [sum(column) / 5 for column in columns]

    def covariance(i, j):
        return sum((a - means[i]) * (b - means[j]) for a, b in zip(columns[i], columns[j],
                                                                   strict=True)) / 4  # fmt: skip

    hinge = sum(max(0.0, 1 - math.sqrt(covariance(i, i) + 1e-4)) for i in range(3)) / 3
    assert variance_hinge(second).item() == pytest.approx(hinge, rel=1e-4)
    off = sum(covariance(i, j) ** 2 for i in range(3) for j in range(3) if i != j) / 3
    assert covariance_penalty(second).item() == pytest.approx(off, rel=1e-4)


def test_contrastive_losses_are_those_of_a_peer_library():
    peer = pytest.importorskip("pytorch_metric_learning.losses")
    first, second = random(16, 8).float(), random(16, 8, seed=1).float() * 0.5
    labels = torch.arange(16).repeat(2)
    for temperature in (0.1, 0.5):
        theirs = peer.NTXentLoss(temperature)(torch.cat([first, second]), labels)
        assert nt_xent(first, second, temperature).item() == pytest.approx(theirs.item(), rel=1e-5)

    weights = (25.0, 10.0, 3.0)
    theirs = peer.VICRegLoss(*weights)(first, ref_emb=second)
    pretext = VICReg(LeNet(SHAPE), SHAPE, weights=weights)
    ours = torch.stack(list(pretext.compare(first, second).values())).sum()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_scan_terms():
    anchors, neighbours = random(4, 3), random(4, 3, seed=1)
    rows = [softmax(values, 1.0) for values in anchors.tolist()]
    others = [softmax(values, 1.0) for values in neighbours.tolist()]
    inner = [sum(p * q for p, q in zip(a, b, strict=True)) for a, b in zip(rows, others,
                                                                          strict=True)]  # fmt: skip
    expected = -sum(math.log(value) for value in inner) / 4
    assert neighbour_consistency(anchors, neighbours).item() == pytest.approx(expected, rel=1e-5)
    mean = [sum(row[k] for row in rows) / 4 for k in range(3)]
    entropy = -sum(p * math.log(p) for p in mean)
    assert cluster_entropy(anchors).item() == pytest.approx(entropy, rel=1e-5)


def test_entropy_has_a_gradient_where_a_cluster_is_never_used():
    logits = random(4, 3).float().requires_grad_()
    hidden = logits.masked_fill(torch.tensor([False, False, True]), -1e4)
    cluster_entropy(hidden).backward()
    assert logits.grad.isfinite().all() and logits.grad[:, :2].abs().sum() > 0
