"""Pretexts: tasks without labels that teach a trunk its features, for self-taught methods."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.data.access import TrainView
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.methods.parts.losses import covariance_penalty, invariance, nt_xent, variance_hinge


@dataclass(frozen=True)
class PretextSettings:
    """What pretexts are set by; each takes what it needs.

    Attributes:
        projector: widths of the projection, the last one is that of the embedding; None: the
            pretext's own. Batch norm and ReLU stand between the layers.
        temperature: of SimCLR.
        vicreg: weights of VICReg's invariance, variance and covariance.
        noise: standard deviation of what the autoencoder has to remove, in normalised values.
        atoms: images of the sparse-coding dictionary.
        sparsity: weight of the L1 norm of the codes.
    """

    projector: Sequence[int] | None = None
    temperature: float = 0.2
    vicreg: Sequence[float] = (25.0, 25.0, 1.0)
    noise: float = 0.0
    atoms: int = 256
    sparsity: float = 1.0


class Pretext(nn.Module):
    """A task without labels.

    Attributes:
        views: of each image in a step, as in ``Stream``.
        trains: whether its phase takes gradient steps; else ``enter`` does all there is to do.
        width: length of what ``embed`` gives.
        middle: what features pass on their way to the embedding, and where a classifier may sit.
        middle_width: length of what it gives.
        seen: what the last step compared or learned from, for ``health``.
    """

    views: ClassVar[int] = 1
    trains: ClassVar[bool] = True
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

    def enter(self, view: TrainView, domains: Sequence[str]) -> None:
        """Whatever a pretext computes without gradients, from the samples of these tasks."""


class Joint(Pretext):
    """Two views of an image are embedded near each other; the rest is the subclass's."""

    views = 2
    own_projector: ClassVar[tuple[int, ...]]

    def __init__(self, backbone: Backbone, settings: PretextSettings) -> None:
        widths = self.own_projector if settings.projector is None else settings.projector
        if not widths:
            raise ConfigError("method.projector must hold a width or more, or be null")
        inner = list(itertools.pairwise([backbone.out_dim, *widths[:-1]]))
        hidden = [
            nn.Sequential(nn.Linear(i, o, bias=False), nn.BatchNorm1d(o), nn.ReLU())
            for i, o in inner
        ]
        super().__init__(widths[-1], inner[0][1] if inner else backbone.out_dim)
        if hidden:
            self.middle = hidden[0]
        inputs = inner[-1][1] if inner else backbone.out_dim
        self.projector = nn.Sequential(*hidden[1:], nn.Linear(inputs, widths[-1]))

    def loss(self, backbone: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """The terms of ``compare`` on the embeddings of both views."""
        first, second = self.embed(backbone(x.flatten(0, 1))).chunk(2)
        self.seen = first.detach()
        return self.compare(first, second)

    def compare(self, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """Loss terms of the embeddings (B, D) of two views."""
        raise NotImplementedError

    def embed(self, features: Tensor) -> Tensor:
        """Features (B, out_dim) -> embeddings (B, D)."""
        embeddings: Tensor = self.projector(self.middle(features))
        return embeddings


class SimCLR(Joint):
    """Contrastive learning (Chen et al. 2020); the others are those of the same rank's batch."""

    own_projector = (256, 128)

    def __init__(self, backbone: Backbone, settings: PretextSettings) -> None:
        super().__init__(backbone, settings)
        self.temperature = settings.temperature
        if self.temperature <= 0:
            raise ConfigError(f"method.temperature={self.temperature} must be above 0")

    def compare(self, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """The term ``contrast``."""
        return {"contrast": nt_xent(first, second, self.temperature)}


class VICReg(Joint):
    """Variance, invariance, covariance (Bardes et al. 2022, eq. 6): nothing is pushed apart."""

    own_projector = (512, 512, 512)

    def __init__(self, backbone: Backbone, settings: PretextSettings) -> None:
        super().__init__(backbone, settings)
        if len(settings.vicreg) != 3:
            raise ConfigError(
                "method.vicreg_weights must be three: of invariance, variance, covariance"
            )
        self.weights = tuple(settings.vicreg)

    def compare(self, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """The terms ``invariance``, ``variance`` (the mean of both views) and ``covariance``."""
        weights = self.weights
        return {
            "invariance": weights[0] * invariance(first, second),
            "variance": weights[1] * (variance_hinge(first) + variance_hinge(second)) / 2,
            "covariance": weights[2] * (covariance_penalty(first) + covariance_penalty(second)),
        }


class Rotation(Pretext):
    """By which quarter turn was the image turned? (Gidaris et al., ICLR 2018)."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone.out_dim)
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
    """A convolutional decoder makes the image of the features; denoising if there is noise.

    Vincent et al. (ICML 2008) for the denoising form, with Gaussian noise.
    """

    views = 0

    def __init__(self, backbone: Backbone, settings: PretextSettings, shape: Shape) -> None:
        super().__init__(backbone.out_dim)
        if settings.noise < 0:
            raise ConfigError(f"method.noise={settings.noise} must not be negative")
        self.noise, self.size = settings.noise, tuple(shape[1:])
        edges, width = self.size, 64
        stages = max(0, math.ceil(math.log2(max(edges) / 8)))
        start = tuple(math.ceil(edge / 2**stages) for edge in edges)
        layers: list[nn.Module] = [
            nn.Linear(backbone.out_dim, width * start[0] * start[1]),
            nn.ReLU(),
            nn.Unflatten(1, (width, *start)),
        ]
        for _ in range(stages):
            narrower = max(16, width // 2)
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, narrower, 3, padding=1)]
            layers += [nn.ReLU()]
            width = narrower
        self.decoder = nn.Sequential(*layers, nn.Conv2d(width, shape[0], 3, padding=1))

    def loss(self, backbone: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """The term ``reconstruction``: the mean squared error of normalised values."""
        seen = x + self.noise * torch.randn_like(x) if self.noise else x
        features = backbone(seen)
        self.seen = features.detach()
        made = self.decoder(features)[..., : self.size[0], : self.size[1]]
        return {"reconstruction": F.mse_loss(made.float(), x)}
