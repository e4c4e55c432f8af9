"""Domains, tasks and the view of them that a method is allowed to have."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

import torch
from torch import Tensor, nn

from translearn.data.files import FileImages
from translearn.errors import ConfigError, DataError

Images = Tensor | FileImages
Shape = tuple[int, ...]
Outputs = Callable[[str, nn.Module], Tensor]


class Kind(StrEnum):
    """What one sample of a task is, which decides how it becomes network input."""

    image = "image"  # uint8 (C, H, W)
    waveform = "waveform"  # int16 (T,)
    vector = "vector"  # float32 (D,)


@dataclass(frozen=True)
class Split:
    """Samples of one split, in a seed-shuffled order.

    Attributes:
        x: uint8 images (N, C, H, W), or the files they are decoded from, or samples of another
            ``Kind`` (N, ...).
        y: (N,) int64 labels, or None where they do not exist.
    """

    x: Images
    y: Tensor | None

    def __len__(self) -> int:
        return len(self.x)

    def select(self, index: Tensor) -> "Split":
        """The images (and labels) at ``index``, in that order."""
        return Split(self.x[index], None if self.y is None else self.y[index])


@dataclass(frozen=True)
class Domain:
    """One task's data: its classes and its splits.

    Attributes:
        name: the data set, such as ``mnist``.
        classes: class names; labels index into them.
        train: the training split. Its labels reach a method only through a TrainView.
        val: a part cut from train for model selection, or None.
        test: what the final metrics are computed on, or None where nothing is labelled.
        kind: what a sample is.
        input_shape: what a prepared sample looks like, where that is not the task set's shape.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    val: Split | None
    test: Split | None
    kind: Kind = Kind.image
    input_shape: Shape | None = None


@dataclass(frozen=True)
class TaskSet:
    """Named tasks; ``source`` and ``target`` make a data pair.

    Attributes:
        name: the name that tables show, such as ``mnist_mnistm``.
        tasks: task name -> domain.
        input_shape: (C, H, W) that the backbone receives, or (D,) of vectors.
        protocol: how the splits were made (``published``, ``transductive``, ``split``, ...);
            results of different protocols never share a table cell.
    """

    name: str
    tasks: Mapping[str, Domain]
    input_shape: Shape
    protocol: str = "published"

    def shape(self, task: str) -> Shape:
        """What a prepared sample of ``task`` looks like: the backbone's input or a stem's."""
        return self.tasks[task].input_shape or self.input_shape

    @property
    def main_task(self) -> str:
        """The task that tables and prediction are about: ``target``, else the last one."""
        return "target" if "target" in self.tasks else list(self.tasks)[-1]


class DataSource(ABC):
    """A data config, built from a yaml in ``conf/data``; ``load`` reads it.

    The constructor keeps its arguments and checks their values; it reads no file. Every subclass
    accepts the keyword ``root`` (the data root folder) and may ignore it.
    """

    embedded: ClassVar[bool] = False

    @abstractmethod
    def load(self) -> TaskSet:
        """Read the data.

        Raises:
            DataError: files are missing or broken; the message says where it looked, how to get
                them, and names ``data=digits`` as the substitute.
        """


def cut_domain(
    name: str,
    classes: tuple[str, ...],
    train: Split,
    test: Split | None,
    val_fraction: float,
    split_seed: int,
) -> Domain:
    """Shuffle ``train`` by ``split_seed`` and cut ``val_fraction`` of it off for validation.

    The cut is a permutation of indices, never by class.

    Raises:
        ConfigError: ``val_fraction`` is not in [0, 1).
    """
    if not 0 <= val_fraction < 1:
        raise ConfigError(f"data.val_fraction={val_fraction} must be at least 0 and below 1")
    order = permutation(len(train), split_seed)
    size = int(len(train) * val_fraction)
    val = train.select(order[:size]) if size else None
    return Domain(name, classes, train.select(order[size:]), val, test)


def permutation(count: int, seed: int) -> Tensor:
    """A permutation of ``range(count)`` that depends on nothing but its arguments."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


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
    """The training sets a method may see: task -> set, ``<task>/rest`` for what a budget hides.

    Labels outside the method's access are not in here, and neither are labels outside the budget.

    Args:
        sets: task -> training set.
        compute: what ``outputs`` calls.
    """

    def __init__(
        self, sets: Mapping[str, LabelledSet | UnlabelledSet], compute: Outputs | None = None
    ) -> None:
        self._sets, self._compute = dict(sets), compute

    def __getitem__(self, task: str) -> LabelledSet | UnlabelledSet:
        if task not in self._sets:
            raise KeyError(f"no training set {task!r}; there are {', '.join(self._sets)}")
        return self._sets[task]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    def outputs(self, task: str, module: nn.Module) -> Tensor:
        """What a module puts out for every sample of a task, prepared as for a test, in order.

        ``Method.enter`` has this for neighbours and clusters; gradients do not flow.
        """
        assert self._compute is not None, "outputs exist in Method.enter alone"
        return self._compute(task, module)

    def map_images(self, change: Callable[[Images], Images]) -> "TrainView":
        """The same view with every set's images replaced by ``change(images)``."""
        return TrainView({name: replace(s, x=change(s.x)) for name, s in self._sets.items()})

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
            if task.endswith("/rest") or not access.allows(task):
                sets[task] = UnlabelledSet(domain.train.x)
            elif domain.train.y is None:
                raise DataError(
                    f"this method learns from the labels of {task!r}, and {domain.name} has none\n"
                    f"choose a method that needs no {task} labels (tl-run --help lists them)"
                )
            else:
                sets[task] = LabelledSet(domain.train.x, domain.train.y)
        return TrainView(sets)
