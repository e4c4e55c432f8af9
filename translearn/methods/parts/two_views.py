"""Pretexts that embed two views of an image near each other: SimCLR and VICReg."""

import itertools
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.methods.parts.losses import covariance_penalty, invariance, nt_xent, variance_hinge
from translearn.methods.parts.pretext import Pretext
from translearn.ranges import NonNegative, Positive, Widths


class Joint(Pretext):
    """Two views of an image are embedded near each other; the rest is the subclass's.

    Args:
        backbone: what is trained.
        shape: of an image.
        projector: widths of the projection, the last one is that of the embedding; None: the
            pretext's own. Batch norm and ReLU stand between the layers.

    Raises:
        ConfigError: the projector has no layer.
    """

    views = 2
    own_projector: ClassVar[tuple[int, ...]]

    def __init__(
        self, backbone: Backbone, shape: Shape, *, projector: Widths | None = None
    ) -> None:
        widths = self.own_projector if projector is None else projector
        if not widths:
            raise ConfigError("method.pretext.projector must hold a width or more, or be null")
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
        """The terms of ``compare`` on the embeddings of both views.

        Raises:
            ConfigError: there is one image, and no other to compare it with.
        """
        if x.shape[1] < 2:
            raise ConfigError(
                "run.batch_size is 1 for each process, and this pretext compares the images of a "
                "batch\nraise run.batch_size, or choose another method/pretext"
            )
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
    """Contrastive learning (Chen et al. 2020); the others are those of the same rank's batch.

    Args:
        backbone: what is trained.
        shape: of an image.
        projector: see ``Joint``.
        temperature: of the similarities.

    Raises:
        ConfigError: a value is out of range.
    """

    own_projector = (256, 128)
    remedy = "raise method.pretext.temperature or run.batch_size, or weaken views.scale"

    def __init__(
        self,
        backbone: Backbone,
        shape: Shape,
        *,
        projector: Widths | None = None,
        temperature: Positive = 0.2,
    ) -> None:
        super().__init__(backbone, shape, projector=projector)
        self.temperature = temperature

    def compare(self, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """The term ``contrast``."""
        return {"contrast": nt_xent(first, second, self.temperature)}


class VICReg(Joint):
    """Variance, invariance, covariance (Bardes et al. 2022, eq. 6): nothing is pushed apart.

    Args:
        backbone: what is trained.
        shape: of an image.
        projector: see ``Joint``.
        weights: of invariance, variance and covariance.

    Raises:
        ConfigError: a value is out of range.
    """

    own_projector = (512, 512, 512)
    remedy = "raise the second of method.pretext.weights, or run.batch_size"

    def __init__(
        self,
        backbone: Backbone,
        shape: Shape,
        *,
        projector: Widths | None = None,
        weights: Sequence[NonNegative] = (25.0, 25.0, 1.0),
    ) -> None:
        super().__init__(backbone, shape, projector=projector)
        if len(weights) != 3:
            raise ConfigError(
                "method.pretext.weights must be three: of invariance, variance, covariance"
            )
        self.weights = tuple(weights)

    def compare(self, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """The terms ``invariance``, ``variance`` (the mean of both views) and ``covariance``."""
        weights = self.weights
        return {
            "invariance": weights[0] * invariance(first, second),
            "variance": weights[1] * (variance_hinge(first) + variance_hinge(second)) / 2,
            "covariance": weights[2] * (covariance_penalty(first) + covariance_penalty(second)),
        }
