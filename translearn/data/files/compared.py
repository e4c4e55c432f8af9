"""Checksums of files as they lie there, remembered so that a file is read for them once."""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from translearn.artifacts.atomic import write_atomic
from translearn.data.files.checksums import sample_files
from translearn.system.problems import expanded

MANY = 1000  # files, of which it is told
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


def digests(paths: Sequence[Path]) -> dict[Path, tuple[str, str]]:
    """Path -> its name below what all have in common, and the sha256 of its bytes.

    A file that cannot be read has none, and its own reader tells of it.

    Raises:
        OSError: a file is gone.
    """
    if not paths:
        return {}
    common = Path(os.path.commonpath({os.path.dirname(path) for path in paths}))
    start = len(str(common).rstrip(os.sep)) + 1  # relative_to would take half of the time
    note = note_of(common, "digests")
    try:
        kept = json.loads(note.read_bytes())
    except (OSError, ValueError):
        kept = {}
    kept = kept if isinstance(kept, dict) else {}
    found, current = {}, {}
    for path in paths:
        name, status = str(path)[start:], os.stat(path)
        seen = [status.st_size, status.st_mtime_ns]
        digest = kept.get(name, [None, None])
        if digest[0] != seen:
            digest = [seen, sha256_of(path)]
        found[path], current[name] = (name, str(digest[1])), digest
    new = sum(kept.get(name) != digest for name, digest in current.items())
    if new >= MANY:
        log.info("computed the checksums of %d files in %s; they are remembered", new, common)
    if new:
        with contextlib.suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(note, json.dumps({**kept, **current}).encode())
    return found


def sha256_of(path: Path) -> str:
    """Of a file's bytes."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"unreadable ({error.strerror})"


def note_of(path: Path, checksum: str) -> Path:
    """Where it is kept, in the user's cache."""
    cache = expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    named = hashlib.sha256(f"{path.absolute()}\n{checksum}".encode("utf-8", "surrogateescape"))
    return cache / "translearn" / ".compared" / named.hexdigest()


def state(path: Path) -> str:
    """Changes with every write to the file, or to a sample of the folder: size and time of each."""
    digest = hashlib.sha256()
    for file in sample_files(path) if path.is_dir() else [path]:
        status = file.stat()
        digest.update(f"{file}\n{status.st_size} {status.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()
