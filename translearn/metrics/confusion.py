"""Figures of a confusion: how often each class was taken for each."""

from torch import Tensor


def macro_f1(confusion: Tensor) -> float:
    """The mean over classes of F1 = 2 right / (true + predicted), as in scikit-learn.

    A class counts where it occurs in the truth or among the predictions: one that is predicted and
    never true has F1 0, one that does neither is left out.

    Args:
        confusion: counts (classes, classes): row true, column predicted.
    """
    counted = confusion.sum(dim=1) + confusion.sum(dim=0)
    there = counted > 0
    f1 = 2 * confusion.diagonal()[there].double() / counted[there]
    return float(f1.mean())


def accuracies(confusion: Tensor) -> dict[str, float]:
    """``accuracy``, ``per_class_accuracy`` (the mean over true classes) and ``macro_f1``."""
    right, count = confusion.diagonal(), confusion.sum(dim=1)
    present = count > 0
    per_class = right[present].double() / count[present].double()
    return {
        "accuracy": float(right.sum()) / float(count.sum()),
        "per_class_accuracy": float(per_class.mean()),
        "macro_f1": macro_f1(confusion),
    }
