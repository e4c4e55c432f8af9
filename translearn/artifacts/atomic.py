"""Files that hold either the old or the new content, even after a power cut. Imports no torch."""

import errno
import os
from pathlib import Path

from translearn.errors import DiskError

DISK_ERRORS = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EIO)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it holds either the old or the new content, even after a power cut.

    Raises:
        DiskError: the disk is full or not writable; the old file is untouched.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in DISK_ERRORS:
            raise DiskError(
                f"cannot write {path}: {error.strerror}\n"
                "free some space; the last checkpoint is intact: continue with "
                f"run.resume={path.parent.parent}"
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
