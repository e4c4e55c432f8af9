"""What every backbone offers: features, and ordered, named layer groups."""

from collections.abc import Iterable, Mapping
from torch import Tensor, nn

from translearn.errors import ConfigError


class Backbone(nn.Module):
    """Maps images to feature vectors.

    Subclasses take ``input_shape`` (C, H, W) as a keyword, set ``out_dim`` and ``groups``, and
    implement ``features``.

    Attributes:
        out_dim: length of a feature vector.
        groups: ordered names -> the layers in them, input side first; each parameter is in exactly one.
            A plain dict: the layers are registered elsewhere on the module, and nothing twice.
        mean: per-channel mean that inputs in [0, 1] are normalised with.
        std: per-channel standard deviation, likewise.
        pretrained: whether the weights come from an earlier training.
        head_hidden: hidden widths of a label predictor that suits these features.
        discriminator_hidden: hidden widths of a domain classifier that suits them.
    """

    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    pretrained: bool = False
    out_dim: int
    groups: Mapping[str, tuple[nn.Module, ...]]
    head_hidden: tuple[int, ...] = ()
    discriminator_hidden: tuple[int, ...] = (256,)

    def features(self, x: Tensor) -> Tensor:
        """Normalised images (B, C, H, W) -> features (B, out_dim)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """The same as ``features``."""
        return self.features(x)

    def group_layers(self, names: Iterable[str]) -> list[nn.Module]:
        """The layers of the named groups.

        Raises:
            ConfigError: a name is not a group; the message lists those that exist.
        """
        layers: list[nn.Module] = []
        for name in names:
            if name not in self.groups:
                raise ConfigError(f"no layer group {name!r}; there are {', '.join(self.groups)}")
            layers.extend(self.groups[name])
        return layers

    def copy_groups(self, other: "Backbone", names: Iterable[str]) -> None:
        """Copy the weights and buffers of the named groups from ``other``, a backbone of the same shape."""
        names = list(names)
        for mine, theirs in zip(self.group_layers(names), other.group_layers(names), strict=True):
            mine.load_state_dict(theirs.state_dict())

    def freeze(self, names: Iterable[str]) -> None:
        """Stop training the parameters of the named groups."""
        for layer in self.group_layers(names):
            layer.requires_grad_(False)
