"""Checksums of files by their content, and of folders of samples."""

import bz2
import gzip
import hashlib
import os
from pathlib import Path
from typing import IO

from translearn.system import reading

CHUNK = 2**20


MOST_BYTES = 2**34  # of a file, once unpacked


SAMPLE_SUFFIXES = (".jpg", ".wav")


def sample_files(folder: Path) -> list[Path]:
    """The photos and recordings in a folder and below, sorted by their relative path as text."""
    found = (path for path in folder.rglob("*") if path.suffix in SAMPLE_SUFFIXES)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def content_sha256(path: Path, most: int = MOST_BYTES) -> str:
    """sha256 of a file once unpacked, or of a folder: names, sizes and bytes of its samples.

    Raises:
        OSError, EOFError, zlib.error: something cannot be read, or was cut off.
        ValueError: a file is no regular one, or unpacks to more than ``most`` bytes.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for sample in sample_files(path):
            content = sample.read_bytes()
            digest.update(f"{sample.relative_to(path).as_posix()} {len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()
    with open_content(path) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            most -= len(chunk)
            if most < 0:
                raise ValueError("it unpacks to more than it should")
    return digest.hexdigest()


def open_content(path: Path) -> IO[bytes]:
    """Open a file for reading; what gzip or bzip2 have packed is unpacked, whatever its name is.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file.
    """
    file = os.fdopen(reading.opened(path), "rb")
    start = file.peek(4)
    if not start.startswith((b"\x1f\x8b", b"BZh")):
        return file
    file.close()
    return gzip.open(path) if start[0] == 0x1F else bz2.open(path)  # type: ignore[return-value]


def unpacked(path: Path, most: int) -> bytes:
    """The content of a file, unpacked.

    Raises:
        OSError, EOFError, zlib.error: it cannot be read, or was cut off.
        ValueError: it is no regular file, or holds more than ``most`` bytes.
    """
    with open_content(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it holds more than {most} bytes")
    return content


def file_md5(path: Path) -> str:
    """md5 of a file as it lies there: what others publish."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
