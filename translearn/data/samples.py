"""The samples of all splits of a task, whatever their labels are."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from torch import Tensor

from translearn.data.types import Domain, Images, Kind, Shape, Split, TaskSet


def samples_of(domain: Domain) -> Iterator[Images]:
    """The samples of all splits of a domain."""
    for split in (domain.train, domain.val, domain.test):
        if split is not None:
            yield split.x
    if domain.unlabelled is not None:
        yield domain.unlabelled


def with_features(domain: Domain, features: Mapping[int, Tensor], shape: Shape) -> Domain:
    """The domain, each set of samples replaced by its features."""
    train, val, test = (
        None if split is None else replace(split, x=features[id(split.x)])
        for split in (domain.train, domain.val, domain.test)
    )
    assert train is not None
    hidden = None if domain.unlabelled is None else features[id(domain.unlabelled)]
    return replace(
        domain, train=train, val=val, test=test, unlabelled=hidden, kind=Kind.vector,
        input_shape=shape, scaling=None, columns=(),
    )  # fmt: skip


def shown(domain: Domain) -> Images:
    """The samples that figures show where the method gets features."""
    test = domain.test
    return domain.train.x if test is None or test.y is None or not len(test) else test.x


def without_labels(tasks: TaskSet) -> TaskSet:
    """The training samples alone, for whoever asks what the data look like."""
    bare = {
        task: replace(domain, train=Split(domain.train.x, None), val=None, test=None)
        for task, domain in tasks.tasks.items()
    }
    return replace(tasks, tasks=bare)
