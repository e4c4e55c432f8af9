"""Validation classes: they choose what a zero-shot method cannot learn from its images."""

import logging

import torch
from torch import Tensor

from translearn.data.types import permutation
from translearn.errors import ConfigError
from translearn.methods.zeroshot.variants import Variant
from translearn.metrics.seen_unseen import SeenUnseen

log = logging.getLogger(__name__)


HELD_BACK = 0.2  # of the images of classes that stay: the seen test images of the validation


class Validation:
    """Seen classes that stand for unseen ones while a first model is trained on the others.

    Args:
        count: the number of seen classes.
        share: of them that are held out; two at least.
        seed: draws them, and the images that are held back.

    Attributes:
        active: mask (count,) of the classes that the first model is trained on.

    Raises:
        ConfigError: two active classes are not left.
    """

    def __init__(self, count: int, share: float, seed: int) -> None:
        size = max(2, round(share * count))
        if not 0 < share < 1 or count - size < 2:
            raise ConfigError(
                f"method.validation_classes={share} of {count} seen classes: two must be held out "
                "and two be left\nchange it, or set method.calibrate=false"
            )
        self.active = torch.ones(count, dtype=torch.bool)
        self.active[permutation(count, seed)[:size]] = False
        self.seed = seed

    def fit_rows(self, labels: Tensor) -> Tensor:
        """The images (a mask) that the first model learns from: of active classes, but some."""
        stays = torch.ones(len(labels), dtype=torch.bool)
        stays[permutation(len(labels), self.seed)[: max(1, int(HELD_BACK * len(labels)))]] = False
        return stays.to(labels.device) & self.active.to(labels.device)[labels]

    @torch.no_grad()
    def choose(
        self, variant: Variant, x: Tensor, labels: Tensor, fit: Tensor
    ) -> tuple[tuple[float, ...], float]:
        """Choose the strengths of a closed form by AUSUC, and gamma by the harmonic mean.

        T1 would not do for strengths: of two or three classes almost any of them tells apart.

        Args:
            variant: as the first model left it.
            x: what the variant takes (N, ...), of all source images.
            labels: theirs.
            fit: mask of those that the first model learned from.

        Returns:
            The strengths (none but of closed forms) and gamma.
        """
        active = self.active.to(labels.device)
        rows = active[labels] & ~fit, ~active[labels]
        columns = torch.cat([active.nonzero().flatten(), (~active).nonzero().flatten()])
        places = torch.where(active, active.cumsum(0), (~active).cumsum(0)) - 1
        seen, unseen = (places[labels[part]].cpu() for part in rows)

        def validated() -> SeenUnseen:
            scores = [variant.scores(x[part])[:, columns].cpu() for part in rows]
            return SeenUnseen.of(scores[0], seen, scores[1], unseen, int(active.sum()))

        def area(strengths: tuple[float, ...]) -> float:
            solve(strengths)
            return validated().ausuc()

        solve = variant.problem(x[fit], labels[fit], active)
        candidates = variant.candidates()
        strengths = max(candidates, key=area) if len(candidates) > 1 else candidates[0]
        solve(strengths)
        both = validated()
        gamma = both.best_gamma()
        log.info("gamma %.4g on validation classes, H %.3f there", gamma, both.at(gamma)[2])
        variant.forget()
        return strengths, gamma
