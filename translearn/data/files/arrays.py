"""Arrays out of files of others: bounded, of numbers, finite; objects are never loaded."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from translearn.errors import DataError
from translearn.system import reading

MOST_BYTES = 2**32  # of the arrays of a file, once unpacked


def read_npz(path: Path, keys: Sequence[str], about: str = "") -> list[NDArray[Any]]:
    """The named arrays of an ``.npz``.

    Args:
        path: of the file.
        keys: of the arrays.
        about: what to do where one is missing.

    Raises:
        DataError: it is missing, broken, or lacks one.
    """
    there = npz_names(path)
    missing = [key for key in keys if key not in there]
    if missing:
        lacking = f"{path} has no array {missing[0]!r}; there are {', '.join(there) or 'none'}"
        raise DataError(f"{lacking}\n{about}".rstrip())
    try:
        with np.load(path, allow_pickle=False) as content:
            return [content[key] for key in keys]
    except Exception as error:  # zip, zlib, numpy and the system each have their own
        raise unreadable(path, ".npz", error, start_of(path)) from error


def npz_names(path: Path) -> list[str]:
    """The names of the arrays of an ``.npz`` that unpacks within bounds.

    Raises:
        DataError: it is missing, broken, or holds too much.
    """
    start = start_of(path)
    if start.startswith(b"\x93NUMPY"):
        raise DataError(f"{path} holds one array (.npy); save named ones by numpy.savez")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            names = [name.removesuffix(".npy") for name in archive.namelist()]
    except Exception as error:  # zip, zlib and the system each have their own
        raise unreadable(path, ".npz", error, start) from error
    if size > MOST_BYTES:
        raise unreadable(path, ".npz", ValueError(f"it unpacks to {size} bytes"), start)
    return names


def unreadable(path: Path, kind: str, error: Exception, start: bytes = b"") -> DataError:
    """The error of a file that is not of its kind, in a line."""
    if "pickle" in f"{error}" or "Python objects" in f"{error}":
        return DataError(
            f"{path} cannot be read as {kind}: it holds Python objects, which are never loaded"
        )
    why = " ".join(f"{error}".split())[:200] or type(error).__name__
    return DataError(f"{path} cannot be read as {kind}: {why}{reading.begins_as(start)}")


def start_of(path: Path) -> bytes:
    """The first bytes of a file.

    Raises:
        DataError: it is missing, or no regular file.
    """
    try:
        with open(reading.opened(path), "rb") as file:
            return file.read(64)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise DataError(f"{path} cannot be read: {why}") from error


def matrix(value: Any, what: str) -> NDArray[np.float32]:
    """A matrix of finite numbers, dense where it was sparse.

    Args:
        value: what stood in a file.
        what: how messages call it.

    Raises:
        DataError: it is something else; the message says what.
    """
    if scipy.sparse.issparse(value):
        value = value.toarray()
    found = np.asarray(value)
    refuse_no_numbers(found, what)
    if found.ndim != 2 or not found.size:
        raise DataError(f"{what} has the shape {found.shape}; it must be a matrix with content")
    return finite(found, what)


def refuse_no_numbers(found: NDArray[Any], what: str) -> None:
    """Refuse an array of anything else than numbers.

    Raises:
        DataError: as said.
    """
    if found.dtype.kind not in "biuf":
        kinds = {"c": "complex numbers", "U": "text", "S": "text", "O": "objects", "V": "records"}
        raise DataError(f"{what} holds {kinds.get(found.dtype.kind, found.dtype)}, not numbers")


def finite(found: NDArray[Any], what: str) -> NDArray[np.float32]:
    """Numbers (N, ...) as float32.

    Raises:
        DataError: some are not finite; the row and the column of the first are named.
    """
    with np.errstate(over="ignore"):
        narrow = found.astype(np.float32)
    bad = np.argwhere(~np.isfinite(narrow))
    if len(bad):
        row, *places = bad[0].tolist()
        place = f"column {places[0]}" if len(places) == 1 else f"place {places}"
        raise DataError(
            f"{what} has {len(bad)} values that are no finite numbers (NaN or infinite), the first "
            f"in row {row}, {place}, counted from 0"
        )
    return narrow


def whole_numbers(value: Any, what: str) -> NDArray[np.int64]:
    """A list (N,) of whole numbers, whatever its shape in the file was.

    Raises:
        DataError: it is something else, or empty.
    """
    if scipy.sparse.issparse(value):
        value = value.toarray()
    found = np.asarray(value).reshape(-1)
    if not found.size:
        raise DataError(f"{what} is empty")
    if found.dtype.kind not in "biuf" or not (abs(found.astype(np.float64)) < 2**53).all():
        raise DataError(f"{what} is no list of whole numbers")
    if (found != np.floor(found)).any():
        raise DataError(f"{what} has numbers that are not whole")
    return found.astype(np.int64)
