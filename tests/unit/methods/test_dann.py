import pytest
import torch
from torch.nn import functional as F

from translearn.backbones.digits import LeNet, Wide
from translearn.data.access import Labelled, Unlabelled
from translearn.methods.dann import DANN
from translearn.methods.parts.losses import adversarial_ramp, reverse_gradient

TASKS = {"source": ("a", "b", "c"), "target": ("a", "b", "c")}


def batch(size=6):
    generator = torch.Generator().manual_seed(0)
    source = torch.randn(size, 3, 28, 28, generator=generator)
    target = torch.randn(size, 3, 28, 28, generator=generator)
    index = torch.arange(size)
    return {"source": Labelled(source, index % 3, index), "target": Unlabelled(target, index)}


def test_reversed_gradient_by_finite_differences():
    x = torch.randn(5, dtype=torch.float64, requires_grad=True)
    (reverse_gradient(x, 0.7) ** 3).sum().backward()
    step = 1e-6
    for i in range(len(x)):
        shift = torch.zeros_like(x)
        shift[i] = step
        slope = (((x + shift) ** 3).sum() - ((x - shift) ** 3).sum()) / (2 * step)
        assert x.grad[i].item() == pytest.approx(-0.7 * slope.item(), rel=1e-5)


@pytest.mark.parametrize(("progress", "value"), [(0.0, 0.0), (0.5, 0.9866143), (1.0, 0.9999092)])
def test_ramp_of_the_paper(progress, value):
    assert adversarial_ramp(progress) == pytest.approx(value, abs=1e-6)


def test_loss_terms_equal_a_slow_reference():
    torch.manual_seed(0)
    method = DANN(LeNet((3, 28, 28)), TASKS)
    data = batch()
    terms = method("train", data, 0.3)
    source, target = method.backbone(data["source"].x), method.backbone(data["target"].x)
    probabilities = torch.softmax(method.head(source), dim=1)
    label = -sum(
        torch.log(probabilities[i, data["source"].y[i]]) for i in range(len(probabilities))
    ) / len(probabilities)
    is_source = [torch.sigmoid(method.discriminator(f)) for f in (*source, *target)]
    half = len(source)
    domain = -(sum(torch.log(p) for p in is_source[:half])
               + sum(torch.log(1 - p) for p in is_source[half:])) / len(is_source)  # fmt: skip
    assert terms["label"].item() == pytest.approx(label.item(), rel=1e-5)
    assert terms["domain"].item() == pytest.approx(domain.item(), rel=1e-5)


def test_the_backbone_climbs_the_domain_loss_that_the_discriminator_descends():
    torch.manual_seed(0)
    method = DANN(LeNet((3, 28, 28)), TASKS, strength=0.5)
    data = batch()
    method("train", data, 1.0)["domain"].backward()
    reversed_gradient = method.backbone.layers["conv1"][0].weight.grad.clone()
    discriminator_gradient = method.discriminator[0].weight.grad.clone()
    method.zero_grad()
    features = torch.cat([method.backbone(data["source"].x), method.backbone(data["target"].x)])
    is_source = torch.cat([torch.ones(6), torch.zeros(6)])
    F.binary_cross_entropy_with_logits(method.discriminator(features)[:, 0], is_source).backward()
    plain = method.backbone.layers["conv1"][0].weight.grad
    strength = 0.5 * adversarial_ramp(1.0)
    assert torch.allclose(reversed_gradient, -strength * plain, rtol=1e-3, atol=1e-7)
    assert torch.allclose(discriminator_gradient, method.discriminator[0].weight.grad, rtol=1e-4)


def test_the_target_is_tested_with_its_own_statistics():
    torch.manual_seed(0)
    method = DANN(Wide((3, 28, 28)), TASKS, domain_batch_norm=True)
    data = batch()
    shifted = Unlabelled(data["target"].x * 5 + 2, data["target"].index)
    for _ in range(20):
        method("train", {"source": data["source"], "target": shifted}, 0.5)
    method.eval()
    x = data["target"].x
    assert not torch.allclose(method.predict(x, "source"), method.predict(x, "target"))
    shared = DANN(Wide((3, 28, 28)), TASKS, domain_batch_norm=False).eval()
    assert torch.equal(shared.predict(x, "source"), shared.predict(x, "target"))


def test_health_tells_the_state_of_the_game_and_what_to_change():
    method = DANN(LeNet((3, 28, 28)), TASKS)
    assert method.health() == {}
    method("train", batch(), 1.0)
    health = method.health()
    assert 0 <= health["domain_accuracy"] <= 1
    assert health["lambda"] == pytest.approx(1.0, abs=1e-3)
    good = {"domain_accuracy": 0.6, "lambda": 1.0, "feature_std": 0.3}
    assert method.advice(good) is None
    assert "run.lr" in method.advice({**good, "feature_std": 1e-6})
    assert "method.strength" in method.advice({**good, "domain_accuracy": 1.0})
    assert method.advice({**good, "domain_accuracy": 1.0, "lambda": 0.1}) is None
