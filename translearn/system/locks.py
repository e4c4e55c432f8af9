"""Locks between processes, also where the file system has none."""

import errno
import json
import os
import shutil
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from translearn.system.reading import json_value
from translearn.system.terminal import notice

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)


EVERY = 0.1  # seconds between two tries


MOST_RECORD = 10_000  # bytes of what an owner writes


SETTLED = 5.0  # seconds after which a lock that names no owner is what a killed process left


class Lock:
    """A lock on a file, which the system frees when its process dies.

    Where the file system has no locks, as some network disks, a folder beside the file that only
    one process can make. That of a process of this machine which is gone is taken over.

    Args:
        path: of the file.
        timeout: seconds to wait; -1: for ever.
        shared: whether this process may take it again while it has it, by another object too.
    """

    def __init__(self, path: Path, timeout: float = -1, shared: bool = False) -> None:
        self.path, self.timeout, self.shared = path, timeout, shared
        self._file = FileLock(path, timeout=timeout, is_singleton=shared)
        self._folder = path.with_name(path.name + ".d")

    @property
    def held(self) -> bool:
        """Whether this process has it."""
        return bool(_folders.get(str(self._folder))) or self._file.is_locked

    def acquire(self) -> Self:
        """Take it.

        Raises:
            Timeout: another has it.
            OSError: the path cannot be written.
        """
        try:
            self._file.acquire()
        except Timeout:
            raise
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise
            notice(f"{self.path.parent} has no file locks; a folder is made instead")
            self._take_folder()
        return self

    def release(self) -> None:
        """Give it back; nothing where it is not held."""
        held = _folders.get(str(self._folder), 0)
        if not held:
            self._file.release()
            return
        _folders[str(self._folder)] = held - 1
        if held == 1:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _take_folder(self) -> None:
        held, end = _folders.get(str(self._folder), 0), time.monotonic() + self.timeout
        while not (self.shared and held):
            try:
                self._folder.mkdir()
                owner = {"host": socket.gethostname(), "pid": os.getpid(), "began": _began()}
                (self._folder / "owner.json").write_text(json.dumps(owner), encoding="utf-8")
                break
            except FileExistsError:
                if self._abandoned():
                    self._clear()
                elif self.timeout >= 0 and time.monotonic() >= end:
                    raise Timeout(str(self.path)) from None
                else:
                    time.sleep(EVERY)
        _folders[str(self._folder)] = held + 1

    def _abandoned(self) -> bool:
        try:
            owner = json_value(self._folder / "owner.json", MOST_RECORD)
            if owner["host"] != socket.gethostname():
                return False
            return bool(_began(int(owner["pid"])) != owner["began"])
        except (OSError, ValueError, KeyError, TypeError):
            try:
                return time.time() - self._folder.stat().st_mtime > SETTLED
            except OSError:
                return False  # it was given back just now

    def _clear(self) -> None:
        """Take the folder away; of several that try, one succeeds."""
        aside = self._folder.with_name(f"{self._folder.name}.{os.getpid()}")
        try:
            os.rename(self._folder, aside)
        except OSError:
            return
        shutil.rmtree(aside, ignore_errors=True)


_folders: dict[str, int] = {}  # how often this process holds the lock of a folder


def _began(pid: int | None = None) -> str | None:
    """When a process began, or None where there is none: numbers are given out again."""
    try:
        stat = Path(f"/proc/{pid or 'self'}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except OSError:
        pass
    try:
        os.kill(pid or os.getpid(), 0)
    except PermissionError:
        return "?"
    except OSError:
        return None
    return "?"
