"""Domains, tasks and the view of them that a method is allowed to have."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import torch
from torch import Tensor

from translearn.data.files.images import FileImages
from translearn.errors import ConfigError

Images = Tensor | FileImages


Shape = tuple[int, ...]


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
