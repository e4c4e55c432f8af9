"""Answers that are classes."""

from torch import Tensor
from torch.nn import functional as F

from translearn.answers.base import Answer
from translearn.metrics.confusion import accuracies


class Classes(Answer):
    """One class of several: cross-entropy, the largest score; the judge counts a confusion.

    Labels are (N,) int64. A label budget counts labels of each class.
    """

    name = "class"
    headline = "accuracy"
    figures = ("accuracy", "per_class_accuracy", "macro_f1")
    counted = True

    def loss(self, scores: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of logits (B, classes)."""
        return F.cross_entropy(scores.float(), y)

    def decode(self, scores: Tensor) -> Tensor:
        """The class (B,) of the largest score, of equals the first."""
        return scores.argmax(dim=1)

    def metrics(self, answers: Tensor, y: Tensor) -> dict[str, float]:
        """As the judge has them, for classes that all occur among labels or answers."""
        width = int(max(answers.max(), y.max())) + 1
        confusion = (y * width + answers).bincount(minlength=width * width).view(width, width)
        return accuracies(confusion)
