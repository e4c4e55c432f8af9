"""Samples cut into splits, by a seed, or by their classes."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from translearn.data.types import Domain, Samples, Shape, Split, permutation
from translearn.errors import ConfigError


def cut_test(samples: Samples, fraction: float, seed: int) -> Samples:
    """The same samples with ``fraction`` of them (or ``test_size``) cut off for the test by a seed.

    A published test split is left as it is.
    """
    if samples.test is not None:
        return samples
    order = permutation(len(samples.train), seed)
    size = samples.test_size or int(len(order) * fraction)
    test = samples.train.select(order[:size]) if size else None
    return replace(samples, train=samples.train.select(order[size:]), test=test)


def cut_domain(
    samples: Samples, val_fraction: float, seed: int, input_shape: Shape | None = None
) -> Domain:
    """Shuffle the training samples by ``seed`` and cut ``val_fraction`` off for validation.

    The cut is a permutation of indices, never by class. Nothing is cut where the set has a
    validation split. A set that was made of another one is cut as that one is, so that what is
    validation on one side is training data on neither.

    Raises:
        ConfigError: ``val_fraction`` is not in [0, 1).
    """
    if not 0 <= val_fraction < 1:
        raise ConfigError(f"data.val_fraction={val_fraction} must be at least 0 and below 1")
    train = samples.train
    order = permutation(samples.made_of or len(train), seed)
    size = int(len(order) * val_fraction) if samples.val is None else 0
    cut, rest = (part[part < len(train)] for part in (order[:size], order[size:]))
    val = train.select(cut) if size else samples.val
    return Domain(
        samples.name, samples.classes, train.select(rest), val, samples.test,
        samples.kind, input_shape, columns=samples.columns, answer=samples.answer,
    )  # fmt: skip


def keep_classes(samples: Samples, kept: Sequence[int], name: str) -> Samples:
    """The samples of the classes ``kept`` (labels), labelled by the place of their class in it."""
    test, val = (
        None if split is None else split_of_classes(split, kept)
        for split in (samples.test, samples.val)
    )
    return replace(
        samples, name=name, classes=tuple(samples.classes[label] for label in kept),
        train=split_of_classes(samples.train, kept), test=test, val=val, made_of=None,
    )  # fmt: skip


def split_of_classes(split: Split, kept: Sequence[int]) -> Split:
    """As ``keep_classes``, of one split."""
    assert split.y is not None
    places = torch.full((max(int(split.y.max()), *kept) + 1,), -1)
    places[list(kept)] = torch.arange(len(kept))
    labels: Tensor = places[split.y]
    index = (labels >= 0).nonzero().flatten()
    return Split(split.x[index], labels[index])
