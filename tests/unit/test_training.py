import copy
import math

import pytest
import torch
from runs import config_of
from torch import nn

from translearn.backbones.digits import LeNet
from translearn.config import RunConfig
from translearn.engine.step import (
    FiniteCheck,
    WeightAverage,
    clip_gradients,
    make_optimizer,
    rate_factor,
    set_rates,
)
from translearn.errors import NonFiniteError
from translearn.methods.source_only import SourceOnly


def run_of(*overrides):
    return RunConfig.of(config_of(*overrides)["run"])


def method():
    torch.manual_seed(0)
    return SourceOnly(LeNet((3, 28, 28)), {"source": ("a", "b"), "target": ("a", "b")})


@pytest.mark.parametrize("progress", [0.0, 0.05, 0.1, 0.5, 1.0])
def test_cosine_schedule(progress):
    expected = min(1, progress / 0.1) * 0.5 * (1 + math.cos(math.pi * progress))
    assert rate_factor(run_of("run.schedule=cosine"), progress) == pytest.approx(expected)


def test_schedule_of_the_dann_paper():
    run = run_of("run.schedule=dann", "run.lr=0.01")
    assert run.lr * rate_factor(run, 0.0) == pytest.approx(0.01)
    assert run.lr * rate_factor(run, 1.0) == pytest.approx(0.01 / 11**0.75)


def test_a_group_may_start_later():
    model = method()
    groups = [
        {"params": list(model.backbone.parameters()), "lr": 0.2, "starts": 0.5},
        {"params": list(model.head.parameters()), "lr": 0.1},
    ]
    optimizer = make_optimizer(groups, run_of())
    rates = []
    for progress in (0.0, 0.4, 0.5):
        set_rates(optimizer, 0.5, progress)
        rates.append([group["lr"] for group in optimizer.param_groups])
    assert rates == [[0.0, 0.05], [0.0, 0.05], [0.1, 0.05]]


def test_average_equals_a_slow_reference():
    model = method()
    average = WeightAverage(model, 0.9)
    reference = [p.detach().clone() for p in model.parameters()]
    for step in range(5):
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.randn_like(p))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        reference = [
            decay * old + (1 - decay) * p.detach()
            for old, p in zip(reference, model.parameters(), strict=True)
        ]
    for mine, expected in zip(average.read().parameters(), reference, strict=True):
        assert torch.allclose(mine, expected, atol=1e-6)
    assert WeightAverage(model, 0.0).read() is model


def test_average_takes_over_the_buffers_when_read():
    model = method()
    model.register_buffer("count", torch.zeros(()))
    average = WeightAverage(model, 0.5)
    model.count.fill_(7)
    assert average.read().count == 7


def test_finite_stops_at_the_first_bad_value():
    finite = FiniteCheck(torch.device("cpu"))
    good = {"label": torch.tensor(1.0), "domain": torch.tensor(2.0)}
    finite.watch(good, torch.tensor(3.0), "train", 0)
    with pytest.raises(NonFiniteError, match="domain is not finite at step 4"):
        finite.watch({**good, "domain": torch.tensor(math.nan)}, torch.tensor(1.0), "train", 4)
    with pytest.raises(NonFiniteError, match="gradient norm"):
        finite.watch(good, torch.tensor(math.inf), "train", 5)


def test_clip_gradients():
    layer = nn.Linear(4, 4)
    layer(torch.randn(8, 4)).square().sum().backward()
    before = copy.deepcopy([p.grad for p in layer.parameters()])
    norm = torch.stack([g.square().sum() for g in before]).sum().sqrt()
    assert torch.allclose(clip_gradients(layer.parameters(), None), norm)
    assert torch.equal(layer.weight.grad, before[0])
    assert torch.allclose(clip_gradients(layer.parameters(), 0.1), norm)
    after = torch.stack([p.grad.square().sum() for p in layer.parameters()]).sum().sqrt()
    assert after.item() == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_a_pretrained_backbone_learns_at_a_tenth_of_the_rate(optimizer):
    model = method()
    model.backbone.pretrained = True
    groups = make_optimizer(model.param_groups(0.2), run_of(f"run.optimizer={optimizer}"))
    assert [group["lr"] for group in groups.param_groups] == pytest.approx([0.02, 0.2])
