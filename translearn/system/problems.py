"""What the system answers, as errors for people: one place knows what an errno means."""

import errno
import os
import re
from pathlib import Path

from translearn.errors import (
    ConfigError,
    DataError,
    DiskError,
    LostError,
    OutOfMemoryError,
    TranslearnError,
)
from translearn.system.quoting import continuing

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


FILE_LIMIT = "raise the largest size of a file (ulimit -f), or use another disk"


DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


IMPOSSIBLE = (
    errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOENT,
    errno.EINVAL, errno.ENXIO, errno.ENODEV, errno.ENOTEMPTY,
)  # fmt: skip


NO_MEMORY = (
    "out of memory\nlower run.batch_size, run.eval_batch_size, run.resident_mb or run.workers, or "
    "choose a smaller backbone"
)


SCARCE = {
    errno.EMFILE: "too many files are open\nraise the limit (ulimit -n 4096), or set run.workers=0",
    errno.ENFILE: "too many files are open on this machine\nclose some, or set run.workers=0",
    errno.ENOMEM: NO_MEMORY,
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
        place = path or (f"into {run}" if run else "a file")
        remedy = FILE_LIMIT if error.errno == errno.EFBIG else "free some space"
        return DiskError(f"cannot write {place}: {what}\n{remedy}{go_on}")
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
    if isinstance(error, MemoryError) or _is_about_memory(error):
        return OutOfMemoryError(NO_MEMORY)
    if isinstance(error, ImportError) and NOT_LOADED.search(str(error)):
        return OutOfMemoryError(
            f"a library could not be loaded: {' '.join(str(error).split())[:200]}\n"
            "free some memory, or raise its limit (ulimit -v)"
        )
    if isinstance(error, RuntimeError):
        if "can't start new thread" in str(error):
            return OutOfMemoryError(SCARCE[errno.EAGAIN])
        worker = WORKER_DIED.search(str(error))
        return _lost(worker, run) if worker else error
    if isinstance(error, ValueError) and "more than 1 value per channel" in str(error):
        return ConfigError(
            "run.batch_size is 1 for each process, and batch norm cannot learn from one sample\n"
            "raise run.batch_size, or choose a backbone and options without batch norm"
        )
    if isinstance(error, ValueError) and "null byte" in str(error):
        return ConfigError("a path holds a NUL character, which no file has\ncheck the paths")
    return error


def _is_about_memory(error: BaseException) -> bool:
    """Whether a library says in words of its own that it got no memory."""
    return isinstance(error, RuntimeError) and bool(OUT_OF_MEMORY.search(str(error)))


# torch on processors and GPUs, its libraries, C++, and tensors too large to have a size
OUT_OF_MEMORY = re.compile(
    r"out of memory|DefaultCPUAllocator|alloc_cpu\.cpp|bad_alloc|bad allocation|std::length_error|"
    r"(can.?t|cannot|could not|couldn't|unable to|not|failed to) (allocate|mmap|reserve)|"
    r"not enough memory|ALLOC_FAILED|insufficient (memory|resources)|"
    r"could not create a (memory object|primitive)|Storage size calculation overflowed|"
    r"Insufficient memory|no memory|not enough space",
    re.IGNORECASE,
)


# what the system's loader says of a shared library that found no room
NOT_LOADED = re.compile(
    r"failed to map segment|cannot (map|allocate|create|change) .*"
    r"(memory|pages|segment|descriptor|shared object|protection)",
    re.IGNORECASE,
)


# what torch's DataLoader raises, anywhere in the main thread
WORKER_DIED = re.compile(
    r"DataLoader worker \(pid (\d+)\) is killed by signal: ([^.]+)|"
    r"DataLoader worker \(pid\(s\) ([\d, ]+)\) exited unexpectedly"
)


def _lost(worker: re.Match[str], run: Path | None) -> LostError:
    go_on = "" if run is None else f"\ncontinue with: {continuing(run.absolute())}"
    return LostError(
        f"a process that reads images (pid {worker[1] or worker[3]}) was lost: "
        f"{worker[2] or 'it ended without a word'}\n"
        "SIGKILL and SIGBUS are what the system sends when memory runs out: lower run.workers or "
        "run.batch_size, or set run.workers=0" + go_on
    )


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
