"""ESZSL and SAE: linear maps between features and class vectors in closed form.

``active`` is a mask (seen classes,) of those that are solved for.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from translearn.methods.zeroshot.descriptions import Descriptions
from translearn.methods.zeroshot.variants import Variant, cosines
from translearn.ranges import Positive

POWERS = (-3, -2, -1, 0, 1, 2, 3)  # of ten, that a strength is chosen from


class ClosedForm(Variant):
    """A matrix (d, D) between features of length 1 and class vectors, found by one solve.

    ``candidates`` are the strengths that validation classes choose from; ``problem`` sets the
    closed form up on (N, d) features.

    Args:
        descriptions: of all classes.
        inputs: length of a feature vector.
        hidden: not used.

    Attributes:
        weight: the matrix; zeros until it is solved for.
    """

    solved = True
    weight: Tensor

    def __init__(self, descriptions: Descriptions, inputs: int, hidden: Sequence[int]) -> None:
        super().__init__(descriptions, inputs, hidden)
        self.register_buffer("weight", torch.zeros(inputs, self.vectors.shape[1]))

    def forget(self) -> None:
        """The matrix of zeros."""
        self.weight.zero_()

    def ready(self) -> bool:
        """Whether it has been solved for."""
        return bool(self.weight.any())

    def description(self, features: Tensor) -> Tensor:
        """Features of length 1 by the matrix."""
        return F.normalize(features, dim=1) @ self.weight


class Eszsl(ClosedForm):
    """Embarrassingly simple zero-shot learning (Romera-Paredes & Torr 2015, eq. 4): one solve.

    V = (X X^T + feature_weight I)^-1 X Y S^T (S S^T + class_weight I)^-1. Y is 1 at the class of an
    image and 0 elsewhere, as in the authors' code; their text has -1, which pulls all classes along
    the mean of their vectors.

    Args:
        descriptions: of all classes.
        inputs: length of a feature vector.
        hidden: not used.
        feature_weight: gamma of the paper, or None: chosen on validation classes.
        class_weight: lambda of the paper, likewise.
        other_label: Y where an image is not of the class: 0 (the authors' code) or -1 (their text).
    """

    def __init__(
        self,
        descriptions: Descriptions,
        inputs: int,
        hidden: Sequence[int] = (),
        *,
        feature_weight: Positive | None = None,
        class_weight: Positive | None = None,
        other_label: Literal[0, -1] = 0,
    ) -> None:
        super().__init__(descriptions, inputs, hidden)
        self.other_label = other_label
        self.choices = powers(feature_weight), powers(class_weight)

    def scores(self, features: Tensor) -> Tensor:
        """x^T V s."""
        return self.description(features) @ self.vectors.T

    def candidates(self) -> Sequence[tuple[float, ...]]:
        """Pairs of feature and class weight."""
        return list(itertools.product(*self.choices))

    def problem(
        self, features: Tensor, labels: Tensor, active: Tensor
    ) -> Callable[[tuple[float, ...]], None]:
        """Both matrices are symmetric: one eigendecomposition of each serves all weights."""
        x = F.normalize(features, dim=1).double()
        s = self.vectors[: self.seen][active].double()
        own = labels[:, None] == active.nonzero().flatten()
        y = torch.where(own, 1.0, float(self.other_label)).double()
        a, u = torch.linalg.eigh(x.T @ x)
        b, q = torch.linalg.eigh(s.T @ s)
        middle = u.T @ (x.T @ y @ s) @ q

        def solve(strengths: tuple[float, ...]) -> None:
            feature_weight, class_weight = strengths
            inverse = 1.0 / ((a + feature_weight)[:, None] * (b + class_weight))
            self.weight.copy_(u @ (middle * inverse) @ q.T)

        return solve


class Sae(ClosedForm):
    """Semantic autoencoder (Kodirov et al. 2017, eq. 8): one Sylvester equation.

    W with S S^T W + weight W X X^T = (1 + weight) S X^T encodes features into class vectors, and
    W^T decodes them.

    Args:
        descriptions: of all classes.
        inputs: length of a feature vector.
        hidden: not used.
        weight: lambda of the paper, or None: chosen on validation classes.
        direction: where image and class are compared by their cosine: ``classes`` (W x with s) or
            ``features`` (x with W^T s).

    Raises:
        ConfigError: there is no such direction.
    """

    def __init__(
        self,
        descriptions: Descriptions,
        inputs: int,
        hidden: Sequence[int] = (),
        *,
        weight: Positive | None = None,
        direction: Literal["classes", "features"] = "classes",
    ) -> None:
        super().__init__(descriptions, inputs, hidden)
        self.choices, self.direction = powers(weight), direction

    def scores(self, features: Tensor) -> Tensor:
        """The cosine in the space that ``direction`` names."""
        if self.direction == "classes":
            return cosines(self.description(features), self.vectors)
        return cosines(features, self.vectors @ self.weight.T)

    def candidates(self) -> Sequence[tuple[float, ...]]:
        """The weights."""
        return [(weight,) for weight in self.choices]

    def problem(
        self, features: Tensor, labels: Tensor, active: Tensor
    ) -> Callable[[tuple[float, ...]], None]:
        """Both sides are symmetric: in their eigenbases the equation is one division."""
        x = F.normalize(features, dim=1).double()
        s = self.vectors[labels].double()
        a, u = torch.linalg.eigh(s.T @ s)
        b, q = torch.linalg.eigh(x.T @ x)
        middle = u.T @ (s.T @ x) @ q
        floor = 1e-9 * float(a.max() + b.max())  # where both are singular, what X, S do not span

        def solve(strengths: tuple[float, ...]) -> None:
            (weight,) = strengths
            below = (a[:, None] + weight * b).clamp(min=floor)
            self.weight.copy_((u @ ((1 + weight) * middle / below) @ q.T).T)

        return solve


def powers(given: float | None) -> list[float]:
    """The given strength, or the powers of ten to choose from."""
    return [10.0**power for power in POWERS] if given is None else [float(given)]
