"""The budget of target labels, ``data.target_labels_per_class``."""

from dataclasses import replace

import torch

from translearn.data.domain import Split, TaskSet, permutation
from translearn.errors import ConfigError, DataError


def limit_labels(tasks: TaskSet, per_class: int | None, seed: int) -> TaskSet:
    """Keep the target labels of ``per_class`` training images of each class, picked by ``seed``.

    The rest of the split becomes the task ``target/rest``, without labels. The validation split is
    dropped: its labels would lie outside the budget. Without a budget (None) nothing changes.

    Raises:
        ConfigError: ``per_class`` is below one or above what a class has.
        DataError: the target has no labels.
    """
    if per_class is None:
        return tasks
    domain = tasks.tasks["target"]
    labels = domain.train.y
    if labels is None:
        raise DataError(f"data.target_labels_per_class is set, and {domain.name} has no labels")
    fewest = int(torch.bincount(labels, minlength=len(domain.classes)).min())
    if not 1 <= per_class <= fewest:
        raise ConfigError(
            f"data.target_labels_per_class={per_class}: choose 1 to {fewest}, "
            f"the images of the smallest class of {domain.name}"
        )
    order = permutation(len(labels), seed)
    shuffled = labels[order]
    rank = torch.empty_like(order)
    for label in range(len(domain.classes)):
        of_class = shuffled == label
        rank[of_class] = torch.arange(int(of_class.sum()))
    picked, rest = order[rank < per_class], order[rank >= per_class]
    unlabelled = Split(domain.train.x[rest], None)
    hidden = replace(domain, name=f"{domain.name}/rest", train=unlabelled, val=None, test=None)
    kept = replace(domain, train=domain.train.select(picked), val=None)
    return replace(tasks, tasks={**tasks.tasks, "target": kept, "target/rest": hidden})
