"""The embedded data with some labels permuted, or images of noise, for the leak tests."""

from dataclasses import replace

import torch

from translearn.data.access import limit_labels
from translearn.data.arrangements.unseen import DigitsAttributes
from translearn.data.sets.digits import Digits
from translearn.data.types import Split, permutation

OUTSIDE = "target/outside the budget"


class Permuted:
    """A data set with the labels of the named places permuted, such as ``target/train``."""

    def __init__(self, places, **arguments):
        super().__init__(**arguments)
        self.places = list(places)

    def load(self):
        per_class = getattr(self, "target_labels_per_class", None)
        self.target_labels_per_class = None
        tasks = super().load()
        if OUTSIDE in self.places:
            target = tasks.tasks["target"]
            labels = permute_outside(target.train.y, per_class, self.split_seed)
            target = replace(target, train=Split(target.train.x, labels))
            tasks = replace(tasks, tasks={**tasks.tasks, "target": target})
        tasks = limit_labels(tasks, per_class, self.split_seed)
        domains = {}
        for task, domain in tasks.tasks.items():
            changed = {}
            for name in ("train", "val", "test"):
                split = getattr(domain, name)
                if f"{task}/{name}" in self.places and split is not None:
                    assert split.y is not None
                    changed[name] = Split(split.x, split.y[permutation(len(split), 99)])
            domains[task] = replace(domain, **changed)
        return replace(tasks, tasks=domains)


def permute_outside(labels, per_class, seed):
    """Permute the labels behind the last one that the budget takes, in the order it looks at."""
    order = permutation(len(labels), seed)
    shuffled, taken = labels[order], torch.zeros(10, dtype=torch.int64)
    position = 0
    while int(taken.min()) < per_class:
        taken[shuffled[position]] += 1
        position += 1
    changed = labels.clone()
    changed[order[position:]] = shuffled[position:][permutation(len(labels) - position, 99)]
    assert int((changed != labels).sum()) > 500
    return changed


class PermutedDigits(Permuted, Digits):
    """Of data=digits."""


class PermutedDigitsAttributes(Permuted, DigitsAttributes):
    """Of data=digits_attributes."""


class UnseenNoise(DigitsAttributes):
    """Its unseen classes with images of noise."""

    def load(self):
        tasks = super().load()
        target = tasks.tasks["target"]
        generator = torch.Generator().manual_seed(5)
        x = torch.randint(0, 256, target.test.x.shape, generator=generator, dtype=torch.uint8)
        target = replace(target, test=Split(x, target.test.y))
        return replace(tasks, tasks={**tasks.tasks, "target": target})
