"""Checksums of files by their content, and of folders of samples."""

import bz2
import gzip
import hashlib
from pathlib import Path
from typing import IO

CHUNK = 2**20


SAMPLE_SUFFIXES = (".jpg", ".wav")


def sample_files(folder: Path) -> list[Path]:
    """The photos and recordings in a folder and below, sorted by their relative path as text."""
    found = (path for path in folder.rglob("*") if path.suffix in SAMPLE_SUFFIXES)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def content_sha256(path: Path) -> str:
    """sha256 of a file once unpacked, or of a folder: names, sizes and bytes of its samples."""
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
    return digest.hexdigest()


def open_content(path: Path) -> IO[bytes]:
    """Open a file for reading; ``.gz`` and ``.bz2`` are unpacked on the way."""
    if path.suffix == ".gz":
        return gzip.open(path)  # type: ignore[return-value]
    return bz2.open(path) if path.suffix == ".bz2" else path.open("rb")


def file_md5(path: Path) -> str:
    """md5 of a file as it lies there: what others publish."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
