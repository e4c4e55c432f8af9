"""How many samples of each class a run had, as far as anybody may know."""

from typing import Any

import torch
from torch import Tensor

from translearn.data.access import LabelledSet, TrainView
from translearn.engine.judge import Judge


def split_counts(view: TrainView, judge: Judge) -> dict[str, Any]:
    """Task -> split -> how many ``samples``, and how many ``per_class``.

    A training split is counted by the labels that the method was given: where these are hidden
    from it, or outside a label budget, the number of samples stands alone. Validation and test are
    counted by the judge's labels, once the weights are final.
    """
    counted: dict[str, Any] = {}
    for task in view:
        classes, given = judge.classes[task], view[task]
        known = given.y if isinstance(given, LabelledSet) else None
        splits = {"train": counts(len(given), known, classes)}
        if view.limited(task):
            splits["unlabelled"] = counts(len(view.unlabelled(task)), None, classes)
        for name in ("val", "test"):
            if judge.has(task, name):
                labels = judge.labels(task, name)
                splits[name] = counts(len(labels), labels, classes)
        counted[task] = splits
    return counted


def counts(samples: int, labels: Tensor | None, classes: tuple[str, ...]) -> dict[str, Any]:
    """The numbers of one split; a class that it lacks counts 0, and numbers have no classes."""
    if labels is None or labels.is_floating_point():
        return {"samples": samples}
    numbers = torch.bincount(labels.cpu(), minlength=len(classes)).tolist()
    return {"samples": samples, "per_class": dict(zip(classes, numbers, strict=True))}
