"""Zero-shot figures: T1, seen, unseen and their harmonic mean, calibrated stacking, AUSUC.

All accuracies are means over classes (Xian et al., "Zero-shot learning: a comprehensive evaluation
of the good, the bad and the ugly", 2018, section 4.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]


@runtime_checkable
class ScoresAllClasses(Protocol):
    """What a method offers to be judged on seen and unseen classes together.

    Attributes:
        gamma: what calibrated stacking takes off the scores of seen classes.
        known: those of the unseen classes that the backbone's own training had a name for.
    """

    gamma: Tensor
    known: Sequence[int]

    def scores(self, x: Tensor) -> Tensor:
        """Network input (B, ...) -> scores (B, seen + unseen classes), the seen ones first."""


@dataclass(frozen=True)
class SeenUnseen:
    """What decides each image's prediction under calibrated stacking (Chao et al. 2016, eq. 5).

    An image goes to its best seen class where ``margin >= gamma``, else to its best unseen class.

    Attributes:
        margin: best seen score minus best unseen score, of seen images and of unseen images.
        gain: what an image adds to its accuracy if it goes to its side: 1 / (classes x images of
            its class) where the best class of that side is the right one, else 0.
    """

    margin: tuple[Floats, Floats]
    gain: tuple[Floats, Floats]

    @staticmethod
    def of(
        seen_scores: Tensor, seen_labels: Tensor, unseen_scores: Tensor, unseen_labels: Tensor,
        seen: int,
    ) -> "SeenUnseen":  # fmt: skip
        """From scores (N, seen + unseen) of images of seen and of unseen classes.

        Args:
            seen_scores: of images of seen classes.
            seen_labels: their classes, 0 .. seen - 1.
            unseen_scores: of images of unseen classes.
            unseen_labels: their classes, counted from 0 among the unseen ones.
            seen: the number of seen classes, whose columns come first.
        """
        margins, gains = [], []
        for scores, labels, columns in (
            (seen_scores, seen_labels, slice(None, seen)),
            (unseen_scores, unseen_labels, slice(seen, None)),
        ):
            best = [scores[:, part].max(dim=1).values for part in (slice(seen), slice(seen, None))]
            margins.append((best[0] - best[1]).double().numpy())
            right = (scores[:, columns].argmax(dim=1) == labels).double()
            counts = torch.bincount(labels)
            gains.append((right / counts[labels] / int((counts > 0).sum())).numpy())
        return SeenUnseen((margins[0], margins[1]), (gains[0], gains[1]))

    def at(self, gamma: float) -> tuple[float, float, float]:
        """Accuracy on seen images, on unseen images, and their harmonic mean."""
        seen = float(self.gain[0][self.margin[0] >= gamma].sum())
        unseen = float(self.gain[1][self.margin[1] < gamma].sum())
        return seen, unseen, float(harmonic(np.array(seen), np.array(unseen)))

    def curve(self) -> tuple[Floats, Floats, Floats]:
        """Every gamma that matters, rising, with the accuracies on seen and on unseen images.

        Between the first and the last it is the middle of two margins that follow each other.
        """
        margins = np.unique(np.concatenate(self.margin))
        middles = (margins[1:] + margins[:-1]) / 2
        gammas = np.concatenate([[margins[0] - 1.0], middles, [margins[-1] + 1.0]])
        seen = self.gain[0].sum() - summed_below(self.margin[0], self.gain[0], gammas)
        return gammas, np.maximum(seen, 0.0), summed_below(self.margin[1], self.gain[1], gammas)

    def ausuc(self) -> float:
        """Area under the curve of seen against unseen accuracy (Chao et al. 2016, section 3.3)."""
        from sklearn.metrics import auc  # takes half a second to import

        _, seen, unseen = self.curve()
        return float(auc(unseen, seen))

    def best_gamma(self) -> float:
        """The gamma of the largest harmonic mean; of several the one nearest to 0."""
        gammas, seen, unseen = self.curve()
        means = harmonic(seen, unseen)
        best = gammas[means >= means.max() - 1e-12]
        return float(best[np.abs(best).argmin()])


def summed_below(margin: Floats, gain: Floats, gammas: Floats) -> Floats:
    """For each gamma the sum of the gains whose margin is below it."""
    order = np.argsort(margin, kind="stable")
    totals = np.concatenate([[0.0], np.cumsum(gain[order])])
    sums: Floats = totals[np.searchsorted(margin[order], gammas, side="left")]
    return sums


def harmonic(seen: Floats, unseen: Floats) -> Floats:
    """The harmonic mean, 0 where both are 0."""
    total = seen + unseen
    mean: Floats = 2 * seen * unseen / np.where(total > 0, total, 1.0)
    return mean


def class_mean(scores: Tensor, labels: Tensor) -> float:
    """Top-1 accuracy of scores (N, C), the mean over the classes that occur."""
    right = (scores.argmax(dim=1) == labels).double()
    counts = torch.bincount(labels)
    return float((right / counts[labels]).sum() / (counts > 0).sum())


def unseen_metrics(scores: Tensor, labels: Tensor, known: Sequence[int]) -> dict[str, float]:
    """``zsl/t1`` of scores (N, unseen classes), and ``zsl/t1_new`` without the ``known`` ones."""
    metrics = {"zsl/t1": class_mean(scores, labels)}
    new = torch.tensor([c for c in range(scores.shape[1]) if c not in set(known)])
    if known:
        metrics["zsl/new_classes"] = float(len(new))
    rows = torch.isin(labels, new)
    if known and len(new) > 1 and rows.any():
        places = torch.zeros(scores.shape[1], dtype=torch.int64)
        places[new] = torch.arange(len(new))
        metrics["zsl/t1_new"] = class_mean(scores[rows][:, new], places[labels[rows]])
    return metrics


def generalised_metrics(both: SeenUnseen, gamma: float) -> dict[str, float]:
    """Seen, unseen and harmonic mean at ``gamma``, the same without calibration, and AUSUC."""
    metrics = {"gzsl/ausuc": both.ausuc(), "gzsl/gamma": gamma}
    for prefix, value in (("", gamma), ("uncalibrated_", 0.0)):
        names = (f"gzsl/{prefix}{name}" for name in ("seen", "unseen", "harmonic_mean"))
        metrics |= dict(zip(names, both.at(value), strict=True))
    return metrics
