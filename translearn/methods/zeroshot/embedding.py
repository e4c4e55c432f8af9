"""Zero-shot by compatibility: images and descriptions meet in one space (SJE, DeViSE, ALE)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.errors import ConfigError
from translearn.methods.parts.heads import perceptron
from translearn.methods.zeroshot.descriptions import Descriptions
from translearn.methods.zeroshot.variants import Variant
from translearn.ranges import NonNegative, Positive, Width, Widths


class Embedding(Variant):
    """Images f(x) and descriptions g(a) meet in one space: f(x)·g(a) is their compatibility.

    Args:
        descriptions: of all classes.
        inputs: length of a feature vector.
        hidden: not used.
        dim: of the common space; None: that of the class vectors, with g the identity, as in
            DeViSE and ALE.
        image_hidden: hidden widths of f.
        class_hidden: hidden widths of g.
        cosine: whether f(x) and g(a) are brought to length 1.
        loss: one of ``softmax``, ``margin``, ``devise``, ``ale``; see ``compatibility_losses``.
        margin: of the last three.
        scale: of the compatibilities in ``softmax``.

    Raises:
        ConfigError: there is no such loss, or g has layers and no space to lead to.
    """

    trained = True
    term = "embedding"

    def __init__(
        self,
        descriptions: Descriptions,
        inputs: int,
        hidden: Sequence[int] = (),
        *,
        loss: Literal["softmax", "margin", "devise", "ale"] = "softmax",
        margin: NonNegative = 0.2,
        scale: Positive = 10.0,
        cosine: bool = True,
        dim: Width | None = 64,
        image_hidden: Widths = (),
        class_hidden: Widths = (),
    ) -> None:
        super().__init__(descriptions, inputs, hidden)
        if dim is None and class_hidden:
            raise ConfigError(
                "method.variant.class_hidden needs a common space: set method.variant.dim"
            )
        dimensions = self.vectors.shape[1]
        self.image = perceptron(inputs, image_hidden, dim or dimensions)
        self.described: nn.Module = nn.Identity()
        if dim is not None:
            self.described = perceptron(dimensions, class_hidden, dim)
        self.cosine, self.loss, self.margin, self.scale = cosine, loss, margin, scale

    def scores(self, features: Tensor) -> Tensor:
        """f(x)·g(a)."""
        images, classes = self.image(features), self.described(self.vectors)
        if self.cosine:
            images, classes = F.normalize(images, dim=1), F.normalize(classes, dim=1)
        scores: Tensor = images @ classes.T
        return scores

    def losses(self, features: Tensor, labels: Tensor, active: Tensor) -> Tensor:
        """``compatibility_losses`` over the active classes."""
        scores = self.scores(features).float()[:, : self.seen].masked_fill(~active, -torch.inf)
        if self.loss == "softmax":
            scores = self.scale * scores
        return compatibility_losses(scores, labels, self.loss, self.margin)

    def description(self, features: Tensor) -> Tensor:
        """The mean class vector, weighed by the compatibilities as in ``softmax``."""
        return (self.scale * self.scores(features)).softmax(dim=1) @ self.vectors


def compatibility_losses(scores: Tensor, labels: Tensor, loss: str, margin: float) -> Tensor:
    """The loss (B,) of compatibilities (B, C), of which -inf is no class.

    - ``softmax``: cross-entropy.
    - ``margin``: max(0, k - right + the largest wrong one).
    - ``devise``: the sum over the wrong ones of max(0, k - right + wrong) (Frome et al. 2013,
      eq. 1).
    - ``ale``: the same, times (1 + 1/2 + ... + 1/r) / r, r the wrong ones above zero (Akata et al.
      2016, eq. 9 and 10, after Usunier et al. 2009).
    """
    if loss == "softmax":
        return F.cross_entropy(scores, labels, reduction="none")
    right = scores.gather(1, labels[:, None])
    wrong = scores.scatter(1, labels[:, None], -torch.inf)
    if loss == "margin":
        return F.relu(margin - right.squeeze(1) + wrong.max(dim=1).values)
    violations = F.relu(margin - right + wrong)
    if loss == "ale":
        rank = (violations > 0).sum(dim=1)
        steps = torch.arange(1, scores.shape[1] + 1, device=scores.device)
        weights = F.pad((1.0 / steps).cumsum(0), (1, 0))[rank] / rank.clamp(min=1)
        return violations.sum(dim=1) * weights
    return violations.sum(dim=1)
