"""Samples that are numbers, as a file holds them: vectors or signals, with labels or without."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from translearn.data.files.arrays import MOST_BYTES, finite, refuse_no_numbers
from translearn.errors import DataError

LARGEST_LABEL = 3e38  # of float32


@dataclass(frozen=True)
class Numbers:
    """What a file of samples holds.

    Attributes:
        path: of the file.
        x: float32 (N, D) or (N, A, B); sparse (N, D) as svmlight files have it, its columns counted
            as in the file.
        y: the label of each sample as a text, or None.
        columns: names of the D columns, where the file has them.
        arrays: names of its arrays, where it has several.
    """

    path: Path
    x: Any
    y: tuple[str, ...] | None
    columns: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.x.shape[0])

    @property
    def sparse(self) -> bool:
        """Whether the rows are sparse still."""
        return bool(scipy.sparse.issparse(self.x))


def checked(found: NDArray[Any], what: str) -> NDArray[np.float32]:
    """Samples as float32 (N, D) or (N, A, B).

    Raises:
        DataError: they are something else, not finite, or too many for the memory.
    """
    refuse_no_numbers(found, what)
    if found.ndim not in (2, 3) or not found.size:
        raise DataError(
            f"{what} has the shape {found.shape}; samples are (N, D) for data=vectors, or "
            "(N, C, L) for data=signals"
        )
    refuse_large(found.shape, what)
    return finite(found, what)


def refuse_large(shape: Sequence[int], what: str) -> None:
    """Refuse what would not fit into memory.

    Raises:
        DataError: saying how much it would take.
    """
    size = 4 * int(np.prod(shape, dtype=np.float64))
    if size > MOST_BYTES:
        raise DataError(
            f"{what} would take {size // 2**20} MB in memory, and {MOST_BYTES // 2**20} are the "
            "limit\ntake a part of the rows or of the columns"
        )


def labels_of(found: NDArray[Any], what: str) -> tuple[str, ...]:
    """Labels (N,) as texts: whole numbers, texts, or true and false.

    Raises:
        DataError: they are something else; the row of the first is named.
    """
    values = found.reshape(-1) if found.ndim == 2 and 1 in found.shape else found
    if values.ndim != 1:
        raise DataError(f"{what} has the shape {found.shape}; labels are (N,), a class for each")
    if values.dtype.kind in "US":
        return tuple(as_class(str(v) if v.dtype.kind == "U" else v.decode("utf-8", "replace"))
                     for v in values)  # fmt: skip
    if values.dtype.kind not in "biuf":
        raise DataError(f"{what} holds {values.dtype}; labels are whole numbers or texts")
    odd = np.flatnonzero(values != np.floor(values))  # of NaN too
    if len(odd):
        raise DataError(
            f"{what} has {values[odd[0]]} in row {odd[0]}, counted from 0: labels are classes, "
            "whole numbers or texts\nto predict a number add data.answer=number"
        )
    return tuple(str(int(value)) for value in values)


def values_of(found: NDArray[Any], what: str) -> tuple[str, ...]:
    """Labels (N,) that are numbers, as texts that read back to the same numbers.

    Raises:
        DataError: they are no finite numbers; the row of the first is named.
    """
    values = found.reshape(-1) if found.ndim == 2 and 1 in found.shape else found
    if values.ndim != 1 or values.dtype.kind not in "biufUS":
        raise DataError(f"{what} has the shape {found.shape} of {found.dtype}; labels are (N,)")
    told = []
    for row, value in enumerate(values.tolist()):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not abs(number) < LARGEST_LABEL:
            raise DataError(
                f"{what} has the label {value!r} in row {row}, counted from 0: with "
                "data.answer=number labels are finite numbers\ncorrect it, or take the row out"
            )
        told.append(repr(number))
    return tuple(told)


def as_class(text: str) -> str:
    """A label as its class is called: ``1.0`` is the class 1."""
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else text
