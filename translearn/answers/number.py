"""Answers that are numbers: regression."""

import torch
from torch import Tensor
from torch.nn import functional as F

from translearn.answers.base import Answer
from translearn.data.access import LabelledSet, TrainView
from translearn.metrics.regression import regression_scores


class Number(Answer):
    """One number: mean squared error of labels with mean 0 and deviation 1.

    Labels are (N,) float32, standardised by the source's training labels (for a method that does
    not see them, by those it sees). Answers are in the unit of the labels. A label budget
    counts samples (``data.target_labels``).
    """

    name = "number"
    headline = "r2"
    figures = ("mse", "r2", "pearson")
    counted = False
    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def see(self, view: TrainView, task: str) -> None:
        """Take mean and deviation of the training labels; equal labels are not scaled."""
        sets = [view[name] for name in ("source", task, *view) if name in view]
        labels = next((one.y for one in sets if isinstance(one, LabelledSet)), None)
        if labels is not None and len(labels):
            values = labels.double()
            self.mean.copy_(values.mean())
            spread = values.std(correction=0)
            self.deviation.copy_(spread if spread > 0 else torch.ones(()))

    def loss(self, scores: Tensor, y: Tensor) -> Tensor:
        """Mean squared error of scores (B, 1), in deviations of the training labels."""
        return F.mse_loss(scores.float().squeeze(1), (y - self.mean) / self.deviation)

    def decode(self, scores: Tensor) -> Tensor:
        """Scores (B, 1) -> numbers (B,) in the unit of the labels."""
        return scores.float().squeeze(1) * self.deviation + self.mean

    def metrics(self, answers: Tensor, y: Tensor) -> dict[str, float]:
        """``mse`` in the squared unit of the labels, ``r2`` and ``pearson``."""
        return regression_scores(answers, y)
