"""Reads Matlab files of published attribute sets."""

import faulthandler
import os
import resource
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from translearn.data.files.arrays import MOST_BYTES, start_of, unreadable
from translearn.errors import DataError

MATLAB: Any = scipy.io  # not exported in the eyes of a type checker


def read_mat(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """The named arrays of a Matlab file.

    Raises:
        DataError: it is missing, broken, or lacks one.
    """
    check_file(path)
    start = start_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # variables of kinds that nobody asked for
            shapes = {name: shape for name, shape, _ in MATLAB.whosmat(path)}
            if any(8 * prod(shapes.get(key, ())) > MOST_BYTES for key in keys):
                raise ValueError("it has arrays beyond all that was published")
            read = partial(MATLAB.loadmat, path, variable_names=list(keys))
            if not survived(read):
                raise ValueError("it is damaged: the reader of scipy broke down over it")
            content: dict[str, Any] = read()
    except Exception as error:  # scipy raises a dozen types on a damaged file
        raise unreadable(path, "a Matlab file", error, start) from error
    missing = [key for key in keys if key not in content]
    if missing:
        raise DataError(f"{path} has no {missing[0]!r}: it is not the published file")
    return content


def survived(read: Callable[[], object]) -> bool:
    """Whether a call leaves the process alive, tried in a copy of it.

    scipy follows pointers out of a damaged file into nowhere, which no exception tells.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about threads, which the copy does without
        child = os.fork()
    if child:
        return not os.WIFSIGNALED(os.waitpid(child, 0)[1])
    try:
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        read()
    finally:
        os._exit(0)  # an exception comes again, and is told, in the process itself


def cell_strings(cells: Any, what: str) -> list[str]:
    """The strings of a Matlab cell array.

    Raises:
        DataError: it holds something else, or the same string twice.
    """
    found = [np.asarray(cell).reshape(-1) for cell in np.asarray(cells).reshape(-1)]
    if not found or any(len(one) != 1 or one.dtype.kind != "U" for one in found):
        raise DataError(f"{what} is no list of names")
    names = [str(one[0]) for one in found]
    if len(set(names)) < len(names):
        raise DataError(f"{what} has the same name twice")
    return names


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
