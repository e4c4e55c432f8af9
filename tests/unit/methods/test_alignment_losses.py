"""CORAL, DAN and CDAN against slow references, and what gradients they let through."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from translearn.backbones.digits import Wide
from translearn.data.access import Labelled, Unlabelled
from translearn.methods.base import Budget
from translearn.methods.cdan import CDAN, MOST_PRODUCTS, RANDOM_WIDTH, Conditioning
from translearn.methods.coral import CORAL, coral
from translearn.methods.dan import DAN, SCALES, discrepancy
from translearn.methods.parts.adaptation import Outputs
from translearn.methods.self_training import SelfTraining

TASKS = {"source": ("a", "b", "c"), "target": ("a", "b", "c")}
SHAPE = (3, 28, 28)
SIZES = pytest.mark.parametrize("sizes", [(8, 8), (9, 5), (1, 4)])


def clouds(sizes, width=4):
    draws = torch.Generator().manual_seed(0)
    source = torch.randn(sizes[0], width, generator=draws) * 2 + 1
    return source, torch.randn(sizes[1], width, generator=draws)


@SIZES
def test_coral_is_the_distance_of_numpy_s_covariances(sizes):
    source, target = clouds(sizes)
    covariances = [
        np.zeros((4, 4)) if len(x) == 1 else np.cov(x.double().numpy(), rowvar=False)
        for x in (source, target)
    ]
    expected = ((covariances[0] - covariances[1]) ** 2).sum() / (4 * 4**2)
    assert float(coral(source, target)) == pytest.approx(expected, rel=1e-4)


def test_the_same_moments_cost_nothing_whatever_the_means():
    source, _ = clouds((8, 8))
    assert float(coral(source, source + 5)) == pytest.approx(0, abs=1e-9)


def slow_discrepancy(source, target):
    both = [*source.double().tolist(), *target.double().tolist()]
    pairs = list(itertools.combinations(both, 2))
    mean = sum(math.dist(x, y) ** 2 for x, y in pairs) / len(pairs)

    def kernel(x, y):
        return sum(math.exp(-(math.dist(x, y) ** 2) / (s * mean)) for s in SCALES) / len(SCALES)

    def average(xs, ys):
        return sum(kernel(x, y) for x in xs for y in ys) / (len(xs) * len(ys))

    s, t = both[: len(source)], both[len(source) :]
    return average(s, s) + average(t, t) - 2 * average(s, t)


@SIZES
def test_the_discrepancy_is_that_of_all_pairs(sizes):
    source, target = clouds(sizes)
    expected = slow_discrepancy(source, target)
    # a difference of numbers near 2
    assert float(discrepancy(source, target)) == pytest.approx(expected, rel=0, abs=2e-6)


@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_the_discrepancy_of_a_set_with_itself_is_nothing(shift):
    source, _ = clouds((8, 8))
    found = float(discrepancy(source + shift, source + shift))
    assert found == pytest.approx(0, abs=1e-5)


def test_equal_samples_have_a_discrepancy_too():
    same = torch.ones(4, 3, requires_grad=True)
    found = discrepancy(same, same)
    found.backward()
    assert float(found.detach()) == 0
    assert torch.isfinite(same.grad).all()


def test_no_gradient_flows_through_the_bandwidth():
    source, target = (x.double().requires_grad_() for x in clouds((6, 5)))
    discrepancy(source, target).backward()
    both = torch.cat([source, target]).detach()
    mean = float(torch.pdist(both).square().mean())
    again = source.detach().clone().requires_grad_()

    def kernels(x, y):
        squared = (x[:, None] - y).square().sum(dim=2)
        return sum((-squared / (s * mean)).exp().mean() for s in SCALES) / len(SCALES)

    fixed = target.detach()
    (kernels(again, again) + kernels(fixed, fixed) - 2 * kernels(again, fixed)).backward()
    assert torch.allclose(source.grad, again.grad, rtol=1e-4, atol=1e-6)


def built(method, **options):
    torch.manual_seed(0)
    return method(Wide(SHAPE, width=0.25), TASKS, **options)


def batch(size=6):
    draws = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, size, *SHAPE, generator=draws), torch.arange(size) % 3
    index = torch.arange(size)
    return {"source": Labelled(x[0], y, index), "target": Unlabelled(x[1], index)}


@pytest.mark.parametrize("method", [CORAL, DAN])
def test_the_term_is_that_of_the_features_at_its_weight(method):
    method = built(method, weight=3.0).eval()
    streams = batch()
    terms = method("train", streams, 1.0)
    source, target = (method.outputs(streams[d].x, d) for d in ("source", "target"))
    ramp = 2 / (1 + math.exp(-10)) - 1
    expected = 3 * ramp * method.transfer(source, target)
    assert torch.allclose(terms["target"], expected)
    assert set(terms) == {"label_source", "target"}


def outputs(sizes=(6, 6), width=4, classes=3, factor=2.0):
    draws = torch.Generator().manual_seed(1)
    return [
        Outputs(torch.randn(n, width, generator=draws, requires_grad=True),
                (factor * torch.randn(n, classes, generator=draws)).requires_grad_())
        for n in sizes
    ]  # fmt: skip


def conditioned(entropy=True, **options):
    method = built(CDAN, entropy=entropy, discriminator=[5], **options)
    source, target = outputs(width=method.width)
    return method, source, target


@pytest.mark.parametrize("entropy", [True, False])
def test_the_domain_loss_is_that_of_the_paper(entropy):
    method, source, target = conditioned(entropy)
    found = method.terms(source, target, 0.5)["domain"]
    total = 0.0
    for part, is_source in ((source, 1.0), (target, 0.0)):
        p = part.logits.detach().softmax(dim=1)
        weights = [1 + math.exp(sum(v * math.log(v) for v in row)) for row in p.tolist()]
        for i, w in enumerate(weights):
            product = torch.outer(p[i], part.features[i].detach()).flatten()
            d = float(torch.sigmoid(method.discriminator(product)).detach())
            loss = -math.log(d if is_source else 1 - d)
            total += loss * (w * len(p) / sum(weights) if entropy else 1.0)
    assert float(found.detach()) == pytest.approx(total / 12, rel=1e-4)


def test_features_take_the_reversed_gradient_and_predictions_none():
    method, source, target = conditioned()
    method.terms(source, target, 0.5)["domain"].backward()
    reversed_, own = source.features.grad, method.discriminator[0].weight.grad
    assert source.logits.grad is None
    assert target.logits.grad is None
    method.zero_grad()
    features = source.features.detach().clone().requires_grad_()
    again = Outputs(features, source.logits), Outputs(target.features.detach(), target.logits)
    method.terms(*again, -1.0)["domain"].backward()  # as if it were not reversed
    assert torch.allclose(reversed_, -0.5 * features.grad)
    assert torch.allclose(own, method.discriminator[0].weight.grad)


def test_a_large_product_is_a_random_map_that_a_checkpoint_holds():
    classes = MOST_PRODUCTS // 8 + 1
    torch.manual_seed(0)
    first, second = Conditioning(8, classes), Conditioning(8, classes)
    features, predicted = torch.randn(4000, 8), torch.randn(4000, classes).softmax(dim=1)
    assert first(features, predicted).shape == (4000, RANDOM_WIDTH)
    second.load_state_dict(first.state_dict())
    assert torch.equal(second(features, predicted), first(features, predicted))
    # its inner products are those of the whole product, up to the error of 1024 draws
    a, b = F.normalize(features[:1]), F.normalize(predicted[:1])
    length = float(first(a, b).square().sum())
    assert length == pytest.approx(1, abs=0.35)
    assert not Conditioning(8, 3).state_dict()


def test_every_adapting_method_brings_a_layer_of_its_own_where_nothing_else_learns():
    for method in (CORAL, DAN, CDAN):
        torch.manual_seed(0)
        backbone = Wide(SHAPE, width=0.25)
        backbone.learn = "none"
        built_method = method(backbone, TASKS, bottleneck=None)
        budget = Budget(640, {"train": 64})
        assert "bottleneck" in built_method.phases(budget)[0].learn
        assert "bottleneck" not in built(method).phases(budget)[0].learn


@pytest.mark.parametrize("threshold", [0.4, 0.95, 0.999999])
def test_sure_answers_on_weak_views_label_strong_ones(threshold):
    method = built(SelfTraining, threshold=threshold)
    logits = torch.randn(12, 3, generator=torch.Generator().manual_seed(2)) * 3
    logits.requires_grad_()
    found = method.transfer(Outputs(logits, logits), Outputs(logits, logits))
    total, sure = 0.0, 0
    for weak, strong in zip(*logits.detach().chunk(2), strict=True):
        p = weak.softmax(dim=0)
        if float(p.max()) >= threshold:
            sure += 1
            total -= float(strong.log_softmax(dim=0)[int(p.argmax())])
    assert float(found.detach()) == pytest.approx(total / 6, rel=1e-5)
    assert method.health() == {"sure": pytest.approx(sure / 6)}
    assert (method.advice(method.health()) is None) == (sure > 0)
    found.backward()
    assert not logits.grad[:6].any()


def test_self_training_takes_two_views_of_the_target_of_which_the_first_is_weak():
    method = built(SelfTraining)
    stream = method.phases(Budget(640, {"train": 64}))[0].streams["target"]
    assert (stream.views, stream.weak, stream.unlabelled) == (2, True, True)
    streams = batch()
    x = streams["target"].x
    streams["target"] = Unlabelled(torch.stack([x, x + 1]), streams["target"].index)
    assert set(method("train", streams, 0.5)) == {"label_source", "target"}
