"""From features to scores of described classes: trained by a loss, or not at all (ConSE).

Class vectors come with the seen classes first. ``active`` is a mask (seen classes,) of those that
are trained on: all, or all but the validation classes.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.errors import ConfigError
from translearn.methods.parts.heads import perceptron

LOSSES = ("softmax", "margin", "devise", "ale")


class Variant(nn.Module):
    """Base of the variants.

    Args:
        vectors: class vectors (C, D), the seen classes first.
        seen: how many these are.

    Attributes:
        trained: whether ``losses`` trains it.
    """

    trained = False
    vectors: Tensor

    def __init__(self, vectors: Tensor, seen: int) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors)
        self.seen = seen

    def scores(self, features: Tensor) -> Tensor:
        """Features (B, d) -> scores (B, C) of all classes."""
        raise NotImplementedError

    def losses(self, features: Tensor, labels: Tensor, active: Tensor) -> Tensor:
        """The loss (B,) of each image; labels are active."""
        raise NotImplementedError

    def describe_anew(self, vectors: Tensor, own: Tensor) -> None:
        """Take class vectors (C, D) that are normalised anew; ``own``: see ``Conse``."""
        self.vectors.copy_(vectors)

    def description(self, features: Tensor) -> Tensor:
        """Predicted class vectors (B, D): here the mean of all, weighed by their scores."""
        return self.scores(features).softmax(dim=1) @ self.vectors


class Embedding(Variant):
    """Images f(x) and descriptions g(a) meet in one space: f(x)·g(a) is their compatibility.

    Args:
        vectors: class vectors.
        seen: number of seen classes.
        inputs: length of a feature vector.
        dim: of the common space; None: that of the class vectors, with g the identity, as in
            DeViSE and ALE.
        image_hidden: hidden widths of f.
        class_hidden: hidden widths of g.
        cosine: whether f(x) and g(a) are brought to length 1.
        loss: one of ``softmax``, ``margin``, ``devise``, ``ale``; see ``compatibility_losses``.
        margin: of the last three.
        scale: of the compatibilities in ``softmax``.
    """

    trained = True

    def __init__(
        self,
        vectors: Tensor,
        seen: int,
        inputs: int,
        dim: int | None,
        image_hidden: Sequence[int],
        class_hidden: Sequence[int],
        cosine: bool,
        loss: str,
        margin: float,
        scale: float,
    ) -> None:
        super().__init__(vectors, seen)
        if loss not in LOSSES:
            raise ConfigError(f"method.loss={loss} does not exist; choose {', '.join(LOSSES)}")
        if dim is None and class_hidden:
            raise ConfigError("method.class_hidden needs a common space: set method.dim")
        dimensions = vectors.shape[1]
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


class DirectAttributes(Variant):
    """Direct attribute prediction (Lampert et al. 2014, section 3.1 and eq. 3).

    A logistic classifier for each attribute; an image belongs to the class z with the largest
    product over the attributes of p(a_m = a_m^z | x) / p(a_m = a_m^z), with the attribute's mean
    over the seen classes as prior. Attributes that are the same in all of these cannot be learned
    and are left out.

    Args:
        vectors: class vectors; values above the mean over the seen classes count as yes.
        seen: number of seen classes.
        inputs: length of a feature vector.
        hidden: hidden widths of the classifiers, which share them.
    """

    trained = True
    binary: Tensor

    def __init__(self, vectors: Tensor, seen: int, inputs: int, hidden: Sequence[int]) -> None:
        super().__init__(vectors, seen)
        self.register_buffer("binary", (vectors > vectors[:seen].mean(dim=0)).float())
        self.classifiers = perceptron(inputs, hidden, vectors.shape[1])

    def describe_anew(self, vectors: Tensor, own: Tensor) -> None:
        """Nothing: the descriptions are taken as they are."""

    def scores(self, features: Tensor) -> Tensor:
        """Logarithms of the product, for all classes."""
        yes = F.logsigmoid(self.classifiers(features).float())
        no = F.logsigmoid(-self.classifiers(features).float())
        prior = self.binary[: self.seen].mean(dim=0)
        learnable = (prior > 0) & (prior < 1)
        yes, no = (yes - prior.log())[:, learnable], (no - (1 - prior).log())[:, learnable]
        table = self.binary[:, learnable]
        return yes @ table.T + no @ (1 - table).T

    def losses(self, features: Tensor, labels: Tensor, active: Tensor) -> Tensor:
        """Cross-entropy of each attribute, the mean over them."""
        logits = self.classifiers(features).float()
        wanted = self.binary[labels]
        return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(dim=1)

    def description(self, features: Tensor) -> Tensor:
        """The probability of each attribute."""
        probabilities: Tensor = self.classifiers(features).sigmoid()
        return probabilities


class Conse(Variant):
    """Convex combination of semantic embeddings (Norouzi et al. 2014, eq. 1 to 3); no training.

    Instead of features it takes the logits (B, K) of a classifier. Its ``top`` most
    probable classes weigh the vectors of its own classes; the class nearest to that mean by cosine
    wins.

    Args:
        vectors: class vectors.
        seen: number of seen classes.
        own: vectors (K, D) of these classes; NaN where a class has none, which is left out.
        top: T of the paper.
    """

    own: Tensor

    def __init__(self, vectors: Tensor, seen: int, own: Tensor, top: int) -> None:
        super().__init__(vectors, seen)
        if top < 1:
            raise ConfigError(f"method.top={top} must be at least 1")
        self.top = top
        self.register_buffer("own", own.nan_to_num())
        self.register_buffer("allowed", ~own.isnan().any(dim=1))
        self.allowed: Tensor

    def describe_anew(self, vectors: Tensor, own: Tensor) -> None:
        """Class vectors, and those of the classifier's classes."""
        self.vectors.copy_(vectors)
        self.own.copy_(own.nan_to_num())

    def scores(self, features: Tensor) -> Tensor:
        """The cosine with every class vector."""
        return cosines(self.description(features), self.vectors)

    def description(self, features: Tensor) -> Tensor:
        """The weighed mean of the ``top`` classes' vectors."""
        logits = features.masked_fill(~self.allowed, -torch.inf)
        best, place = logits.softmax(dim=1).topk(min(self.top, int(self.allowed.sum())), dim=1)
        weights = best / best.sum(dim=1, keepdim=True)
        return (weights[:, :, None] * self.own[place]).sum(dim=1)


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


def cosines(images: Tensor, classes: Tensor) -> Tensor:
    """Cosines (B, C) of the rows of (B, D) and (C, D)."""
    return F.normalize(images, dim=1) @ F.normalize(classes, dim=1).T


def strongest(descriptions: Tensor, attributes: Sequence[str], count: int) -> Iterator[str]:
    """The names of the ``count`` largest values of each row, the largest first."""
    for row in descriptions.topk(min(count, len(attributes)), dim=1).indices.tolist():
        yield " ".join(attributes[place] for place in row)
