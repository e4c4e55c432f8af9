"""Files of svmlight: rows of which only the numbers other than 0 are written."""

import codecs
import io
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from translearn.data.files.label_table import LARGEST_TABLE
from translearn.data.files.numbers import Labels, Numbers, labels_of, refuse_large
from translearn.errors import DataError
from translearn.system import reading

MOST_COLUMNS = 2**22  # each has a name in memory


def read_sparse(path: Path, labels: Labels = labels_of) -> Numbers:
    """A file of svmlight: lines ``label index:value ...``.

    Raises:
        DataError: it is broken; the line is named.
    """
    from sklearn.datasets import load_svmlight_file  # a second to import; tl-data does without

    read = partial(load_svmlight_file, zero_based=True, dtype=np.float64)
    content = b""
    try:
        content = reading.content(path, LARGEST_TABLE).removeprefix(codecs.BOM_UTF8)
        x, y = read(io.BytesIO(content))
    except (OSError, ValueError, IndexError, OverflowError) as error:
        raise DataError(
            f"{path} cannot be read as svmlight: {broken_line(content, read, error)}"
        ) from error
    if not x.nnz:
        raise DataError(f"{path} has no sample with a number")
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(x.data.astype(np.float32)))
    if len(bad):
        row = int(np.searchsorted(x.indptr, bad[0], "right"))
        raise DataError(f"{path}: sample {row}, index {x.indices[bad[0]]} is not finite")
    return Numbers(path, x, labels(y, f"{path}: the list of labels"))


def broken_line(content: bytes, read: Callable[[Any], Any], error: Exception) -> str:
    """Which line a reader stumbles over, and why."""
    for number, line in enumerate(content.splitlines(), 1):
        try:
            read(io.BytesIO(line + b"\n"))
        except (ValueError, IndexError, OverflowError) as found:
            if line.split(b"#")[0].strip():
                return f"line {number}: {' '.join(str(found).split())[:200]}"
    return " ".join(str(error).split())[:200]


def sparse_columns(files: Iterable[Numbers]) -> tuple[str, ...]:
    """The indices that sparse files have among them, from 0 if one of them has a 0, else from 1.

    Raises:
        DataError: there are more than a network could read.
    """
    found = [one for one in files if one.sparse]
    first = min(int(one.x.indices.min()) for one in found)
    widest = max(found, key=lambda one: int(one.x.shape[1]))
    last = int(widest.x.shape[1])
    if last > MOST_COLUMNS:
        raise DataError(
            f"{widest.path} has the index {last - 1}; {MOST_COLUMNS} columns are the limit\n"
            "number its columns anew, or take a part of them"
        )
    return tuple(str(index) for index in range(min(first, 1), last))


def densified(
    one: Numbers, columns: Sequence[str], shape: Sequence[int], of: str
) -> NDArray[np.float32]:
    """Sparse rows as ``in_columns`` has them."""
    if len(shape) != 1 or not columns or not columns[0].isdecimal():
        raise DataError(f"{one.path} is sparse, and {of} is not; save both in one form")
    places = one.x.indices - int(columns[0])
    outside = np.flatnonzero((places < 0) | (places >= len(columns)))
    if len(outside):
        index = one.x.indices[outside[0]]
        raise DataError(f"{one.path} has the index {index}; those of {of} are {columns[0]} to "
                        f"{columns[-1]}")  # fmt: skip
    refuse_large((len(one), len(columns)), str(one.path))
    narrow = one.x.data.astype(np.float32)
    moved = scipy.sparse.csr_matrix((narrow, places, one.x.indptr), (len(one), len(columns)))
    dense: NDArray[np.float32] = moved.toarray()
    return dense
