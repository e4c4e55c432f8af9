"""Loss weightings on problems whose answer is known."""

import pytest
import torch
from torch import nn

from translearn.methods.parts.weighting import (
    DynamicWeightAverage,
    Equal,
    GradNorm,
    PCGrad,
    Uncertainty,
)

TASKS = ("a", "b")


def alone(tensors):
    """The mean over one rank."""


def test_equal_is_the_plain_sum():
    w = nn.Parameter(torch.tensor([1.0, 2.0]))
    rule = Equal(TASKS)
    rule.backward(rule(torch.stack([w[0] ** 2, 3 * w[1]])), [w], alone, 0.0)
    assert w.grad.tolist() == [2.0, 3.0]


def test_uncertainty_finds_the_weights_that_the_losses_ask_for():
    """For fixed losses exp(-s) L + s / 2 is least at s = log 2 L: the weight is 1 / (2 L)."""
    losses = torch.tensor([0.25, 4.0])
    rule = Uncertainty(TASKS)
    optimizer = torch.optim.SGD(rule.parameters(), lr=0.3)
    for _ in range(300):
        optimizer.zero_grad()
        rule.backward(rule(losses), [], alone, 0.0)
        optimizer.step()
    rule(losses)
    assert rule.weights.tolist() == pytest.approx([2.0, 0.125], rel=1e-3)


def test_dynamic_weight_average_favours_what_falls_slowly():
    rule = DynamicWeightAverage(TASKS, temperature=2.0, interval=2)
    w = nn.Parameter(torch.ones(()))
    for losses in ([1.0, 1.0], [1.0, 3.0], [0.5, 2.0], [0.5, 1.0]):
        assert rule.weights.tolist() == [1.0, 1.0]
        rule.backward(rule(w * torch.tensor(losses)), [w], alone, 0.0)
    # window means: (1, 2), then (.5, 1.5); their ratios are .5 and .75
    expected = 2 * torch.tensor([0.25, 0.375]).softmax(dim=0)
    assert torch.allclose(rule.weights, expected)
    w.grad = None
    rule.backward(rule(w * torch.tensor([2.0, 1.0])), [w], alone, 0.0)
    assert float(w.grad) == pytest.approx(float(expected @ torch.tensor([2.0, 1.0])))


def test_gradnorm_evens_out_the_gradients_of_tasks_of_different_scale():
    """With alpha = 0 all gradient norms become the same: weights go as 1 / scale."""
    w = nn.Parameter(torch.tensor([[1.0, 1.0]]))
    rule = GradNorm(TASKS, alpha=0.0, rate=0.005)
    scale = torch.tensor([1.0, 4.0])
    for _ in range(600):
        w.grad = None
        rule.backward(rule(scale * w[0]), [w], alone, 0.0)
    assert rule.weights.tolist() == pytest.approx([1.6, 0.4], abs=0.03)
    assert float(rule.weights.sum()) == pytest.approx(2.0)
    assert w.grad[0].tolist() == pytest.approx([1.6, 1.6], abs=0.15)  # the weighted sum's


def test_gradnorm_favours_the_task_that_learns_slowly():
    w = nn.Parameter(torch.tensor([[1.0, 1.0]]))
    rule = GradNorm(TASKS, alpha=1.0, rate=0.01)
    for step in range(50):
        losses = torch.tensor([1.0 - 0.015 * step, 1.0]) + w[0] - w[0].detach()
        rule.backward(rule(losses), [w], alone, 0.0)
    assert rule.weights[1] > 1.1 > rule.weights[0]


def combined(first, second):
    """The gradient that PCGrad leaves for two linear losses, and that of an unshared weight."""
    w, own = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(()))
    rule = PCGrad(TASKS)
    losses = torch.stack([w @ torch.tensor(first) + own, w @ torch.tensor(second)])
    rule.backward(rule(losses), [w], alone, 0.0)
    assert float(own.grad) == 1.0
    return w.grad.tolist()


def test_pcgrad_takes_conflicts_out():
    # g1 . g2 = -1: g1 becomes (.5, .5), g2 becomes (0, 1)
    assert combined([1.0, 0.0], [-1.0, 1.0]) == pytest.approx([0.5, 1.5])


def test_pcgrad_leaves_agreeing_gradients_alone():
    assert combined([1.0, 0.0], [1.0, 1.0]) == [2.0, 1.0]


def test_pcgrad_keeps_the_memory_layout_that_the_optimizer_expects():
    layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    x = torch.randn(2, 3, 5, 5).to(memory_format=torch.channels_last)
    plain = torch.autograd.grad(2 * layer(x).square().mean(), layer.weight)[0]
    loss = layer(x).square().mean()
    PCGrad(TASKS).backward(torch.stack([loss, loss]), [*layer.parameters()], alone, 0.0)
    assert torch.allclose(layer.weight.grad, plain, atol=1e-6)
    assert layer.weight.grad.stride() == layer.weight.stride()
