"""Networks with their batch norm folded give the same features, up to rounding."""

import pytest
import torch
from torch import nn

from translearn.backbones.digits import LeNet
from translearn.backbones.folding import ROUNDING, folded, followers
from translearn.backbones.normalization import convert_to_domain_batch_norm
from translearn.backbones.timm import TimmBackbone
from translearn.backbones.torchvision import TorchvisionBackbone

SMALL = (3, 32, 32)


def lived(net):
    """The network with statistics and affine weights of its own, in evaluation mode."""
    torch.manual_seed(1)
    for layer in net.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2.0)
            layer.weight.data.uniform_(0.5, 1.5)
            layer.bias.data.normal_()
    return net.eval()


def count(net):
    return sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in net.modules())


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TorchvisionBackbone, "shufflenet_v2_x0_5"),
        (TorchvisionBackbone, "resnet18"),
        (TimmBackbone, "test_resnet"),
        (TimmBackbone, "test_efficientnet"),
    ],
)
def test_features_differ_by_rounding_alone(kind, name):
    if kind is TimmBackbone:
        pytest.importorskip("timm")
    net = lived(kind(name, SMALL))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    twin = folded(net, SMALL)
    assert count(net) > 0 and count(twin) == 0
    torch.manual_seed(2)
    x = torch.randn(4, *SMALL)
    with torch.no_grad():
        features, others = net(x), twin(x)
    assert (features - others).abs().max() <= ROUNDING * features.abs().max()
    assert all(torch.equal(before[n], value) for n, value in net.state_dict().items())


class Branched(nn.Module):
    """Reads the output of its convolution twice."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.conv(x)
        return (x + self.norm(x)).mean(dim=(2, 3))


class Shared(nn.Module):
    """Uses one convolution twice, each time with a batch norm of its own."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.first, self.second = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x):
        return self.second(self.conv(self.first(self.conv(x)))).mean(dim=(2, 3))


@pytest.mark.parametrize("make", [Branched, Shared, lambda: LeNet(SMALL)])
def test_what_cannot_be_folded_stays_as_it_is(make):
    net = lived(make())
    assert folded(net, SMALL) is net


def test_statistics_per_domain_are_never_folded():
    pytest.importorskip("timm")
    net = lived(TimmBackbone("test_resnet", SMALL))
    convert_to_domain_batch_norm(net, ("source", "target"))
    assert followers(net, torch.zeros(1, *SMALL)) == [] and folded(net, SMALL) is net
