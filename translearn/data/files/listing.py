"""The files of a folder: which are used, and which are left out for what reason."""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from translearn.errors import DataError

# What systems put beside pictures: small copies of them, and what macOS knows about them.
THUMBNAILS = (".thumbnails", "thumbs.db", "ehthumbs.db", "@eadir", "__macosx")


MOST_NAMES = 8  # of what is left out for one reason, in the result and in messages


Why = Callable[[Path], str]  # why a file is not wanted; empty where it is


@dataclass(frozen=True)
class Listing:
    """What was found in a folder.

    Attributes:
        folder: that was searched.
        files: relative paths of the files that are used, with ``/``, sorted.
        left_out: reason -> relative paths; a folder counts as one, and its path ends in ``/``.
        folders: the names of the folders directly in it that are not left out, sorted.
        layout: how classes and splits were read from it.
    """

    folder: Path
    files: tuple[str, ...]
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    layout: str = ""

    @property
    def found(self) -> int:
        """How many files and left out folders there are."""
        return len(self.files) + sum(map(len, self.left_out.values()))

    def without(self, reason: str, files: Iterable[str]) -> "Listing":
        """The same, with some of the files left out for a reason."""
        gone = set(files)
        if not gone:
            return self
        kept = tuple(name for name in self.files if name not in gone)
        return replace(self, files=kept, left_out={**self.left_out, reason: sorted(gone)})

    def joined(self, other: "Listing") -> "Listing":
        """What two uses of one folder found: a file that either uses is not left out."""
        files = tuple(sorted({*self.files, *other.files}))
        left_out = {
            reason: [name for name in names if name not in files]
            for reason, names in {**self.left_out, **other.left_out}.items()
        }
        return replace(self, files=files, left_out={k: v for k, v in left_out.items() if v})

    def record(self) -> dict[str, Any]:
        """What the result keeps of it."""
        return {
            "folder": str(self.folder),
            "layout": self.layout,
            "found": self.found,
            "used": len(self.files),
            "left_out": {
                reason: {"count": len(names), "names": [shown(n) for n in names[:MOST_NAMES]]}
                for reason, names in self.left_out.items()
            },
        }

    def __str__(self) -> str:
        gone = [
            f"{len(names)} {reason}: {few(names, 3)}" for reason, names in self.left_out.items()
        ]
        left_out = f"; left out: {'; '.join(gone)}" if gone else ""
        layout = f" (layout {self.layout})" if self.layout else ""
        return f"{self.folder}: {self.found} files found, {len(self.files)} used{layout}{left_out}"


def list_files(folder: Path, why_not: Why) -> Listing:
    """The files of a folder and of those below it that ``why_not`` has no reason against.

    Links are followed, and whatever they lead to is read once: a file that lies in the folder
    itself by its own path. Hidden files and folders and thumbnails are left out.

    Raises:
        DataError: there is no such folder, or one that cannot be listed.
    """
    if not folder.is_dir():
        missing = f"{folder} is no folder" if folder.exists() else f"there is no folder {folder}"
        raise DataError(f"{missing}\ncheck data.source and data.target")
    walk = _Walk(folder)
    walk.through()
    wanted, left_out = [], walk.left_out
    for name in sorted(walk.files, key=lambda name: name.split("/")):
        reason = why_not(folder / name)
        if reason:
            left_out.setdefault(reason, []).append(name)
        else:
            wanted.append(name)
    ordered = {reason: sorted(names) for reason, names in sorted(left_out.items())}
    return Listing(folder, tuple(wanted), ordered, tuple(sorted(walk.subfolders)))


TWICE = "linked to what is read already"


class _Walk:
    """A walk through a folder, which first reads what lies in it, and then what links lead to."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.top = folder, os.path.realpath(folder)
        self.files: list[str] = []
        self.left_out: dict[str, list[str]] = {}
        self.subfolders: list[str] = []
        self._seen, self._links = {self.top}, deque[str]()
        self._folders = [(self.top, "")]

    def through(self) -> None:
        while self._folders or self._links:
            if self._folders:
                self._read(*self._folders.pop())
            else:
                name = self._links.popleft()
                self._take(name, os.path.realpath(self.folder / name))

    def _read(self, real: str, above: str) -> None:
        for entry in _entries(self.folder, above):
            name, reason = above + entry.name, _unwanted_name(entry.name)
            if reason:
                end = "/" if entry.is_dir(follow_symlinks=False) else ""
                self.left_out.setdefault(reason, []).append(name + end)
            elif entry.is_symlink():
                self._links.append(name)
            else:
                self._take(name, os.path.join(real, entry.name))

    def _take(self, name: str, real: str) -> None:
        is_folder = os.path.isdir(real)
        around = is_folder and f"{self.top}/".startswith(f"{real.rstrip('/')}/")
        if real in self._seen or around:
            self.left_out.setdefault(TWICE, []).append(name + "/" * is_folder)
            return
        self._seen.add(real)
        if not is_folder:
            self.files.append(name)
            return
        self._folders.append((real, f"{name}/"))
        if "/" not in name:
            self.subfolders.append(name)


def _entries(folder: Path, above: str) -> list[os.DirEntry[str]]:
    """What a folder holds, sorted.

    Raises:
        DataError: it cannot be listed.
    """
    try:
        with os.scandir(folder / above) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"cannot list {folder / above}: {error.strerror}\n"
            "let this user read it, or take it out of the folder"
        ) from error


def _unwanted_name(name: str) -> str:
    if name.lower() in THUMBNAILS or name.startswith("._"):
        return "thumbnails"
    return "hidden" if name.startswith(".") else ""


def refuse_special(path: Path) -> None:
    """Refuse what is no file before it is opened: a pipe would be waited for for ever.

    Raises:
        ValueError: it is something else.
        OSError: there is nothing of this name.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("it is no regular file")


def few(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """At most so many names, as they can be printed."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(map(shown, names[:most])) or "none") + more


def shown(name: str) -> str:
    """A name that may hold any bytes, as text of one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
