"""Layer groups chosen by options, drawn anew, and watched."""

import pytest
import torch

from translearn.backbones.digits import LeNet, Wide
from translearn.backbones.groups import choose_groups, group_outputs
from translearn.backbones.torchvision import TorchvisionBackbone
from translearn.errors import ConfigError

GROUPS = ("a", "b", "c")
SHAPE = (3, 28, 28)


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [("all", "abc"), ("none", ""), ("first:2", "ab"), ("last:2", "bc"), ("last:0", ""),
     (["c", "a"], "ac"), ([], "")],
)  # fmt: skip
def test_choices(choice, chosen):
    assert choose_groups(choice, GROUPS, "method.transfer") == tuple(chosen)


@pytest.mark.parametrize("choice", ["first:4", "middle:1", "first:", "a", ["a", "d"], None, 2])
def test_wrong_choices_name_the_option_and_the_groups(choice):
    with pytest.raises(ConfigError, match=r"^method\.freeze.*the groups are a, b, c$"):
        choose_groups(choice, GROUPS, "method.freeze")


def test_outputs_of_groups_are_what_the_layers_gave():
    net = Wide(SHAPE).eval()
    x = torch.rand(2, *SHAPE)
    with group_outputs(net, ("conv1", "conv3")) as maps:
        features = net(x)
    assert torch.equal(maps["conv1"], net.layers["conv1"](x))
    assert torch.equal(maps["conv3"].flatten(1), features) and list(maps) == ["conv1", "conv3"]
    maps.clear()
    net(x)
    assert not maps  # nothing is watched outside the block


def test_outputs_of_a_network_of_others():
    net = TorchvisionBackbone("resnet18", (3, 32, 32)).eval()
    with group_outputs(net, tuple(net.group_paths)) as maps:
        net(torch.rand(2, 3, 32, 32))
    assert list(maps) == list(net.group_paths)


def test_reset_draws_the_named_groups_alone():
    net = Wide(SHAPE)
    net(torch.rand(8, *SHAPE))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net.reset_groups(["conv2"])
    for name, tensor in net.state_dict().items():
        if name.endswith(("0.weight", "running_mean")):
            assert torch.equal(tensor, before[name]) is ("conv2" not in name), name


def test_what_has_no_rule_cannot_be_reset():
    net = LeNet(SHAPE)
    net.layers["conv1"].register_parameter("token", torch.nn.Parameter(torch.zeros(1)))
    with pytest.raises(ConfigError, match="'conv1' cannot start anew"):
        net.reset_groups(["conv1"])
