"""Checksums of files as they lie there, remembered so that a file is read for them once."""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from translearn.artifacts.atomic import write_atomic
from translearn.data.files.checksums import sample_files
from translearn.errors import ConfigError
from translearn.system.problems import expanded
from translearn.system.reading import opened

MANY = 1000  # files, of which it is told
UNREADABLE = "unreadable"  # in place of a checksum
Place = TypeVar("Place", str, Path)
log = logging.getLogger(__name__)


def remembered(path: Path, checksum: str) -> bool:
    """Whether a file or folder, as it lies there now, was found to be what ``checksum`` says."""
    try:
        return note_of(path, checksum).read_text(encoding="ascii") == state(path)
    except (OSError, ValueError):
        return False


def remember(path: Path, checksum: str) -> None:
    """Keep that it was; a home that cannot be written to forgets."""
    note = note_of(path, checksum)
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(note, state(path).encode())


def digests(paths: Sequence[Place]) -> dict[Place, tuple[str, str]]:
    """Path -> its name below what all have in common, and the sha256 of its bytes.

    A file that cannot be read has none, and its own reader tells of it.
    """
    if not paths:
        return {}
    texts = [str(path) for path in paths]  # of ten thousand, paths cost more than their files
    common = Path(os.path.commonpath({text.rpartition(os.sep)[0] or os.sep for text in texts}))
    start = len(str(common).rstrip(os.sep)) + 1
    note = note_of(common, "digests")
    try:
        kept = {str(key): str(value) for key, value in json.loads(note.read_bytes()).items()}
    except (OSError, ValueError, AttributeError):
        kept = {}
    names = [text[start:] for text in texts]
    noted = [noted_digest(*each) for each in zip(texts, map(kept.get, names), strict=True)]
    new = {name: note for name, note in zip(names, noted, strict=True) if note != kept.get(name)}
    if len(new) >= MANY:
        log.info("computed the checksums of %d files in %s; they are remembered", len(new), common)
    if new:
        with contextlib.suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(note, json.dumps({**kept, **new}).encode())
    found = [(name, note.rpartition(" ")[2]) for name, note in zip(names, noted, strict=True)]
    return dict(zip(paths, found, strict=True))


def noted_digest(path: str, note: str | None) -> str:
    """The marks of a file and its sha256; ``note`` is what they were the last time."""
    try:
        now = marks(path)
        return note if note and note.rpartition(" ")[0] == now else f"{now} {sha256_of(path)}"
    except (OSError, ValueError):
        return UNREADABLE


def sha256_of(path: str) -> str:
    """Of a file's bytes.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file.
    """
    with os.fdopen(opened(Path(path)), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def marks(path: str | Path) -> str:
    """What changes with every write to a file: its size and times; nobody sets the last of them."""
    status = os.stat(path)
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def note_of(path: Path, checksum: str) -> Path:
    """Where it is kept, in the user's cache."""
    named = hashlib.sha256(f"{path.absolute()}\n{checksum}".encode("utf-8", "surrogateescape"))
    return cache_folder() / ".compared" / named.hexdigest()


def cache_folder() -> Path:
    """Where this package keeps what it can compute again."""
    try:
        return expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "translearn"
    except ConfigError:
        return Path(os.devnull)  # where nothing can be kept: this user has no home


def state(path: Path) -> str:
    """Changes with every write to the file, or to a sample of the folder: size and time of each."""
    digest = hashlib.sha256()
    for file in sample_files(path) if path.is_dir() else [path]:
        digest.update(f"{file}\n{marks(file)}\n".encode(errors="replace"))
    return digest.hexdigest()
