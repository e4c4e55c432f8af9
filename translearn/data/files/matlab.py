"""Reads Matlab files of published attribute sets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from translearn.errors import DataError

MATLAB: Any = scipy.io  # not exported in the eyes of a type checker


def read_mat(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """The named arrays of a Matlab file.

    Raises:
        DataError: it is missing, broken, or lacks one.
    """
    check_file(path)
    try:
        content: dict[str, Any] = MATLAB.loadmat(path, variable_names=list(keys))
    except Exception as error:  # scipy raises a dozen types on a damaged file
        first = f"{error}".splitlines()[0] if f"{error}" else type(error).__name__
        raise DataError(f"{path} cannot be read as a Matlab file: {first}") from error
    missing = [key for key in keys if key not in content]
    if missing:
        raise DataError(f"{path} has no {missing[0]!r}: it is not the published file")
    return content


def cell_strings(cells: Any) -> list[str]:
    """The strings of a Matlab cell array."""
    return [str(np.asarray(cell).reshape(-1)[0]) for cell in np.asarray(cells).reshape(-1)]


def check_file(path: Path) -> None:
    """Refuse a file that is not there.

    Raises:
        DataError: naming it.
    """
    if not path.is_file():
        raise DataError(
            f"there is no file {path}\nput it there, or name another by semantics.* "
            "(data_root=... or TRANSLEARN_DATA is where relative paths begin)"
        )
