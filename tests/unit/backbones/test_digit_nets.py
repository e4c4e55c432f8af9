"""The networks for digits."""

import pytest
import torch
from runs import checked

from translearn.backbones.digits import LeNet, Wide
from translearn.errors import ConfigError


@pytest.mark.parametrize(
    ("kind", "shape", "out_dim", "groups"),
    [
        (LeNet, (3, 28, 28), 768, ["conv1", "conv2"]),
        (LeNet, (1, 32, 32), 1200, ["conv1", "conv2"]),
        (Wide, (3, 28, 28), 1024, ["conv1", "conv2", "conv3"]),
    ],
)
def test_features_and_groups(kind, shape, out_dim, groups):
    net = kind(shape)
    assert net.training and net.out_dim == out_dim
    assert net(torch.rand(2, *shape)).shape == (2, out_dim)
    assert list(net.groups) == groups
    found = [id(p) for name in groups for p in net.group_parameters([name])]
    assert sorted(found) == sorted(id(p) for p in net.parameters())


def test_lenet_is_the_network_of_the_paper():
    convolutions = [p.shape for p in LeNet((3, 28, 28)).parameters() if p.ndim == 4]
    assert convolutions == [(32, 3, 5, 5), (48, 32, 5, 5)]
    assert LeNet.head_hidden == (100, 100) and LeNet.discriminator_hidden == (100,)


def test_building_does_not_move_batch_norm():
    statistics = {k: v for k, v in Wide((3, 28, 28)).named_buffers() if "running_mean" in k}
    assert statistics and all(v.eq(0).all() for v in statistics.values())


@pytest.mark.parametrize("kind", [LeNet, Wide])
def test_too_small_images_are_refused(kind):
    with pytest.raises(ConfigError, match="inputs of 8x8 are too small"):
        kind((3, 8, 8))


def test_width_is_a_factor_on_the_channels():
    assert Wide((3, 28, 28), width=0.5).out_dim == 512
    assert Wide((3, 28, 28)).out_dim == 1024
    with pytest.raises(ConfigError, match=r"width=0\.001"):
        checked(Wide, (3, 28, 28), width=0.001)


def test_a_dense_layer_is_a_group_of_the_backbone():
    net = Wide((1, 28, 28), width=0.5, dense=128)
    assert list(net.groups) == ["conv1", "conv2", "conv3", "dense"] and net.out_dim == 128
    assert net(torch.rand(2, 1, 28, 28)).shape == (2, 128)
    assert Wide((1, 32, 40), dense=7).out_dim == 7
    with pytest.raises(ConfigError, match="inputs of 8x8 are too small"):
        Wide((3, 8, 8), dense=128)
    with pytest.raises(ConfigError, match="dense=-1"):
        checked(Wide, (3, 28, 28), dense=-1)
