"""Batch norm of a pretrained backbone keeps its statistics, whatever trains it."""

import pytest
import torch
from runs import METHODS, smoke_options, train, weights
from torch import nn

from translearn.backbones.normalization import (
    DomainBatchNorm,
    convert_to_domain_batch_norm,
    per_domain,
)
from translearn.backbones.torchvision import TorchvisionBackbone
from translearn.commands.last_model import without_download
from translearn.errors import ConfigError
from translearn.methods.dann import DANN
from translearn.methods.multitask import Multitask

NET = ("backbone=torchvision", "backbone.name=shufflenet_v2_x0_5")
TASKS = {"source": ("a", "b"), "target": ("a", "b")}


def net(pretrained=False, frozen_statistics=None):
    made = TorchvisionBackbone(
        "shufflenet_v2_x0_5", (3, 32, 32), frozen_statistics=frozen_statistics
    )
    made.pretrained = pretrained
    return made


def normalizing(backbone):
    """Whether each batch norm follows the batch, in training mode."""
    norms = [m for m in backbone.train().modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    return {norm.training for norm in norms}


@pytest.mark.parametrize(
    ("pretrained", "frozen_statistics", "follow"),
    [
        (True, None, False), (False, None, True), (True, False, True), (False, True, False),
    ],
)  # fmt: skip
def test_pretrained_statistics_are_kept_unless_it_is_said(pretrained, frozen_statistics, follow):
    backbone = net(pretrained, frozen_statistics)
    assert normalizing(backbone) == {follow}
    assert backbone.training and not backbone.eval().training
    before = {k: v.clone() for k, v in backbone.state_dict().items() if "running" in k}
    backbone.train()(torch.randn(4, 3, 32, 32)).sum().backward()
    after = backbone.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items()) is not follow
    assert all(p.grad is not None for p in backbone.parameters())  # affine weights learn


@pytest.mark.parametrize("method", [method for method in METHODS if method != "adabn"])
@pytest.mark.full
def test_no_method_moves_them_in_any_phase(method, tmp_path):
    """A new network's are 0 and 1; to estimate them anew is all that adabn is there for."""
    if method == "zeroshot":
        options = (*smoke_options(method), *NET, "method.train_backbone=true")
    else:
        options = (*smoke_options(method), *NET)
    train(tmp_path, *options, "backbone.frozen_statistics=true")
    found = weights(tmp_path)
    means = [v for k, v in found.items() if k.startswith("backbone.") and "running_mean" in k]
    variances = [v for k, v in found.items() if k.startswith("backbone.") and "running_var" in k]
    assert means and len(means) == len(variances)
    assert not any(mean.any() for mean in means)
    assert all(torch.equal(variance, torch.ones_like(variance)) for variance in variances)


@pytest.mark.parametrize("method", [DANN, Multitask])
def test_statistics_per_domain_are_for_backbones_that_learn_theirs(method):
    options = {"input_shape": (3, 32, 32), "input_shapes": dict.fromkeys(TASKS, (3, 32, 32))}
    options = options if method is Multitask else {}
    norms = [
        any(isinstance(m, DomainBatchNorm) for m in method(net(given), TASKS, **options).modules())
        for given in (True, False)
    ]
    assert norms == [False, True]


def test_both_at_once_are_refused():
    with pytest.raises(ConfigError, match=r"method\.x=true needs batch norm that follows"):
        per_domain(True, net(frozen_statistics=True), "method.x")
    assert per_domain(True, net(pretrained=True), "method.x") is True
    assert per_domain(False, net(), "method.x") is False


def test_statistics_per_domain_go_on_where_a_backbone_would_keep_its_own():
    backbone = net(pretrained=True)
    convert_to_domain_batch_norm(backbone, ("source", "target"))
    layers = [m for m in backbone.train().modules() if isinstance(m, DomainBatchNorm)]
    assert layers and all(layer.training for layer in layers)


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        ({"pretrained": True, "frozen_statistics": None}, True),
        ({"pretrained": False, "weights": "file", "frozen_statistics": None}, True),
        ({"pretrained": False, "frozen_statistics": None}, False),
        ({"pretrained": True, "frozen_statistics": False}, False),
    ],
)
def test_a_stored_run_is_rebuilt_as_it_was_without_its_first_weights(stored, kept):
    backbone = without_download({"backbone": stored})["backbone"]
    assert backbone["frozen_statistics"] is kept and backbone["pretrained"] is False
    assert "frozen_statistics" not in without_download({"backbone": {"name": "wide"}})["backbone"]
