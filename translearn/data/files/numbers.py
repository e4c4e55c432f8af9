"""Samples that are numbers, as a file holds them: vectors or signals, with labels or without."""

import logging
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from translearn.data.files.arrays import MOST_BYTES, finite, refuse_no_numbers
from translearn.data.files.label_table import MISSING, normal
from translearn.errors import DataError

Labels = Callable[[NDArray[Any], str], tuple[str, ...]]  # of an array, and what it is called
LARGEST_LABEL = 3e38  # of float32
log = logging.getLogger(__name__)

LARGEST = 2**53  # above it floating-point numbers leave out whole ones
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
WHOLE = re.compile(r"([+-]?[0-9]{1,400})(?:\.0*)?")
FEW_STEPS, ROUNDING = 2.0**-18, 1e-12  # of a spread, over the size of the numbers


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
        turned: whether time stood before the channels.
    """

    path: Path
    x: Any
    y: tuple[str, ...] | None
    columns: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()
    turned: bool = False

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
    narrow = finite(found, what)
    warn_of_narrow(found, what)
    return narrow


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
        return classes_of_texts([text_of(value) for value in values], what)
    if values.dtype.kind not in "biuf":
        raise DataError(f"{what} holds {values.dtype}; labels are whole numbers or texts")
    if values.dtype.kind == "f":
        whole = (values == np.floor(values)) & (np.abs(values) < LARGEST)  # neither is true of NaN
        refuse_fraction(what, values, whole)
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


def text_of(value: Any) -> str:
    """A label as a text in the one form in which names are compared."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return normal(text).strip()


def classes_of_texts(texts: Sequence[str], what: str) -> tuple[str, ...]:
    """Labels in a text: ``1.0`` is the class 1 if all are numbers, else each is what it reads.

    Raises:
        DataError: one is missing, or all are numbers and one is not whole.
    """
    for row, text in enumerate(texts):
        if not text or text.casefold() in MISSING:
            raise DataError(f"{what} has no label in row {row}, counted from 0: {text!r}")
    if not all(map(NUMBER.fullmatch, texts)):
        return tuple(texts)
    found = [WHOLE.fullmatch(text) for text in texts]
    others = np.array([0.0 if match else float(text)
                       for match, text in zip(found, texts, strict=True)])  # fmt: skip
    whole = (others == np.floor(others)) & (np.abs(others) < LARGEST)
    refuse_fraction(what, texts, whole)
    return tuple(str(int(match[1] if match else other))
                 for match, other in zip(found, others, strict=True))  # fmt: skip


def refuse_fraction(what: str, values: Any, whole: NDArray[np.bool_]) -> None:
    """Refuse numbers that are no classes; ``whole`` tells which are.

    Raises:
        DataError: naming the first.
    """
    if not whole.all():
        row = int(np.argmin(whole))
        raise DataError(
            f"{what} has {values[row]} in row {row}, counted from 0: labels are classes, "
            "whole numbers or texts\nto predict a number add data.answer=number"
        )


def warn_of_narrow(wide: NDArray[Any], what: str, names: Sequence[str] = ()) -> None:
    """Say which columns of (N, ...) differ by less than single precision can hold."""
    if wide.dtype.itemsize < 4 or wide.dtype == np.float32 or not len(wide):
        return
    low, high = wide.min(axis=0).astype(np.float64), wide.max(axis=0).astype(np.float64)
    size = np.maximum(np.abs(low), np.abs(high))
    narrow = (high - low < FEW_STEPS * size) & (high - low > ROUNDING * size)
    if narrow.any():
        place = np.argwhere(narrow)[0].tolist()
        name = names[place[0]] if names else ", ".join(map(str, place))
        lost = "which single precision hardly tells apart; subtract the lowest from each"
        where = f"{low[*place]:.10g} and {high[*place]:.10g}"
        log.warning("%s: the numbers of column %s lie between %s, %s", what, name, where, lost)
