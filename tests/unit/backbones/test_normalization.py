"""Batch norm with statistics per domain."""

import copy

import pytest
import torch
from torch import nn

from translearn.backbones.digits import Wide
from translearn.backbones.normalization import (
    DomainBatchNorm,
    convert_to_domain_batch_norm,
    use_domain,
)
from translearn.backbones.torchvision import TorchvisionBackbone
from translearn.errors import ConfigError

DOMAINS = ("source", "target")


def batches(domain: str, count: int = 3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(len(domain) + 7 * (domain == "target"))
    shift = 3.0 if domain == "target" else -1.0
    return [torch.randn(6, 5, 4, 4, generator=generator) * 2 + shift for _ in range(count)]


def test_equals_one_batch_norm_for_each_domain():
    torch.manual_seed(0)
    original = nn.BatchNorm2d(5, momentum=0.3, eps=1e-3)
    nn.init.normal_(original.weight)
    nn.init.normal_(original.bias)
    plain = {domain: copy.deepcopy(original) for domain in DOMAINS}
    ours = DomainBatchNorm(original, DOMAINS)
    for pair in zip(batches("source"), batches("target"), strict=True):
        for domain, x in zip(DOMAINS, pair, strict=True):
            with use_domain(ours, domain):
                assert torch.equal(ours(x), plain[domain](x))
    ours.eval()
    for domain in DOMAINS:
        plain[domain].eval()
        with use_domain(ours, domain):
            x = batches(domain)[0]
            assert torch.equal(ours(x), plain[domain](x))
    assert not torch.equal(ours.source_mean, ours.target_mean)


def test_affine_weights_are_shared_with_the_original():
    original = nn.BatchNorm2d(5)
    ours = DomainBatchNorm(original, DOMAINS)
    assert ours.weight is original.weight and ours.bias is original.bias
    assert len(list(ours.parameters())) == 2
    with use_domain(ours, "target"):
        ours(batches("target")[0]).square().sum().backward()
    assert ours.weight.grad is not None


def test_the_domain_is_put_back_after_an_error():
    ours = DomainBatchNorm(nn.BatchNorm2d(5), DOMAINS)
    with pytest.raises(KeyError), use_domain(ours, "target"):
        assert ours.active == "target"
        raise KeyError
    assert ours.active == "source"


def test_without_affine_weights_and_in_one_dimension():
    ours = DomainBatchNorm(nn.BatchNorm1d(5, affine=False), DOMAINS)
    x = torch.randn(8, 5)
    assert torch.allclose(ours(x), nn.BatchNorm1d(5, affine=False)(x))


def test_cumulative_average_is_refused():
    with pytest.raises(ConfigError, match="domain_batch_norm=false"):
        DomainBatchNorm(nn.BatchNorm2d(5, momentum=None), DOMAINS)


def test_unknown_batch_norm_is_refused():
    with pytest.raises(ConfigError, match="SyncBatchNorm"):
        DomainBatchNorm(nn.SyncBatchNorm(5), DOMAINS)


def test_layers_without_running_statistics_stay():
    net = nn.Sequential(nn.BatchNorm2d(5, track_running_stats=False))
    convert_to_domain_batch_norm(net, DOMAINS)
    assert type(net[0]) is nn.BatchNorm2d


def test_bf16_autocast():
    net = Wide((3, 28, 28)).to(memory_format=torch.channels_last)
    plain = copy.deepcopy(net)
    convert_to_domain_batch_norm(net, DOMAINS)
    x = torch.rand(4, 3, 28, 28).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = net(x), plain(x)
    assert torch.equal(ours, theirs)
    statistics = [b for k, b in net.named_buffers() if k.endswith("_mean")]
    assert statistics and all(b.dtype is torch.float32 for b in statistics)
    ours.float().sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def networks():
    yield pytest.param(lambda: TorchvisionBackbone("resnet18", (3, 32, 32)), id="resnet18")
    yield pytest.param(lambda: TorchvisionBackbone("densenet121", (3, 32, 32)), id="densenet121")

    def lite():
        pytest.importorskip("timm")
        from translearn.backbones.timm import EfficientNetLite0

        return EfficientNetLite0((3, 32, 32), pretrained=False)

    yield pytest.param(lite, id="efficientnet_lite0", marks=pytest.mark.full)


@pytest.mark.parametrize("make", list(networks()))
def test_conversion_keeps_outputs_and_groups(make):
    torch.manual_seed(0)
    net = make()
    x = torch.randn(4, 3, 32, 32)
    net(x)  # statistics that differ from their start
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.bias, std=0.1)
    plain = copy.deepcopy(net)
    convert_to_domain_batch_norm(net, DOMAINS)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    assert any(isinstance(m, DomainBatchNorm) for m in net.modules())
    with torch.no_grad():
        for training in (False, True):
            net.train(training)
            plain.train(training)
            torch.manual_seed(1)
            ours = net(x)
            torch.manual_seed(1)
            assert torch.equal(ours, plain(x))
    found = [id(p) for name in net.groups for p in net.group_parameters([name])]
    assert sorted(found) == sorted(id(p) for p in net.parameters())
    layers = [m for layer in net.group_layers(net.groups) for m in layer.modules()]
    assert not any(isinstance(m, nn.BatchNorm2d) for m in layers)
