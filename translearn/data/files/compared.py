"""What was compared with its checksum, remembered so that a file is read for it once."""

import contextlib
import hashlib
import os
from pathlib import Path

from translearn.artifacts.atomic import write_atomic
from translearn.data.files.checksums import sample_files
from translearn.system.problems import expanded


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
