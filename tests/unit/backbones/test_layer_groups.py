"""Layer groups: freezing, and the rule that finds them in the networks of others."""

import pytest
import torch
from torch import nn

from translearn.backbones.base import Backbone
from translearn.backbones.digits import LeNet, Wide
from translearn.backbones.layers import layer_groups
from translearn.errors import ConfigError

SHAPE = (3, 28, 28)


def test_freeze():
    net = Wide(SHAPE)
    net.freeze(["conv1", "conv2"])
    trained = {name.split(".")[1] for name, p in net.named_parameters() if p.requires_grad}
    assert trained == {"conv3"}


@pytest.mark.parametrize("use", ["group_layers", "group_parameters", "freeze"])
def test_unknown_group_is_refused_with_the_names(use):
    with pytest.raises(ConfigError, match="no layer group 'conv9'; there are conv1, conv2"):
        getattr(LeNet(SHAPE), use)(["conv9"])


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
    net.freeze(["stem"])
    assert not net.net.token.requires_grad
