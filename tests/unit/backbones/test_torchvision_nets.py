"""Every classification network of torchvision."""

import urllib.error

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models.regnet import BlockParams

from translearn.backbones import torchvision as ours
from translearn.backbones.torchvision import TorchvisionBackbone
from translearn.errors import ConfigError, DataError
from translearn.system import network

NAMES = models.list_models(module=models)
FAMILIES = [  # a small one of each
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet",
    "inception_v3", "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small",
    "regnet_x_400mf", "regnet_y_400mf", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1",
    "swin_t", "swin_v2_t", "vgg11_bn", "vit_b_32",
]  # fmt: skip
LIGHT = ("alexnet", "mobilenet_v2", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1")
GROUPS = {
    "resnet18": ["stem", "layer1", "layer2", "layer3", "layer4"],
    "regnet_y_400mf": ["stem", *(f"trunk_output.block{i}" for i in (1, 2, 3, 4))],
    "efficientnet_b0": ["stem", *(f"features.{i}" for i in range(1, 9))],
    "vgg11_bn": [
        "stem", "features.4", "features.8", "features.11", "features.15", "features.18",
        "features.22", "features.25", "classifier.0", "classifier.3",
    ],
    "vit_b_32": ["stem", *(f"encoder.layers.encoder_layer_{i}" for i in range(12))],
}  # fmt: skip


def least_size(name: str) -> int:
    return max(models.get_model_weights(name).DEFAULT.meta["min_size"])


@pytest.fixture
def meta(monkeypatch):
    """Networks without numbers, so that the largest are built in a moment."""
    compute = BlockParams.from_init_params.__func__

    def on_cpu(cls, *args, **kwargs):  # RegNet computes its widths with tensors
        with torch.device("cpu"):
            return compute(cls, *args, **kwargs)

    monkeypatch.setattr(BlockParams, "from_init_params", classmethod(on_cpu))
    with torch.device("meta"):
        yield


def test_there_are_networks_of_all_families():
    assert len(NAMES) >= 80 and set(FAMILIES) <= set(NAMES)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in {*LIGHT, *GROUPS} else pytest.mark.full) for n in NAMES],
)
def test_every_network_has_features_and_groups(name, meta):
    size = least_size(name)
    net = TorchvisionBackbone(name, (3, size, size))
    assert net.training and net.out_dim >= 256
    found = [id(p) for group in net.groups for p in net.group_parameters([group])]
    assert sorted(found) == sorted(id(p) for p in net.parameters())
    assert next(iter(net.groups)) == "stem" and len(net.groups) >= 5


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in LIGHT else pytest.mark.full) for n in FAMILIES]
)
def test_features_are_the_input_of_the_last_layer(name, monkeypatch):
    """The full network's logits are its last layer applied to the features."""
    size = max(least_size(name), 32)
    monkeypatch.setattr(ours, "_remove_last_layer", lambda model: nn.Linear(1000, 1))
    torch.manual_seed(0)
    full = TorchvisionBackbone(name, (3, size, size)).eval()
    monkeypatch.undo()
    torch.manual_seed(0)
    net = TorchvisionBackbone(name, (3, size, size)).eval()
    mine = dict(net.named_parameters())
    (weight, *bias) = [p for key, p in full.named_parameters() if key not in mine]
    x = torch.rand(2, 3, size, size)
    with torch.no_grad():
        logits = net(x) @ weight.flatten(1).T + (bias[0] if bias else 0.0)
        expected = full(x)
    if name.startswith("squeezenet"):  # it averages after its classifier and its ReLU
        assert weight.shape[:2] == (1000, net.out_dim)
    else:
        assert torch.allclose(logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", GROUPS)
def test_names_of_groups(name, meta):
    size = max(least_size(name), 32)
    assert list(TorchvisionBackbone(name, (3, size, size)).groups) == GROUPS[name]


def test_stem_of_resnet_and_vision_transformer(meta):
    resnet = TorchvisionBackbone("resnet18", (3, 32, 32))
    assert resnet.group_paths["stem"] == ("model.conv1", "model.bn1")
    vit = TorchvisionBackbone("vit_b_32", (3, 64, 64))
    tokens = ("model.class_token", "model.conv_proj", "model.encoder.pos_embedding")
    assert vit.group_paths["stem"] == tokens


def test_normalisation_is_that_of_the_weights(meta):
    assert TorchvisionBackbone("resnet18", (3, 32, 32)).mean == (0.485, 0.456, 0.406)
    assert TorchvisionBackbone("resnet18", (3, 32, 32)).std == (0.229, 0.224, 0.225)
    assert TorchvisionBackbone("efficientnet_v2_l", (3, 64, 64)).mean == (0.5, 0.5, 0.5)


def test_grey_images_are_repeated():
    net = TorchvisionBackbone("resnet18", (1, 32, 32)).eval()
    x = torch.rand(2, 1, 32, 32)
    assert torch.equal(net(x), net(x.repeat(1, 3, 1, 1)))


def test_unknown_name_and_channels():
    with pytest.raises(ConfigError, match="resnet51 is not in torchvision; did you mean resnet50"):
        TorchvisionBackbone("resnet51", (3, 32, 32))
    with pytest.raises(ConfigError, match="1 or 3 channels, not 2"):
        TorchvisionBackbone("resnet18", (2, 32, 32))


@pytest.mark.parametrize(
    ("name", "edge", "needed"),
    [
        ("alexnet", 28, "63x63 and larger"),
        ("densenet121", 28, "29x29 and larger"),
        ("inception_v3", 64, "75x75 and larger"),
        ("vgg11", 28, "32x32 and larger"),
        ("vit_b_16", 28, "multiple of 16"),
        ("maxvit_t", 64, "224x224"),
    ],
)
def test_images_that_do_not_suit_are_refused(name, edge, needed, meta):
    with pytest.raises(ConfigError, match=f"images of {edge}x{edge}.*{needed}"):
        TorchvisionBackbone(name, (3, edge, edge))


def test_pretrained_without_network(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(ours, "reachable", lambda url: False)
    with pytest.raises(DataError) as caught:
        TorchvisionBackbone("resnet50", (3, 64, 64), pretrained=True)
    message = str(caught.value)
    assert str(tmp_path / "hub" / "checkpoints" / "resnet50-") in message
    assert "https://download.pytorch.org/models/resnet50-" in message
    assert "backbone=efficientnet_lite0" in message and len(message.splitlines()) <= 6


def test_pretrained_reads_the_file_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    full = models.resnet18()
    url = models.ResNet18_Weights.DEFAULT.url
    torch.save(full.state_dict(), folder / url.rsplit("/", 1)[-1])
    net = TorchvisionBackbone("resnet18", (3, 64, 64), pretrained=True)
    assert net.pretrained
    assert torch.equal(net.model.layer4[1].conv2.weight, full.layer4[1].conv2.weight)


@pytest.mark.full
def test_pretrained_transformer_is_interpolated_to_the_images(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    full = models.vit_b_32()
    url = models.ViT_B_32_Weights.DEFAULT.url
    torch.save(full.state_dict(), folder / url.rsplit("/", 1)[-1])
    net = TorchvisionBackbone("vit_b_32", (3, 96, 96), pretrained=True)
    assert net.model.encoder.pos_embedding.shape == (1, 10, 768)
    assert torch.equal(net.model.conv_proj.weight, full.conv_proj.weight)


def test_broken_file_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    path = folder / models.ResNet18_Weights.DEFAULT.url.rsplit("/", 1)[-1]
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(DataError, match="cannot be had"):
        TorchvisionBackbone("resnet18", (3, 64, 64), pretrained=True)


def test_reachable(monkeypatch):
    def answer(error):
        def urlopen(request, timeout):
            assert timeout <= 5
            raise error

        return urlopen

    refused = urllib.error.HTTPError("https://x", 403, "no", None, None)
    for error, expected in (
        (refused, True),
        (urllib.error.URLError("x"), False),
        (TimeoutError(), False),
    ):
        monkeypatch.setattr(network.urllib.request, "urlopen", answer(error))
        assert network.reachable("https://x") is expected
