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

SPLITS = 3  # of the seen classes, that strengths are chosen on where no model is trained for each


class Validation:
    """Seen classes that stand for unseen ones while a first model is trained on the others.

    Args:
        count: the number of seen classes.
        share: of them that are held out; two at least.
        seed: draws them, and the images that are held back.

    Attributes:
        splits: masks (count,) of the classes that stay, of several draws.
        active: the first of them: the classes that the first model is trained on.

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
        self.splits = [torch.ones(count, dtype=torch.bool) for _ in range(SPLITS)]
        for number, active in enumerate(self.splits):
            active[permutation(count, seed + number)[:size]] = False
        self.active, self.seed = self.splits[0], seed

    def fit_rows(self, labels: Tensor, active: Tensor | None = None) -> Tensor:
        """The images (a mask) that a model without validation classes learns from.

        Those of ``active`` classes (of the first split), but some.
        """
        active = (self.active if active is None else active).to(labels.device)
        stays = torch.ones(len(labels), dtype=torch.bool)
        stays[permutation(len(labels), self.seed)[: max(1, int(HELD_BACK * len(labels)))]] = False
        return stays.to(labels.device) & active[labels]

    @torch.no_grad()
    def choose(
        self, variant: Variant, x: Tensor, labels: Tensor, several: bool
    ) -> tuple[tuple[float, ...], float]:
        """Choose the strengths of a closed form by T1, and gamma by the harmonic mean.

        T1 among validation classes is what published strengths are chosen by (Xian et al. 2018,
        section 4); of two or three classes many strengths tell all apart, and then AUSUC decides.

        Args:
            variant: as the first model left it.
            x: what the variant takes (N, ...), of all source images.
            labels: theirs.
            several: whether strengths are judged on all splits; on the first alone where ``x`` has
                learned the other splits' validation classes.

        Returns:
            The strengths (none but of closed forms) and gamma, which the first split chooses.
        """
        candidates = variant.candidates()
        strengths = candidates[0]
        if len(candidates) > 1:
            splits = self.splits if several else self.splits[:1]
            total = sum(self.judged(variant, x, labels, active) for active in splits)
            t1, area = torch.as_tensor(total).mul(1e9).round().T.tolist()
            strengths = candidates[max(range(len(candidates)), key=lambda i: (t1[i], area[i]))]
        first = Split(variant, x, labels, self.fit_rows(labels), self.active)
        both = first.at(strengths)
        gamma = both.best_gamma()
        log.info("gamma %.4g on validation classes, H %.3f there", gamma, both.at(gamma)[2])
        variant.forget()
        return strengths, gamma

    def judged(self, variant: Variant, x: Tensor, labels: Tensor, active: Tensor) -> Tensor:
        """T1 and AUSUC (candidates, 2) on the classes that are not ``active``."""
        variant.describe_by(active)
        split = Split(variant, x, labels, self.fit_rows(labels, active), active)
        found = [split.figures(strengths) for strengths in variant.candidates()]
        variant.describe_by(self.active)
        return torch.tensor(found, dtype=torch.float64)


class Split:
    """A closed form without the validation classes of one draw, and its figures on them.

    Args:
        variant: solved for ``fit``, and asked for all classes.
        x: as in ``Validation.choose``.
        labels: theirs.
        fit: mask of those that it is solved for.
        active: mask of the classes that are no validation classes.
    """

    def __init__(
        self, variant: Variant, x: Tensor, labels: Tensor, fit: Tensor, active: Tensor
    ) -> None:
        active = active.to(labels.device)
        self.variant, self.seen = variant, int(active.sum())
        rows = active[labels] & ~fit, ~active[labels]
        self.columns = torch.cat([active.nonzero().flatten(), (~active).nonzero().flatten()])
        places = torch.where(active, active.cumsum(0), (~active).cumsum(0)) - 1
        self.labels = [places[labels[part]].cpu() for part in rows]
        self.x = [x[part] for part in rows]
        self.solve = variant.problem(x[fit], labels[fit], active)

    def at(self, strengths: tuple[float, ...]) -> SeenUnseen:
        """Seen test images and the images of validation classes, the seen classes first."""
        self.solve(strengths)
        seen, unseen = (self.variant.scores(part)[:, self.columns].cpu() for part in self.x)
        return SeenUnseen.of(seen, self.labels[0], unseen, self.labels[1], self.seen)

    def figures(self, strengths: tuple[float, ...]) -> tuple[float, float]:
        """T1, which is all that the unseen images could gain, and AUSUC."""
        both = self.at(strengths)
        return float(both.gain[1].sum()), both.ausuc()
