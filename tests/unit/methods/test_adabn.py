"""AdaBN: the target's statistics against a slow reference, layer by layer."""

import pytest
import torch
from runs import smoke_options, train, train_once, weights

from translearn.backbones.digits import LeNet, Wide
from translearn.backbones.normalization import DomainBatchNorm
from translearn.data.access import TrainView, UnlabelledSet
from translearn.errors import ConfigError
from translearn.methods.adabn import AdaBN
from translearn.methods.base import Phase
from translearn.methods.source_only import SourceOnly

TASKS = {"source": ("a", "b"), "target": ("a", "b")}
SHAPE = (3, 28, 28)


def build(cls=AdaBN, frozen_statistics=None):
    torch.manual_seed(0)
    backbone = Wide(SHAPE, width=0.25)
    backbone.frozen_statistics = frozen_statistics
    return cls(backbone, TASKS)


def images(count=30):
    draws = torch.Generator().manual_seed(1)
    return torch.randn(count, *SHAPE, generator=draws) * 2 + 0.5


def estimated(method, x, size, hidden=None):
    """The method after its last phase, with target samples in batches of ``size``."""

    def compute(task, samples, module):
        assert task == "target"
        method.eval()
        with torch.no_grad():
            return torch.cat([module(part) for part in samples.split(size)])

    sets = {"source": UnlabelledSet(x[:2]), "target": UnlabelledSet(x)}
    method.enter(Phase("statistics"), TrainView(sets, hidden, compute))
    return method


def slow_reference(backbone, batches):
    """Mean and variance of every layer's input over all samples, each batch by its own."""
    layers = [m for m in backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    seen = {layer: [] for layer in layers}
    for layer in layers:
        layer.momentum = 1.0  # of no matter: training mode normalises by the batch
        layer.register_forward_pre_hook(lambda layer, x: seen[layer].append(x[0].detach()))
    backbone.train()
    with torch.no_grad():
        for batch in batches:
            backbone(batch)
    values = [torch.cat(parts).double().transpose(0, 1).flatten(1) for parts in seen.values()]
    return [(v.mean(dim=1).float(), v.var(dim=1, correction=0).float()) for v in values]


@pytest.mark.parametrize("size", [30, 8, 29])
def test_the_statistics_are_those_of_all_target_samples(size):
    x = images()
    expected = slow_reference(build(SourceOnly).backbone, x.split(size))
    found = estimated(build(), x, size).normalizations
    assert len(found) == len(expected) > 1
    for layer, (mean, var) in zip(found, expected, strict=True):
        assert torch.allclose(layer.target_mean, mean, atol=1e-5, rtol=1e-4)
        assert torch.allclose(layer.target_var, var, atol=1e-5, rtol=1e-4)


def test_samples_behind_a_label_budget_count_too():
    x = images()
    both = estimated(build(), x[:10], 30, {"target": UnlabelledSet(x[10:])}).normalizations[0]
    whole = estimated(build(), x, 30).normalizations[0]
    assert torch.allclose(both.target_mean, whole.target_mean, atol=1e-6)
    assert torch.allclose(both.target_var, whole.target_var, rtol=1e-4)


def test_each_domain_is_tested_with_its_own_statistics_once_there_are_any():
    method, x = build(), images()
    method.eval()
    before = method.predict(x, "source")
    assert torch.equal(before, method.predict(x, "target"))
    estimated(method, x, 30)
    assert torch.equal(before, method.predict(x, "source"))
    assert not torch.allclose(before, method.predict(x, "target"))
    again = build()
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.eval().predict(x, "target"), method.predict(x, "target"))


def test_a_backbone_that_keeps_its_statistics_keeps_the_sources():
    method = build(frozen_statistics=True)
    method.train()
    method.backbone(images())
    layer = method.normalizations[0]
    assert torch.equal(layer.source_mean, torch.zeros_like(layer.source_mean))
    assert method.estimated.item() is False
    assert not isinstance(layer, torch.nn.BatchNorm2d) and isinstance(layer, DomainBatchNorm)


def test_training_is_that_of_source_only(tmp_path):
    adapted = weights(train_once(*smoke_options("adabn")).folder)
    train(tmp_path / "run", *smoke_options("source_only"))
    plain = weights(tmp_path / "run")
    named = {n.replace("running_mean", "source_mean").replace("running_var", "source_var"): w
             for n, w in plain.items() if "num_batches" not in n}  # fmt: skip
    assert named.keys() <= adapted.keys()
    assert all(torch.equal(w, adapted[name]) for name, w in named.items())
    means = [name for name in adapted if name.endswith("target_mean")]
    assert means
    assert not any(torch.equal(adapted[n], adapted[n.replace("target_", "source_")]) for n in means)


def test_without_batch_norm_it_is_refused_in_a_sentence():
    with pytest.raises(ConfigError, match="no batch norm"):
        AdaBN(LeNet(SHAPE), TASKS)


@pytest.mark.parametrize(
    ("method", "samples", "beside"),
    [
        ("adabn", 24, []),
        ("dann", 24, ["source_only", "adabn", "target_only"]),
        ("target_only", 0, []),
    ],
)
def test_a_result_tells_the_source_samples_and_the_rows_to_compare_with(method, samples, beside):
    result = train_once(*smoke_options(method)).result
    assert (result["source_samples"], result["references"]) == (samples, beside)
