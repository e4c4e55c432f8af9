"""The embedded data with some labels permuted, for the leak tests."""

from dataclasses import replace

from translearn.data.digits import Digits
from translearn.data.domain import Split, permutation


class PermutedDigits(Digits):
    """Digits with the labels of the named places permuted, such as ``target/train``."""

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
