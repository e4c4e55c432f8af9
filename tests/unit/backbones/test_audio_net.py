"""The network for spectrograms."""

import pytest
import torch
from runs import checked

from translearn.backbones.audio import Audio
from translearn.backbones.groups import choose_groups
from translearn.errors import ConfigError

SHAPE = (1, 40, 63)


def test_features_and_ordered_groups():
    net = Audio(SHAPE)
    assert net(torch.rand(2, *SHAPE)).shape == (2, net.out_dim) == (2, 480)
    assert list(net.groups) == ["conv1", "conv2", "conv3", "conv4"]
    found = [id(p) for name in net.groups for p in net.group_parameters([name])]
    assert sorted(found) == sorted(id(p) for p in net.parameters())
    assert choose_groups("last:2", list(net.groups), "method.transfer") == ("conv3", "conv4")


def test_width_and_size():
    assert Audio(SHAPE, width=0.5).out_dim == 240
    with pytest.raises(ConfigError, match=r"width=0\.01 must be a number, at least"):
        checked(Audio, SHAPE, width=0.01)
    with pytest.raises(ConfigError, match=r"inputs of 40x8 are too small(.|\n)*40x63"):
        Audio((1, 40, 8))
