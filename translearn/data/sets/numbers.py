"""Vectors and signals of the user's own, each domain in a file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from translearn.data.files.listing import Listing
from translearn.data.files.number_files import in_columns, read_numbers
from translearn.data.files.number_tables import missing_label
from translearn.data.files.numbers import Numbers, labels_of, values_of
from translearn.data.files.sparse_rows import sparse_columns
from translearn.data.places import user_place
from translearn.data.types import AnswerName, Kind, Reader, Samples, Shape, Split
from translearn.errors import DataError

SAMPLES = "file of samples"  # what its options name

Axes = Literal["auto", "channels_first", "time_first"]


class OneFile(Listing):
    """What was found in a file; its ``layout`` says it in words."""

    def __str__(self) -> str:
        return f"{self.folder / self.files[0]}: {self.layout}"


class NumberFile(Reader):
    """A file of samples that are numbers, and of their labels: npy, npz, csv, tsv or svmlight.

    Args:
        file: relative paths start at the current folder; ``~`` is expanded.
        label: the array or the column of the labels, a column also by its number from 0; None: one
            called label, labels, y or class.
        samples: the array of the samples in an ``.npz``; None: one called x, samples, data or
            features.
        answer: what a label is: the name of a class, or a number to predict.

    Raises:
        ConfigError: there is no name of a file.
    """

    kind: ClassVar[Kind]
    dimensions: ClassVar[int]  # of the array of all samples

    def __init__(
        self,
        file: str | None = None,
        label: str | int | None = None,
        samples: str | None = None,
        answer: AnswerName = "class",
    ) -> None:
        self.place, self.label, self.array = user_place("file", file, SAMPLES), label, samples
        self.answer = answer

    def read(self) -> Samples:
        """Read the file, whose samples have labels.

        Raises:
            DataError: it is missing, broken, or has no labels.
        """
        found = together({"file": self.find()})["file"]
        return self.samples(found, self.classes(self.labelled(found)))

    def classes(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The classes that labels name; of numbers, what the number is called."""
        named = isinstance(self.label, str)
        number = (str(self.label) if named else "number",)
        return number if self.answer == "number" else classes_of(labels)

    def find(self) -> Numbers:
        """What the file holds.

        Raises:
            DataError: it is missing, broken, or holds samples of another kind.
        """
        labels = values_of if self.answer == "number" else labels_of
        found = read_numbers(self.place, self.label, self.array, labels)
        if len(found.x.shape) != self.dimensions:
            other = Kind.signal if self.kind is Kind.vector else Kind.vector
            raise DataError(
                f"{self.place} has the shape {tuple(found.x.shape)}, which are {other}s and no "
                f"{self.kind}s\nchoose data={other}s"
            )
        if found.y is not None and len(found.y) != len(found):
            raise DataError(f"{self.place} has {len(found)} samples and {len(found.y)} labels")
        return found

    def labelled(self, found: Numbers) -> tuple[str, ...]:
        """The labels of a file.

        Raises:
            DataError: it has none.
        """
        if found.y is None:
            there, what = (found.arrays, "array") if found.arrays else (found.columns, "column")
            raise DataError(missing_label(found.path, self.label, there, what))
        return found.y

    def samples(self, found: Numbers, classes: tuple[str, ...]) -> Samples:
        """The samples of a dense file: with their labels, or all for training without any."""
        x = torch.from_numpy(np.ascontiguousarray(found.x))
        places = {name: number for number, name in enumerate(classes)}
        if found.y is None:
            y = None
        elif self.answer == "number":
            y = torch.tensor([float(value) for value in found.y])
        else:
            y = torch.tensor([places[name] for name in found.y])
        return Samples(
            self.place.stem, classes, Split(x, y), None, self.kind, tuple(x.shape[1:]), "seeded",
            listing=self.listing(found), columns=found.columns, answer=self.answer,
        )  # fmt: skip

    def listing(self, found: Numbers) -> Listing:
        """What was found, in words."""
        size = " x ".join(str(edge) for edge in found.x.shape[1:])
        labels = "no labels" if found.y is None else f"{len(set(found.y))} classes"
        if found.y is not None and self.answer == "number":
            labels = f"numbers from {min(map(float, found.y)):g} to {max(map(float, found.y)):g}"
        told = f"{len(found)} {self.kind}s of {size}, {labels}"
        return OneFile(found.path.parent, (found.path.name,), layout=told)

    def rows(self, columns: Sequence[str], shape: Shape) -> Tensor:
        """The samples of the file as a trained run takes them, whether it has labels or not.

        Args:
            columns: of the run; none where its files named none.
            shape: of a sample.

        Raises:
            DataError: the file is missing, broken, or its samples are others.
        """
        numbered = isinstance(self.label, int)
        found = self.find()
        if numbered and tuple(found.x.shape[1:]) != tuple(shape):  # no column of labels is there
            self.label = None
            found = self.find()
        x = in_columns(found, columns, shape, "the run")
        return torch.from_numpy(np.ascontiguousarray(x))


class VectorFile(NumberFile):
    """Vectors (N, D)."""

    kind = Kind.vector
    dimensions = 2


class SignalFile(NumberFile):
    """Signals (N, C, L), or (N, L, C), which are turned.

    Args:
        file: as of ``NumberFile``.
        label: likewise.
        samples: likewise.
        axes: channels_first, time_first, or auto: the longer axis is time.
        answer: as of ``NumberFile``.

    Raises:
        ConfigError: there is no name of a file.
    """

    kind = Kind.signal
    dimensions = 3

    def __init__(
        self,
        file: str | None = None,
        label: str | int | None = None,
        samples: str | None = None,
        axes: Axes = "auto",
        answer: AnswerName = "class",
    ) -> None:
        super().__init__(file, label, samples, answer)
        self.axes = axes

    def find(self) -> Numbers:
        """What the file holds, its channels first.

        Raises:
            DataError: as said, or it cannot be told which axis is time.
        """
        found = super().find()
        _, second, third = found.x.shape
        if self.axes == "auto" and second == third:
            raise DataError(
                f"{self.place} has the shape {tuple(found.x.shape)}: which axis is time?\n"
                "add data.axes=channels_first or data.axes=time_first"
            )
        turned = self.axes == "time_first" or (self.axes == "auto" and second > third)
        return replace(found, x=found.x.transpose(0, 2, 1), turned=True) if turned else found

    def listing(self, found: Numbers) -> Listing:
        """What was found, and which axis was taken for time."""
        told = super().listing(found)
        turned = "turned: time stood before the channels"
        axes = turned if found.turned else "the channels before time"
        return replace(told, layout=f"{told.layout}, {axes}")


def classes_of(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The classes that labels name: whole numbers by their size, then texts."""

    def order(name: str) -> tuple[bool, int, str]:
        number = name.removeprefix("-").isdecimal()
        return not number, int(name) if number else 0, name

    return tuple(sorted(set(labels), key=order))


def together(files: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Files with the columns of the first one, in their order, and dense.

    Raises:
        DataError: they do not fit each other.
    """
    first = next(iter(files.values()))
    columns, shape = first.columns, tuple(first.x.shape[1:])
    if first.sparse:
        columns = sparse_columns(files.values())
        shape = (len(columns),)
    return {
        name: replace(one, x=in_columns(one, columns, shape, str(first.path)), columns=columns)
        for name, one in files.items()
    }
