"""Atomic, checksummed checkpoints: whenever the process is killed, one of them is whole."""

import contextlib
import hashlib
import io
import logging
import os
from pathlib import Path
from typing import Any

import torch

from translearn.artifacts.atomic import sync_folder, write_atomic
from translearn.errors import CheckpointError
from translearn.system import reading

log = logging.getLogger(__name__)


State = dict[str, Any]


MOST_RECORD = 10_000  # bytes of the digests of a checkpoint


def save(folder: Path, state: State, name: str = "last") -> None:
    """Write ``<name>.pt`` with its checksum; ``last`` keeps the one before as ``prev``.

    The order of the steps matters: at every moment some ``.pt`` file has its digest on record.

    Raises:
        OSError: the disk is full; the old checkpoints are untouched.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    current, record = folder / f"{name}.pt", folder / f"{name}.pt.sha256"
    fresh = folder / f"{name}.new.pt"
    # The new content first, under a name that nobody loads: a full disk has harmed nothing yet.
    write_atomic(fresh, content)
    old = next(iter(_digests(record)), None) if current.exists() else None
    # Both digests stand on record before any file changes its name: `load` takes a file by what is
    # in it, so whichever of the two a killed process leaves under this name is whole.
    write_atomic(record, _lines(name, digest, *([old] if old else [])))
    if name == "last" and old:
        os.replace(current, folder / "prev.pt")
        write_atomic(folder / "prev.pt.sha256", _lines("prev", old))
    os.replace(fresh, current)
    sync_folder(folder)
    write_atomic(record, _lines(name, digest))  # the old digest goes last of all


def load(folder: Path, names: tuple[str, ...] = ("last", "prev")) -> State | None:
    """The newest checkpoint whose checksum holds, or None where there is none at all.

    One that cannot be read counts as broken.

    Raises:
        CheckpointError: there are checkpoints, and every one of them is broken.
    """
    if not folder.exists():
        return None
    known = {word for path in folder.glob("*.sha256") for word in _digests(path)}
    broken: list[str] = []
    for name in names:
        path = folder / f"{name}.pt"
        if not path.exists():
            continue
        content = _content(path)
        if content is not None and hashlib.sha256(content).hexdigest() in known:
            if broken:
                log.warning("%s is broken; continuing from %s", ", ".join(broken), path)
            return _state(content, path)
        broken.append(str(path) if content is not None else f"{path} (cannot be read)")
    if broken:
        raise CheckpointError(
            f"the checksum of {', '.join(broken)} does not hold: the file is damaged\n"
            "start again without run.resume, or restore the folder from a backup"
        )
    return None


def tidy(folder: Path) -> None:
    """Delete what a killed process left half done, and leave one digest for each checkpoint."""
    for pattern in ("*.tmp", "*.new.pt"):
        for path in folder.glob(pattern):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
    known = {word for path in folder.glob("*.sha256") for word in _digests(path)}
    for path in folder.glob("*.pt"):
        content = _content(path)
        digest = hashlib.sha256(content or b"").hexdigest()
        if digest in known:
            write_atomic(folder / f"{path.name}.sha256", _lines(path.stem, digest))


def _state(content: bytes, path: Path) -> State:
    try:
        state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception as error:  # of pickle, zip and torch, of a dozen types
        raise CheckpointError(f"{path} is no checkpoint of tensors and plain values") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is no checkpoint of a run: it holds no mapping")
    return state


def _content(path: Path) -> bytes | None:
    """The bytes of a checkpoint; None where they cannot be read, or it is no regular file."""
    try:
        with os.fdopen(reading.opened(path), "rb") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def _digests(record: Path) -> list[str]:
    try:
        return reading.text(record, MOST_RECORD).split()
    except (OSError, ValueError):
        return []


def _lines(name: str, *digests: str) -> bytes:
    return "".join(f"{digest}  {name}.pt\n" for digest in digests).encode()
