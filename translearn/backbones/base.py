"""What every backbone offers: features, and ordered, named layer groups."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from translearn.backbones.layers import Layer, resolve_layer
from translearn.errors import ConfigError
from translearn.ranges import Learn


class Backbone(nn.Module):
    """Maps images, or vectors or signals, to feature vectors.

    Subclasses take ``input_shape`` as a keyword, set ``out_dim`` and ``group_paths``, and
    implement ``features``.

    Attributes:
        out_dim: length of a feature vector.
        group_paths: ordered group names -> dotted paths of the sub-modules (or of single
            parameters) in them, input side first; each parameter is in exactly one group. Paths,
            so that a group stays right when a layer in it is replaced by another.
        mean: per-channel mean that inputs in [0, 1] are normalised with.
        std: per-channel standard deviation, likewise.
        pretrained: whether the weights come from an earlier training.
        frozen_statistics: whether batch norm keeps its running statistics while everything else
            trains, as ``keeps_statistics`` reads it; None: where ``pretrained``.
        learn: which layer groups a method may train: none, the last one, or all.
        input_dimensions: of a sample that it takes: 1 of vectors (D,), 2 of signals (C, L), 3 of
            images (C, H, W).
        passes_features: whether a batch of vectors is taken for features that were computed before;
            set where inputs have another shape.
        head_hidden: hidden widths of a label predictor that suits these features.
        discriminator_hidden: hidden widths of a domain classifier that suits them; the default is
            that of DANN on Office-31 (Ganin et al. 2016, section 5.2.4: 1024, 1024).
    """

    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    pretrained: bool = False
    frozen_statistics: bool | None = None
    learn: Learn = "all"
    input_dimensions: ClassVar[tuple[int, ...]] = (3,)
    passes_features: bool = False
    out_dim: int
    group_paths: Mapping[str, tuple[str, ...]]
    head_hidden: tuple[int, ...] = ()
    discriminator_hidden: tuple[int, ...] = (1024, 1024)

    def features(self, x: Tensor) -> Tensor:
        """Normalised images (B, C, H, W) -> features (B, out_dim)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """``features``; a batch of features (B, out_dim), computed before, passes as it is."""
        return x if self.passes_features and x.ndim == 2 else self.features(x)

    def hold(self) -> None:
        """Stop training what ``learn`` leaves as it is."""
        names = list(self.group_paths)
        held = {"none": names, "last": names[:-1], "all": []}[self.learn]
        self.freeze(held)

    @property
    def keeps_statistics(self) -> bool:
        """Whether batch norm normalises by its running statistics, in training too."""
        if self.learn == "none":
            return True
        return self.pretrained if self.frozen_statistics is None else self.frozen_statistics

    def train(self, mode: bool = True) -> "Backbone":
        """Training mode; batch norm stays in evaluation mode where it keeps its statistics.

        Those of ImageNet are lost in 50 steps on a few thousand photos of one kind, which cost 20
        points on Office-31's other domains. Affine weights learn nevertheless.
        """
        super().train(mode and self.learn != "none")
        if mode and self.keeps_statistics:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def imagenet_classifier(self) -> nn.Module:
        """The pretrained network's own classifier: features (B, out_dim) -> logits (B, 1000).

        Untrained where the backbone is: a trained model's weights are filled in later.

        Raises:
            ConfigError: this backbone has none.
        """
        raise ConfigError(
            "method.variant.classifier=imagenet: this backbone has no classifier of 1000 classes\n"
            "choose backbone=efficientnet_lite0, or one of torchvision or timm that has"
        )

    @property
    def groups(self) -> dict[str, tuple[Layer, ...]]:
        """Ordered group names -> the layers that stand there now."""
        return {
            name: tuple(resolve_layer(self, path) for path in paths)
            for name, paths in self.group_paths.items()
        }

    def group_layers(self, names: Iterable[str]) -> list[Layer]:
        """The layers of the named groups: modules, and parameters that a container holds itself.

        Raises:
            ConfigError: a name is not a group; the message lists those that exist.
        """
        return [resolve_layer(self, path) for path in self._paths(names)]

    def group_parameters(self, names: Iterable[str]) -> list[nn.Parameter]:
        """The parameters of the named groups.

        Raises:
            ConfigError: a name is not a group; the message lists those that exist.
        """
        found: list[nn.Parameter] = []
        for layer in self.group_layers(names):
            found.extend([layer] if isinstance(layer, nn.Parameter) else layer.parameters())
        return found

    def group_state(self, names: Iterable[str]) -> dict[str, Tensor]:
        """The weights and buffers of the named groups, under their names in ``state_dict``.

        Raises:
            ConfigError: a name is not a group; the message lists those that exist.
        """
        paths = self._paths(names)
        prefixes = tuple(f"{path}." for path in paths)
        state = self.state_dict()
        return {k: t for k, t in state.items() if k in paths or k.startswith(prefixes)}

    def reset_groups(self, names: Iterable[str]) -> None:
        """Draw the weights of the named groups anew, each layer by PyTorch's own rule for it.

        Raises:
            ConfigError: a name is not a group, or a parameter has no such rule (the tokens and
                embeddings of transformers).
        """
        for name in names:
            for layer in self.group_layers([name]):
                owners = [] if isinstance(layer, nn.Parameter) else list(layer.modules())
                own = [m for m in owners if any(True for _ in m.parameters(recurse=False))]
                if not own or not all(hasattr(m, "reset_parameters") for m in own):
                    raise ConfigError(
                        f"layer group {name!r} cannot start anew: it has parameters of its own\n"
                        "transfer it too, or start from random weights (backbone.pretrained=false)"
                    )
                for module in own:
                    module.reset_parameters()  # type: ignore[operator]

    def freeze(self, names: Iterable[str]) -> None:
        """Stop training the parameters of the named groups.

        Batch norm in them still follows the data in training mode.

        Raises:
            ConfigError: a name is not a group; the message lists those that exist.
        """
        for parameter in self.group_parameters(names):
            parameter.requires_grad_(False)

    def _paths(self, names: Iterable[str]) -> list[str]:
        paths: list[str] = []
        for name in names:
            if name not in self.group_paths:
                raise ConfigError(
                    f"no layer group {name!r}; there are {', '.join(self.group_paths)}"
                )
            paths.extend(self.group_paths[name])
        return paths

    def _probe(self, input_shape: tuple[int, ...]) -> int:
        """Length of a feature vector, found by one image of zeros."""
        training = self.training
        with torch.no_grad():
            self.eval()
            features = self.features(torch.zeros(1, *input_shape))
            self.train(training)
        if features.ndim != 2:
            raise ValueError(f"one image gives features of shape {tuple(features.shape)}")
        return int(features.shape[1])
