"""What the system answers, as errors for people: one place knows what an errno means."""

import errno
import os
from pathlib import Path

from translearn.errors import (
    ConfigError,
    DataError,
    DiskError,
    OutOfMemoryError,
    TranslearnError,
)
from translearn.system.quoting import continuing

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


IMPOSSIBLE = (
    errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOENT,
    errno.EINVAL, errno.ENXIO, errno.ENODEV, errno.ENOTEMPTY,
)  # fmt: skip


SCARCE = {
    errno.EMFILE: "too many files are open\nraise the limit (ulimit -n 4096), or set run.workers=0",
    errno.ENFILE: "too many files are open on this machine\nclose some, or set run.workers=0",
    errno.ENOMEM: "out of memory\nlower run.batch_size, run.resident_mb or run.workers",
    errno.EAGAIN: "no more processes may be started\nraise the limit (ulimit -u), or lower "
    "run.workers",
}


def problem(error: OSError, run: Path | None = None) -> TranslearnError:
    """An OSError as an error for people, with the path it is about.

    Args:
        error: of any type.
        run: the folder of the run that it ends. A path elsewhere then is data that a run reads,
            unless the disk is full.

    Returns:
        DiskError, ConfigError of a path that cannot be, DataError or OutOfMemoryError.
    """
    if error.errno in SCARCE:
        return OutOfMemoryError(SCARCE[error.errno])
    what = _reason(error)
    path = _path(error)
    go_on = "" if run is None else f" and continue with: {continuing(run)}"
    if error.errno in FULL:
        return DiskError(f"cannot write {path or 'a file'}: {what}\nfree some space{go_on}")
    if path and run is not None and not _within(path, run):
        return DataError(f"cannot read {path}: {what}\nput it right, or choose other data")
    if error.errno in DENIED:
        return DiskError(
            f"no access to {path or 'a file'}: {what}\n"
            "choose a folder where you may write, or ask its owner"
        )
    if error.errno == errno.EEXIST:
        return DiskError(f"cannot write {path}: it is a file, no folder\nchoose another path")
    if error.errno in IMPOSSIBLE and path:
        return ConfigError(f"{path}: {what}\ncheck the path, or choose another")
    if error.errno is None:
        return DataError(what)
    return DiskError(f"{path or 'the system'}: {what}\ntry again{go_on}, or use another disk")


def of_type(error: BaseException, run: Path | None = None) -> BaseException:
    """The same, for an exception of any kind: one that is not the system's is returned as it is."""
    if isinstance(error, OSError):
        return problem(error, run)
    if isinstance(error, MemoryError):
        return OutOfMemoryError(SCARCE[errno.ENOMEM])
    if isinstance(error, ValueError) and "null byte" in str(error):
        return ConfigError("a path holds a NUL character, which no file has\ncheck the paths")
    return error


def expanded(path: str | Path) -> Path:
    """The path, with ``~`` as the user's home.

    Raises:
        ConfigError: he has none, as in some containers.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{path}: this user has no home folder\n"
            "set data_root=<folder> or TRANSLEARN_DATA, or HOME"
        ) from error


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return " ".join(reason.split())


def _path(error: OSError) -> str:
    """The path that it names, of which a long one is cut in the middle."""
    names = [name for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    path = os.fsdecode(names[0]) if names else ""
    return path if len(path) <= 300 else f"{path[:120]}...{path[-60:]}"


def _within(path: str, folder: Path) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(folder))
