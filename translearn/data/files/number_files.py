"""Files of samples that are numbers: vectors (N, D) or signals (N, A, B), perhaps with labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from translearn.data.files.arrays import npz_names, read_npz, start_of, unreadable
from translearn.data.files.listing import few, shown
from translearn.data.files.number_tables import LABELS, read_number_table
from translearn.data.files.numbers import Labels, Numbers, checked, labels_of
from translearn.data.files.sparse_rows import densified, read_sparse
from translearn.errors import DataError

TABLES, SPARSE = (".csv", ".tsv", ".txt"), (".svmlight", ".libsvm", ".svm")
SUFFIXES = (".npy", ".npz", *TABLES, *SPARSE)
SAMPLES = ("x", "samples", "data", "features")  # arrays that are taken for samples, in any case


def read_numbers(
    path: Path, label: str | int | None, samples: str | None, labels: Labels = labels_of
) -> Numbers:
    """Read a file by its suffix.

    Args:
        path: of the file.
        label: the array or the column of the labels; None: one called as ``LABELS`` say.
        samples: the array of the samples in an ``.npz``; None: one called as ``SAMPLES`` say.
        labels: reads labels: ``labels_of`` classes, ``values_of`` numbers.

    Raises:
        DataError: it is missing, broken, or holds something else; the place is named.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path} has none of the suffixes {', '.join(SUFFIXES)}\nsave it as one")
    if not path.exists():
        raise DataError(f"there is no file {path}; check its name")
    if suffix == ".npz":
        return read_arrays(path, label, samples, labels)
    if suffix == ".npy":
        return read_array(path, label, labels)
    if suffix in SPARSE:
        return read_sparse(path, labels)
    x, y, columns = read_number_table(path, label)
    return Numbers(path, x, None if y is None else labels(np.array(y), str(path)), columns)


def read_array(path: Path, label: str | int | None, labels: Labels = labels_of) -> Numbers:
    """An ``.npy``: samples, and the labels in a column of a matrix where ``label`` numbers one.

    Raises:
        DataError: it is broken, or holds something else.
    """
    start = start_of(path)
    try:
        if not start.startswith(b"\x93NUMPY"):  # numpy opens others too
            raise ValueError("it is none")
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)  # nothing is read
    except Exception as error:  # numpy has several, and some of the system
        raise unreadable(path, ".npy", error, start) from error
    what = f"{path}: the array"
    if not isinstance(label, int) or found.ndim != 2:
        return Numbers(path, checked(found, what), None)
    if not -found.shape[1] <= label < found.shape[1]:
        raise DataError(f"{path} has {found.shape[1]} columns: data.label={label} is none of them")
    x = checked(np.delete(found, label, axis=1), what)
    return Numbers(path, x, labels(found[:, label], f"{path}: column {label}"))


def read_arrays(
    path: Path, label: str | int | None, samples: str | None, read: Labels = labels_of
) -> Numbers:
    """An ``.npz``: an array of samples, and one of labels where it has one.

    Raises:
        DataError: it is broken, holds something else, or it cannot be told which array is which.
    """
    there = npz_names(path)
    wanted = LABELS if label is None else (str(label),)
    labels = array_called(wanted, there)
    others = [name for name in there if name != labels]
    named = samples or array_called(SAMPLES, others) or (others[0] if len(others) == 1 else None)
    if named is None:
        raise DataError(
            f"{path}: which array holds the samples? There are {few(others)}\n"
            f"name it: data.samples=..., or call it {SAMPLES[0]}"
        )
    keys = [named] if labels is None else [named, labels]
    x, *y = read_npz(path, keys)
    found = read(y[0], f"{path}: {labels}") if y else None
    return Numbers(path, checked(x, f"{path}: {shown(named)}"), found, arrays=tuple(there))


def array_called(names: Sequence[str], there: Sequence[str]) -> str | None:
    """The first array that is called as one of ``names``, in any case."""
    known = {name.casefold(): name for name in reversed(there)} | {name: name for name in there}
    return next((known[name] for name in names if name in known), None)


def in_columns(one: Numbers, columns: Sequence[str], shape: Sequence[int], of: str) -> Any:
    """The samples of a file with the columns of another, in their order, dense.

    Args:
        one: the file.
        columns: names of the columns; none where they have none.
        shape: of a sample.
        of: what the columns are those of, for messages.

    Raises:
        DataError: it has others, or samples of another shape.
    """
    if one.sparse:
        return densified(one, columns, shape, of)
    if one.columns and columns and one.columns != tuple(columns):
        lacking = [name for name in columns if name not in one.columns]
        extra = [name for name in one.columns if name not in columns]
        if lacking or extra:
            raise DataError(
                f"the columns of {one.path} are not those of {of}\n"
                f"missing: {few(lacking)}; only there: {few(extra)}"
            )
        return one.x[:, [one.columns.index(name) for name in columns]]
    if tuple(one.x.shape[1:]) != tuple(shape):
        told = ["x".join(map(str, size)) for size in (one.x.shape[1:], shape)]
        raise DataError(
            f"a sample of {one.path} has {told[0]} numbers, and one of {of} has {told[1]}"
        )
    return one.x
