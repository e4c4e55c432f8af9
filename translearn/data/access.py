"""The wall between methods and labels: in batches and views, hidden labels do not exist."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from translearn.data.types import Images, TaskSet, permutation
from translearn.errors import ConfigError, DataError


class Labelled(NamedTuple):
    """Images with labels.

    Attributes:
        x: (N, ...) images, waveforms or feature vectors, or (views, N, ...) as in ``Unlabelled``.
        y: (N,) int64 class indices, or float32 numbers.
        index: (N,) int64 positions in the seed-shuffled training split.
    """

    x: Tensor
    y: Tensor
    index: Tensor  # type: ignore[assignment]


class Unlabelled(NamedTuple):
    """Images alone.

    Attributes:
        x: (N, ...) images, waveforms or feature vectors; (views, N, ...) where a stream asks for
            several views of each, or for partners.
        index: (N,) int64 positions in the seed-shuffled training split.
    """

    x: Tensor
    index: Tensor  # type: ignore[assignment]


Batch = Labelled | Unlabelled


Outputs = Callable[[str, Images, nn.Module], Tensor]  # of samples of a task


@dataclass(frozen=True)
class Access:
    """Which labels of the training splits a method may see."""

    source_labels: bool
    target_labels: bool

    def allows(self, task: str) -> bool:
        """Whether the labels of ``task`` may be seen; tasks other than source count as targets."""
        return self.source_labels if task == "source" else self.target_labels


@dataclass(frozen=True)
class LabelledSet:
    """A training set that a method may see with its labels."""

    x: Images
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class UnlabelledSet:
    """A training set that a method may see without labels: there is no ``y``."""

    x: Images

    def __len__(self) -> int:
        return len(self.x)


class TrainView(Mapping[str, LabelledSet | UnlabelledSet]):
    """The training sets a method may see, by task, and what a label budget leaves unlabelled.

    Labels outside the method's access are not in here, and neither are labels outside the budget.

    Args:
        sets: task -> training set.
        hidden: task -> the samples whose labels a budget hides, of the tasks that have one.
        compute: what ``outputs`` calls.
    """

    def __init__(
        self,
        sets: Mapping[str, LabelledSet | UnlabelledSet],
        hidden: Mapping[str, UnlabelledSet] | None = None,
        compute: Outputs | None = None,
    ) -> None:
        self._sets, self._hidden, self._compute = dict(sets), dict(hidden or {}), compute

    def __getitem__(self, task: str) -> LabelledSet | UnlabelledSet:
        if task not in self._sets:
            raise KeyError(f"no training set {task!r}; there are {', '.join(self._sets)}")
        return self._sets[task]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    def limited(self, task: str) -> bool:
        """Whether a label budget hides some labels of the task."""
        return task in self._hidden

    def unlabelled(self, task: str) -> UnlabelledSet:
        """Samples of a task without labels: those a label budget hides, or without one all."""
        return self._hidden[task] if self.limited(task) else UnlabelledSet(self[task].x)

    def outputs(self, task: str, module: nn.Module, unlabelled: bool = False) -> Tensor:
        """What a module puts out for every sample of a task, prepared as for a test, in order.

        ``Method.enter`` has this for neighbours and clusters; gradients do not flow.

        Args:
            task: of the view.
            module: put into evaluation mode.
            unlabelled: whether the samples are those of ``unlabelled``.
        """
        assert self._compute is not None, "outputs exist in Method.enter alone"
        data = self.unlabelled(task) if unlabelled else self[task]
        return self._compute(task, data.x, module)

    def computing(self, compute: Outputs) -> "TrainView":
        """The same view, whose ``outputs`` are what ``compute`` gives."""
        return TrainView(self._sets, self._hidden, compute)

    @staticmethod
    def of(tasks: TaskSet, access: Access) -> "TrainView":
        """Hide every training label that ``access`` does not grant.

        Raises:
            ConfigError: it grants target labels, and the same images are scored.
            DataError: a label is needed that does not exist.
        """
        if access.target_labels and tasks.protocol == "transductive":
            raise ConfigError(
                "this method learns from target labels, and data.protocol=transductive scores the "
                "same images\nadd data.protocol=split"
            )
        sets: dict[str, LabelledSet | UnlabelledSet] = {}
        for task, domain in tasks.tasks.items():
            if not access.allows(task):
                sets[task] = UnlabelledSet(domain.train.x)
            elif domain.train.y is None:
                raise DataError(
                    f"this method learns from the labels of {task!r}, and {domain.name} has none\n"
                    f"choose a method that needs no {task} labels (tl-run --help lists them)"
                )
            else:
                sets[task] = LabelledSet(domain.train.x, domain.train.y)
        hidden = {
            task: UnlabelledSet(domain.unlabelled)
            for task, domain in tasks.tasks.items()
            if domain.unlabelled is not None
        }
        return TrainView(sets, hidden)


def limit_labels(tasks: TaskSet, per_class: int | None, seed: int) -> TaskSet:
    """Keep the target labels of ``per_class`` training images of each class, picked by ``seed``.

    The rest of the split becomes ``Domain.unlabelled``. The validation split is dropped: its labels
    would lie outside the budget. Without a budget (None) nothing changes.

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
    if not fewest:
        raise ConfigError(
            f"data.target_labels_per_class={per_class}: a class of {domain.name} has no training "
            "image\nlower data.val_fraction, or add images to it"
        )
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
    return with_labels_of(tasks, order[rank < per_class], order[rank >= per_class])


def limit_samples(tasks: TaskSet, count: int | None, seed: int) -> TaskSet:
    """Keep the target labels of ``count`` training samples, as ``limit_labels`` does by class.

    Raises:
        ConfigError: ``count`` is above what there is.
        DataError: the target has no labels.
    """
    if count is None:
        return tasks
    domain = tasks.tasks["target"]
    if domain.train.y is None:
        raise DataError(f"data.target_labels is set, and {domain.name} has no labels")
    if count > len(domain.train):
        raise ConfigError(f"data.target_labels={count}: choose 1 to {len(domain.train)}")
    order = permutation(len(domain.train), seed)
    return with_labels_of(tasks, order[:count], order[count:])


def with_labels_of(tasks: TaskSet, picked: Tensor, rest: Tensor) -> TaskSet:
    """The target with the labels of the training samples ``picked`` alone, and no validation."""
    domain = tasks.tasks["target"]
    kept = domain.train.select(picked)
    target = replace(domain, train=kept, val=None, unlabelled=domain.train.x[rest])
    return replace(tasks, tasks={**tasks.tasks, "target": target})
