"""Layer groups: copying, freezing, and the rule that finds them in the networks of others."""

import pytest
import torch
from torch import nn

from translearn.backbones.base import Backbone, layer_groups
from translearn.backbones.digits import LeNet, Wide
from translearn.backbones.normalization import convert_to_domain_batch_norm
from translearn.errors import ConfigError

SHAPE = (3, 28, 28)


def test_copy_groups_copies_weights_and_buffers_of_these_groups_only():
    mine, other = Wide(SHAPE), Wide(SHAPE)
    other(torch.rand(8, *SHAPE))  # moves the running statistics
    mine.copy_groups(other, ["conv1", "conv3"])
    theirs = other.state_dict()
    for key, tensor in mine.state_dict().items():
        copied = not key.startswith("layers.conv2.")
        if ("weight" in key and tensor.ndim == 4) or "running_mean" in key:
            assert torch.equal(tensor, theirs[key]) is copied, key


def test_copied_weights_are_not_shared():
    mine, other = LeNet(SHAPE), LeNet(SHAPE)
    mine.copy_groups(other, ["conv1"])
    with torch.no_grad():
        other.layers["conv1"][0].weight.zero_()
    assert mine.layers["conv1"][0].weight.abs().sum() > 0


def test_copy_groups_of_another_shape_is_refused():
    with pytest.raises(ConfigError, match="'conv1' cannot be copied"):
        LeNet(SHAPE).copy_groups(Wide(SHAPE), ["conv1"])
    converted = Wide(SHAPE)
    convert_to_domain_batch_norm(converted, ("source", "target"))
    with pytest.raises(ConfigError, match="'conv2' cannot be copied"):
        converted.copy_groups(Wide(SHAPE), ["conv2"])


def test_freeze():
    net = Wide(SHAPE)
    net.freeze(["conv1", "conv2"])
    trained = {name.split(".")[1] for name, p in net.named_parameters() if p.requires_grad}
    assert trained == {"conv3"}


@pytest.mark.parametrize("use", ["group_layers", "group_parameters", "freeze"])
def test_unknown_group_is_refused_with_the_names(use):
    with pytest.raises(ConfigError, match="no layer group 'conv9'; there are conv1, conv2"):
        getattr(LeNet(SHAPE), use)(["conv9"])


def test_unknown_group_is_refused_when_copying():
    with pytest.raises(ConfigError, match="there are conv1, conv2"):
        LeNet(SHAPE).copy_groups(LeNet(SHAPE), ["conv9"])


class Patches(nn.Module):
    """Tokens of its own, stages in a container, and a norm at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1))
        self.embed = nn.Conv2d(3, 4, 1)
        self.embed_norm = nn.LayerNorm(4)
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.norm = nn.LayerNorm(4)
        self.dropout = nn.Dropout()


def test_rule_for_groups():
    assert layer_groups(Patches(), "net.") == {
        "stem": ("net.token", "net.embed", "net.embed_norm"),
        "blocks.0": ("net.blocks.0",),
        "blocks.1": ("net.blocks.1", "net.norm"),
    }


def test_groups_hold_single_parameters_too():
    net = Backbone()
    net.net = Patches()
    net.group_paths = layer_groups(net.net, "net.")
    assert net.groups["stem"][0] is net.net.token
    other = Backbone()
    other.net = Patches()
    other.net.token.data.fill_(3.0)
    other.group_paths = net.group_paths
    net.copy_groups(other, ["stem"])
    net.freeze(["stem"])
    assert net.net.token.item() == 3.0 and not net.net.token.requires_grad
