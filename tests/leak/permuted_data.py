"""The embedded data with some labels permuted, or images of noise, for the leak tests."""

from dataclasses import replace

import torch

from translearn.data.digits import Digits
from translearn.data.domain import Split, permutation
from translearn.data.unseen import DigitsAttributes


class Permuted:
    """A data set with the labels of the named places permuted, such as ``target/train``."""

    def __init__(self, places, **arguments):
        super().__init__(**arguments)
        self.places = list(places)

    def load(self):
        tasks = super().load()
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
