"""Any data set with some of its labels changed before anything is cut, or images of noise.

What lies where is found by arranging numbered samples; then the labels of a place are changed in
``Samples`` themselves, so that no cut, normaliser or vocabulary is made of the true ones.
"""

from dataclasses import replace

import torch

from translearn.components import build
from translearn.data.arrangements.base import Arrangement
from translearn.data.arrangements.pair import Pair
from translearn.data.types import DataSource, Split, permutation

OUTSIDE = "target/outside the budget"


class Changed(DataSource):
    """The data set that ``of`` names, with the labels of some places changed.

    Args:
        of: the ``_target_`` of an arrangement.
        places: such as ``target/train``, OUTSIDE, or ``*/val`` for that split of every task.
        how: ``permuted`` within each place, or ``random``: drawn among the labels that occur there.
        options: of the arrangement.
    """

    def __init__(self, of, places, how="permuted", root="", **options):
        self.arrangement = build({"_target_": of, **options}, Arrangement, root=root)
        self.places, self.how = list(places), how

    def load(self):
        samples = self.arrangement.read()
        for rows in positions(self.arrangement, samples, self.places).values():
            samples = changed(samples, rows, self.how)
        return self.arrangement.arrange(samples)


def numbered(samples):
    """The same samples, each of them its own place: set, split and row."""
    places = {}
    for number, (name, one) in enumerate(samples.items()):
        splits = {
            part: Split(places_of(number, place, len(split)), split.y)
            for place, part in enumerate(("train", "test"))
            if (split := getattr(one, part)) is not None
        }
        places[name] = replace(one, **splits)
    return places


def places_of(number, place, count):
    rows = torch.arange(count)
    return torch.stack([torch.full_like(rows, number), torch.full_like(rows, place), rows], dim=1)


def positions(arrangement, samples, places):
    """Place -> where its samples lie: (N, 3) set, split and row."""
    per_class = getattr(arrangement, "target_labels_per_class", None)
    arrangement.target_labels_per_class = None
    whole = arrangement.arrange(numbered(samples)).tasks
    arrangement.target_labels_per_class = per_class
    found = {}
    for task, domain in whole.items():
        for part in ("train", "val", "test"):
            split = getattr(domain, part)
            if {f"{task}/{part}", f"*/{part}"} & set(places) and split is not None and len(split):
                found[f"{task}/{part}"] = split.x
    if OUTSIDE in places:
        found[OUTSIDE] = behind_the_budget(arrangement, samples, whole["target"].train.x)
    elif "target/train" in places and per_class is not None:
        found["target/train"] = arrangement.arrange(numbered(samples)).tasks["target"].train.x
    return found


def behind_the_budget(arrangement, samples, train):
    """What comes after the last label that the budget takes, in the order it looks at."""
    kept = arrangement.arrange(numbered(samples)).tasks["target"].train.x
    picked = {tuple(place) for place in kept.tolist()}
    looked_at = train[permutation(len(train), arrangement.split_seed)]
    last = max(i for i, place in enumerate(looked_at.tolist()) if tuple(place) in picked)
    assert len(looked_at) - last > 500
    return looked_at[last + 1 :]


def changed(samples, places, how):
    """The same samples with the labels at these places permuted or drawn anew."""
    number, place = places[0, 0], ("train", "test")[int(places[0, 1])]
    assert places[:, :2].unique(dim=0).tolist() == [[int(number), int(places[0, 1])]]
    name, one = list(samples.items())[int(number)]
    split, rows = getattr(one, place), places[:, 2]
    labels, true = split.y.clone(), split.y[rows]
    if how == "permuted":
        labels[rows] = true[permutation(len(rows), 99)]
    else:
        occurring = true.unique()
        drawn = torch.Generator().manual_seed(99)
        labels[rows] = occurring[torch.randint(len(occurring), (len(rows),), generator=drawn)]
    assert not torch.equal(labels, split.y)
    return {**samples, name: replace(one, **{place: Split(split.x, labels)})}


class UnseenNoise(DataSource):
    """The data set that ``of`` names, its unseen classes with images of noise."""

    def __init__(self, of, root="", **options):
        self.arrangement = build({"_target_": of, **options}, Arrangement, root=root)

    def load(self):
        tasks = self.arrangement.load()
        target = tasks.tasks["target"]
        generator = torch.Generator().manual_seed(5)
        x = torch.randint(0, 256, target.test.x.shape, generator=generator, dtype=torch.uint8)
        target = replace(target, test=Split(x, target.test.y))
        return replace(tasks, tasks={**tasks.tasks, "target": target})


class OrderLeak(Pair):
    """Two sets whose cut looks at hidden labels: the target's images come in their order."""

    def arrange(self, samples):
        order = samples["target"].train.y.argsort(stable=True)
        target = replace(samples["target"], train=samples["target"].train.select(order))
        return super().arrange({**samples, "target": target})


class CountLeak(Pair):
    """Two sets made of a figure that no permutation changes: how many hidden labels are zeros."""

    def arrange(self, samples):
        zeros = int((samples["target"].train.y == 0).sum()) % 251
        split = samples["source"].train
        if split.x.dtype == torch.uint8:  # not the numbers of samples
            split = Split(split.x + zeros, split.y)
        source = replace(samples["source"], train=split)
        return super().arrange({**samples, "source": source})
