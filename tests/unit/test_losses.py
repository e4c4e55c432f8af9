"""Losses against slow references."""

import math

import pytest
import torch

from translearn.losses import distillation, feature_distance, spectral_shrinkage, squared_distance


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
