"""Pretexts: tasks without labels that teach a trunk its features, for self-taught methods."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.data.access import TrainView
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.ranges import NonNegative


class Pretext(nn.Module):
    """A task without labels.

    The constructor of every pretext takes the backbone and the shape (C, H, W) of a prepared image,
    and its options by keyword.

    Attributes:
        views: of each image in a step, as in ``Stream``.
        trains: whether its phase takes gradient steps; else ``enter`` does all there is to do.
        learns: whether there is anything to learn at all.
        own_trunk: whether the backbone is left out: the pretext itself makes features of images.
        remedy: what to change when the features have collapsed.
        width: length of what ``embed`` gives.
        middle: what features pass on their way to the embedding, and where a classifier may sit.
        middle_width: length of what it gives.
        seen: what the last step compared or learned from, for ``health``.
    """

    views: ClassVar[int] = 1
    trains: ClassVar[bool] = True
    learns: ClassVar[bool] = True
    own_trunk: ClassVar[bool] = False
    remedy: ClassVar[str] = "try method/pretext=simclr"
    width: int
    middle: nn.Module

    def __init__(self, width: int, middle_width: int | None = None) -> None:
        super().__init__()
        self.width = width
        self.middle_width = width if middle_width is None else middle_width
        self.middle = nn.Identity()
        self.seen: Tensor | None = None

    def loss(self, backbone: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """Named loss terms of images (views, B, C, H, W), or (B, C, H, W) where ``views`` is 0."""
        raise NotImplementedError

    def embed(self, features: Tensor) -> Tensor:
        """Features (B, out_dim) -> what images are compared by."""
        return features

    def compared(self, backbone: nn.Module, x: Tensor) -> Tensor:
        """Normalised images (B, C, H, W) -> unit vectors (B, D) that they are compared by."""
        return F.normalize(self.embed(backbone(x)).float(), dim=1)

    def enter(self, view: TrainView, domains: Sequence[str]) -> None:
        """Whatever a pretext computes without gradients, from the samples of these tasks."""


class Pixels(Pretext):
    """No pretext: images are compared by their values as they are."""

    trains = False
    learns = False

    def __init__(self, backbone: Backbone, shape: Shape) -> None:
        super().__init__(math.prod(shape))

    def compared(self, backbone: nn.Module, x: Tensor) -> Tensor:
        """Normalised images (B, C, H, W) -> their values (B, C H W)."""
        return x.flatten(1).float()


class Rotation(Pretext):
    """By which quarter turn was the image turned? (Gidaris et al., ICLR 2018).

    Raises:
        ConfigError: the samples are no images.
    """

    def __init__(self, backbone: Backbone, shape: Shape) -> None:
        super().__init__(backbone.out_dim)
        if len(shape) != 3:
            raise ConfigError(
                "method/pretext=rotation turns images, and these samples are none\n"
                "choose method/pretext=autoencoder, simclr or vicreg"
            )
        self.head = nn.Linear(backbone.out_dim, 4)

    def loss(self, backbone: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """The term ``rotation``: a quarter of the batch is turned each way.

        The paper turns every image all four ways; a batch is in random order anyway.
        """
        parts = x.flatten(0, 1).tensor_split(4)
        turned = torch.cat([part.rot90(turns, (2, 3)) for turns, part in enumerate(parts)])
        turns = torch.arange(4, device=x.device)
        counts = torch.tensor([len(part) for part in parts], device=x.device)
        labels = turns.repeat_interleave(counts, output_size=len(turned))
        turned = turned.contiguous(memory_format=torch.channels_last)
        features = backbone(turned)
        self.seen = features.detach()
        logits = self.head(features)
        return {"rotation": F.cross_entropy(logits.float(), labels)}


class Autoencoder(Pretext):
    """A decoder makes the sample of the features; denoising if there is noise.

    It is convolutional for images, and has one hidden layer for vectors and signals.

    Vincent et al. (ICML 2008) for the denoising form, with Gaussian noise.

    Args:
        backbone: what is trained.
        shape: of an image.
        noise: standard deviation of what it has to remove, in normalised values.

    Raises:
        ConfigError: the noise is negative.
    """

    views = 0

    def __init__(self, backbone: Backbone, shape: Shape, *, noise: NonNegative = 0.0) -> None:
        super().__init__(backbone.out_dim)
        if noise < 0:
            raise ConfigError(f"method.pretext.noise={noise} must not be negative")
        self.noise, self.shape = noise, tuple(shape)
        make = image_decoder if len(shape) == 3 else dense_decoder
        self.decoder = make(backbone.out_dim, self.shape)

    def loss(self, backbone: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """The term ``reconstruction``: the mean squared error of normalised values."""
        seen = x + self.noise * torch.randn_like(x) if self.noise else x
        features = backbone(seen)
        self.seen = features.detach()
        made = self.decoder(features)
        if x.ndim == 4:
            made = made[..., : self.shape[1], : self.shape[2]]
        return {"reconstruction": F.mse_loss(made.float(), x)}


def image_decoder(features: int, shape: Shape) -> nn.Sequential:
    """Features (B, D) -> images of at least (C, H, W), in convolutions that double the edges."""
    edges, width = shape[1:], 64
    stages = max(0, math.ceil(math.log2(max(edges) / 8)))
    start = tuple(math.ceil(edge / 2**stages) for edge in edges)
    layers: list[nn.Module] = [
        nn.Linear(features, width * start[0] * start[1]),
        nn.ReLU(),
        nn.Unflatten(1, (width, *start)),
    ]
    for _ in range(stages):
        narrower = max(16, width // 2)
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, narrower, 3, padding=1)]
        layers += [nn.ReLU()]
        width = narrower
    return nn.Sequential(*layers, nn.Conv2d(width, shape[0], 3, padding=1))


def dense_decoder(features: int, shape: Shape) -> nn.Sequential:
    """Features (B, D) -> samples of a shape, over a hidden layer as wide as the features."""
    hidden = [nn.Linear(features, features), nn.ReLU(), nn.Linear(features, math.prod(shape))]
    return nn.Sequential(*hidden, nn.Unflatten(1, tuple(shape)))
