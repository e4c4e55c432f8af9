"""Domains, tasks and the view of them that a method is allowed to have."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import torch
from torch import Tensor

from translearn.data.files.download import DataSet
from translearn.data.files.images import FileImages
from translearn.data.files.listing import Listing
from translearn.data.scaling import Scaling

Images = Tensor | FileImages


Shape = tuple[int, ...]
AnswerName = Literal["class", "number"]


class Kind(StrEnum):
    """What one sample of a task is, which decides how it becomes network input."""

    image = "image"  # uint8 (C, H, W)
    waveform = "waveform"  # int16 (T,)
    vector = "vector"  # float32 (D,)
    signal = "signal"  # float32 (C, L): channels over time


@dataclass(frozen=True)
class Split:
    """Samples of one split, in a seed-shuffled order.

    Attributes:
        x: uint8 images (N, C, H, W), or the files they are decoded from, or samples of another
            ``Kind`` (N, ...).
        y: (N,) int64 labels, or float32 numbers, or None where they do not exist.
    """

    x: Images
    y: Tensor | None

    def __len__(self) -> int:
        return len(self.x)

    def select(self, index: Tensor) -> "Split":
        """The images (and labels) at ``index``, in that order."""
        return Split(self.x[index], None if self.y is None else self.y[index])


@dataclass(frozen=True)
class Samples:
    """What one set holds, read but not cut: what every arrangement starts from.

    Attributes:
        name: what a domain of it is called, such as ``mnist``.
        classes: class names; labels index into them.
        train: the training split; everything where no split is published.
        test: the published test split, or None.
        kind: what a sample is.
        shape: what a prepared sample looks like: (C, H, W), (D,) of vectors, (C, L) of signals.
        protocol: how its splits are made, as in ``TaskSet``.
        test_size: samples of the test that is cut where none is published; None: a share of them.
        unseen: the classes of which the set publishes no training samples.
        val: a validation split that comes with the set; None: it is cut from ``train``.
        listing: what was found in the folder that it was read from, where it is a folder.
        columns: names of the numbers of a vector, where its file has them.
        answer: what a label is: a ``class``, or a ``number`` (y is then float32).
        made_of: the training samples of the set that this one was made of, sample by sample, its
            first ones; None where there is no such set.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split | None
    kind: Kind
    shape: Shape
    protocol: str
    test_size: int | None = None
    unseen: tuple[str, ...] = ()
    val: Split | None = None
    listing: Listing | None = None
    columns: tuple[str, ...] = ()
    made_of: int | None = None
    answer: AnswerName = "class"


class Reader(ABC):
    """One set, or what its options name of it; ``read`` reads it.

    The constructor checks its arguments and reads no file.

    Attributes:
        needs: the published files it reads; none where they are the user's own or come with a
            package.
        origins: the files it reads whose content no checksum fixes, by their keys in ``places``.
    """

    needs: tuple[DataSet, ...] = ()
    origins: tuple[str, ...] = ()

    @abstractmethod
    def read(self) -> Samples:
        """Read the set.

        Raises:
            DataError: files are missing or broken; the message says where it looked, how to get
                them, and names ``data=print_hand`` as the substitute.
        """


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
        unlabelled: the training samples beside ``train`` whose labels a label budget hides; None
            without a budget.
        scaling: what numbers are divided by before a network sees them; None: they are as stored.
        columns: as in ``Samples``.
        answer: likewise. Of numbers, ``classes`` is the name of the number.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    val: Split | None
    test: Split | None
    kind: Kind = Kind.image
    input_shape: Shape | None = None
    unlabelled: Images | None = None
    scaling: Scaling | None = None
    columns: tuple[str, ...] = ()
    answer: AnswerName = "class"


@dataclass(frozen=True)
class TaskSet:
    """Named tasks; ``source`` and ``target`` make a data pair.

    Attributes:
        name: the name that tables show, such as ``mnist_mnistm``.
        tasks: task name -> domain.
        input_shape: (C, H, W) that the backbone receives, (D,) of vectors, (C, L) of signals.
        protocol: how the splits were made (``published``, ``transductive``, ``split``, ...);
            results of different protocols never share a table cell.
        listings: what was found in the folders that were read, by the name of the set's place.
        notes: what people should know of the data, a sentence each.
        origins: single files that were read, by their keys in ``places``.
    """

    name: str
    tasks: Mapping[str, Domain]
    input_shape: Shape
    protocol: str = "published"
    listings: Mapping[str, Listing] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

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

    @abstractmethod
    def load(self) -> TaskSet:
        """Read the data.

        Raises:
            DataError: files are missing or broken, as in ``Reader.read``.
        """


def drawn(count: int, most: int | None, seed: int) -> Tensor:
    """The positions of ``most`` of ``count`` samples, in a random order; None, or fewer: of all."""
    part = most is not None and most < count
    return permutation(count, seed)[:most] if part else torch.arange(count)


def permutation(count: int, seed: int) -> Tensor:
    """A permutation of ``range(count)`` that depends on nothing but its arguments."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))
