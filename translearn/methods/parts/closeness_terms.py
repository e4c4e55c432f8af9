"""The kinds of closeness: of outputs, of parameters, of feature maps, and spectral shrinkage."""

import torch
from torch import Tensor

from translearn.methods.parts.closeness import Pass, Term, Weights
from translearn.methods.parts.losses import (
    distillation,
    feature_distance,
    spectral_shrinkage,
    squared_distance,
)
from translearn.ranges import NonNegative, Part, Positive


class Output(Term):
    """Distillation of the source model on target images (Li & Hoiem 2016; Hinton et al. 2015).

    As in the paper (section 3) a new target head learns alone first, while the source model stays
    as it is, and then all is trained together, the source head too. A target head that begins as a
    copy of the source head needs no such warm-up.

    Args:
        weight: of the term.
        temperature: of the distillation.
        warmup: share of the target phase in which a new target head learns alone.

    Raises:
        ConfigError: a value is out of range.
    """

    name = "output"
    compares = True
    keeps_head = True

    def __init__(
        self,
        *,
        weight: NonNegative = 1.0,
        temperature: Positive = 2.0,
        warmup: Part = 0.1,
    ) -> None:
        super().__init__(weight)
        self.temperature, self.warmup = temperature, warmup

    def of_batch(self, seen: Pass) -> Tensor:
        """The source head's outputs against the source model's."""
        assert seen.old_logits is not None
        logits = seen.source_head(seen.features)
        return self.strength * distillation(logits, seen.old_logits, self.temperature)


class Parameter(Term):
    """L2-SP (Li et al. 2018): alpha / 2 ||w - w0||^2 + beta / 2 ||w||^2 of the new ones.

    It replaces the weight decay of transferred weights, which would pull them to 0 at once.

    Args:
        alpha: of transferred weights towards their start.
        beta: of new weights towards 0.

    Raises:
        ConfigError: a value is below 0.
    """

    name = "parameter"
    on_batch = False
    replaces_decay = True

    def __init__(self, *, alpha: NonNegative = 0.1, beta: NonNegative = 0.01) -> None:
        super().__init__(alpha, beta)
        self.alpha, self.beta = alpha, beta

    def of_weights(self, weights: Weights) -> Tensor:
        """The penalty on how far the weights have moved."""
        terms = []
        if weights.moved:
            terms.append(self.alpha * squared_distance(weights.moved, weights.start))
        if weights.new:
            terms.append(self.beta * squared_distance(weights.new))
        return torch.stack(terms).sum()


class Feature(Term):
    """Feature maps of the trained transferred groups: DELTA without attention (Li et al. 2019).

    Args:
        weight: of the term.

    Raises:
        ConfigError: it is below 0.
    """

    name = "feature"
    compares = True
    watches = True

    def __init__(self, *, weight: NonNegative = 0.1) -> None:
        super().__init__(weight)

    def of_batch(self, seen: Pass) -> Tensor:
        """The distance of the maps from the source model's."""
        old = [seen.old_maps[name] for name in seen.maps]
        return self.strength * feature_distance([*seen.maps.values()], old)


class SpectralShrinkage(Term):
    """Batch spectral shrinkage of the target's features (Chen et al. 2019); compares nothing.

    Args:
        weight: of the term.

    Raises:
        ConfigError: it is below 0.
    """

    name = "bss"

    def __init__(self, *, weight: NonNegative = 0.001) -> None:
        super().__init__(weight)

    def of_batch(self, seen: Pass) -> Tensor:
        """The smallest singular value of the batch's features, squared."""
        return self.strength * spectral_shrinkage(seen.features)
