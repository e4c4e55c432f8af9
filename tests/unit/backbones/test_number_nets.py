"""Networks for vectors and signals: sizes, groups, and what they refuse."""

import pytest
import torch
from runs import checked, config_of
from torch import nn

from translearn.backbones.conv1d import Conv1d
from translearn.backbones.mlp import MLP
from translearn.engine.build import build_backbone
from translearn.errors import ConfigError


@pytest.mark.parametrize("shape", [(5,), (2, 16), (3, 8, 8)])
@pytest.mark.parametrize("options", [{}, {"sizes": [7]}, {"sizes": [9, 4, 3], "dropout": 0.5}])
def test_an_mlp_has_a_group_for_each_size(options, shape):
    net = checked(MLP, shape, **options)
    sizes = options.get("sizes", [256, 128])
    assert list(net.groups) == [f"dense{i}" for i in range(1, len(sizes) + 1)]
    assert net(torch.randn(4, *shape)).shape == (4, sizes[-1]) and net.out_dim == sizes[-1]
    in_groups = [p for layer in net.group_layers(net.groups) for p in layer.parameters()]
    assert len({id(p) for p in in_groups}) == len(list(net.parameters())) == 2 * len(sizes)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "gelu"])
def test_an_mlp_is_what_it_says(name):
    net = MLP((5,), sizes=(4,), activation=name, batch_norm=True).eval()
    x, layers = torch.randn(3, 5), list(net.layers["dense1"])
    activation = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
                  "gelu": nn.functional.gelu}[name]  # fmt: skip
    assert torch.allclose(net(x), activation(layers[2](layers[1](x))))
    assert isinstance(layers[2], nn.BatchNorm1d) and layers[1].bias is None


def test_an_mlp_needs_a_layer():
    with pytest.raises(ConfigError, match=r"backbone\.sizes=\[\] must hold"):
        MLP((5,), sizes=())


@pytest.mark.parametrize(("channels", "length"), [(9, 128), (3, 128), (1, 4), (2, 1000)])
def test_conv1d_is_that_of_adatime(channels, length):
    net = Conv1d((channels, length)).eval()
    assert net.out_dim == 128 and list(net.groups) == ["conv1", "conv2", "conv3"]
    assert net(torch.randn(2, channels, length)).shape == (2, 128)
    weights = [tuple(p.shape) for p in net.parameters() if p.ndim == 3]
    assert weights == [(64, channels, 5), (128, 64, 8), (128, 128, 8)]


@pytest.mark.parametrize(
    ("backbone", "shape", "told"),
    [
        ("wide", (5,), "is for images, and these samples are vectors.*\n.*backbone=mlp"),
        ("resnet18", (3, 64), "is for images, and these samples are signals.*\n.*conv1d or mlp"),
        ("conv1d", (5,), "is for signals, and these samples are vectors"),
        ("conv1d", (3, 8, 8), "is for signals, and these samples are images.*\n.*=wide"),
        ("identity", (3, 64), "is for vectors, and these samples are signals"),
    ],
)
def test_samples_of_another_kind_are_refused(backbone, shape, told):
    with pytest.raises(ConfigError, match=told):
        build_backbone(config_of(f"backbone={backbone}"), shape, trained=False)
