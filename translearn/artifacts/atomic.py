"""Files that hold either the old or the new content, even after a power cut. Imports no torch."""

import contextlib
import errno
import os
from pathlib import Path

from translearn.system.terminal import notice

# What file systems answer that cannot write through to the disk.
WITHOUT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it holds either the old or the new content, even after a power cut.

    Raises:
        OSError: naming ``path``, which is untouched.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            _sync(file.fileno(), path.parent)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        error.filename, error.filename2 = str(path), None
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system can."""
    if os.name == "posix":
        try:
            handle = os.open(folder, os.O_RDONLY)
        except PermissionError:  # one may write into it, and not list it
            return
        try:
            _sync(handle, folder)
        finally:
            os.close(handle)


def _sync(handle: int, folder: Path) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in WITHOUT_SYNC:
            raise
        notice(f"{folder} is on a disk that cannot promise to keep files through a power cut")
