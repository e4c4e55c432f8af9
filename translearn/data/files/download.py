"""Data sets as lists of files: where they lie, what their checksums are, how to get them.

Nothing here imports torch, so that ``tl-data`` answers at once.
"""

import errno
import gzip
import logging
import os
import queue
import shutil
import tarfile
import tempfile
import threading
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.request import Request, urlopen

from tqdm import tqdm

from translearn.data.files.checksums import (
    CHUNK,
    SAMPLE_SUFFIXES,
    content_sha256,
    file_md5,
    sample_files,
)
from translearn.errors import DataError, DiskError
from translearn.system.locks import Lock
from translearn.system.problems import expanded

log = logging.getLogger(__name__)


# Seconds until the first answer, name look-up included: without a network a run must end within 5.
CONNECT_SECONDS = 2.5


STALL_SECONDS = 30.0  # longest silence in the middle of a download


# What a broken or interrupted download or archive raises (URLError and BadGzipFile are OSErrors).
BROKEN = (OSError, EOFError, ValueError, HTTPException, tarfile.TarError, zlib.error)


@dataclass(frozen=True)
class Resource:
    """One file, or one folder of samples, that a data set needs.

    A file is right if one of its checksums is: not every published file is packed as ours was.

    Attributes:
        path: where it lies below the data root; for a file, ``path.gz`` is accepted as well.
        address: its https address; empty where the user has to bring it. A ``.gz`` is unpacked.
        sha256: of the content, computed from a real copy; see ``content_sha256``.
        md5: of the file as it is published; taken over from somebody else.
        samples: how many photos (``.jpg``) or recordings (``.wav``) a folder holds, its subfolders
            included; 0: it is a file.
        archive_folder: where the samples lie in the archive at ``address``.
        unverified: what could not be checked by us.
    """

    path: str
    address: str = ""
    sha256: str = ""
    md5: str = ""
    samples: int = 0
    archive_folder: str = ""
    unverified: str = "address (not tried)"

    def find(self, root: Path) -> Path | None:
        """The file or the complete folder below ``root``, or None."""
        path = root / self.path
        if self.samples:
            return path if len(sample_files(path)) >= self.samples else None
        packed = path.with_name(f"{path.name}.gz")
        return next((found for found in (path, packed) if found.is_file()), None)

    def matches(self, path: Path) -> bool:
        """Whether what lies at ``path`` is what one of the checksums says."""
        try:
            if self.sha256 and content_sha256(path) == self.sha256:
                return True
            return bool(self.md5) and file_md5(path) == self.md5
        except BROKEN:
            return False


@dataclass(frozen=True)
class DataSet:
    """The files of one data set.

    Attributes:
        name: as in ``tl-data prepare NAME``.
        title: one line that says what it is.
        resources: what it needs.
        by_hand: how to bring it without ``tl-data``, below the data root.
    """

    name: str
    title: str
    resources: tuple[Resource, ...]
    by_hand: str


def data_root(root: str | Path) -> Path:
    """``root`` as an absolute path, with ``~`` expanded."""
    return expanded(root).absolute()


def require(data_set: DataSet, root: str | Path, download: bool) -> list[Path]:
    """Find every file of a data set, downloading what is missing if ``download`` is set.

    Returns:
        The paths, in the order of ``data_set.resources``.

    Raises:
        DataError: something is missing and was not downloaded, or is not what its checksum says.
        DiskError: the disk is full.
    """
    folder = data_root(root)
    absent = [r for r in data_set.resources if r.find(folder) is None]
    if absent and not (download and all(resource.address for resource in absent)):
        why = "data.download=false" if absent[0].address else "it has no address to download from"
        raise missing(data_set, folder, absent, f"not downloaded: {why}")
    for resource in absent:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with Lock(folder / f".{data_set.name}.lock"):
                if resource.find(folder) is None:  # another process may have brought it meanwhile
                    fetch(resource, folder)
        except BROKEN as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskError(f"the disk is full: {folder} ({data_set.title})") from error
            reason = f"download failed: {resource.address}: {error}"
            raise missing(data_set, folder, absent, reason) from error
    return [resource.find(folder) or folder / resource.path for resource in data_set.resources]


def missing(
    data_set: DataSet, root: Path, absent: Iterable[Resource], reason: str = ""
) -> DataError:
    """The error that says what is missing, where it was looked for and how to get it."""
    paths = [str(root / resource.path) for resource in absent]
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    prepare = f"tl-data prepare {data_set.name} --root {root}, or by hand: "
    if not any(resource.address for resource in data_set.resources):
        prepare = ""
    lines = [
        f"the data set {data_set.name} is missing; looked for {paths[0]}{more}",
        " ".join(reason.split()),
        f"get it: {prepare}{data_set.by_hand}",
        f"under the data root {root} (data_root=... or TRANSLEARN_DATA changes it)",
        "or run data=print_hand, which needs no files",
    ]
    return DataError("\n".join(line for line in lines if line))


def fetch(resource: Resource, root: Path) -> None:
    """Download one resource to a temporary folder beside its place, check it, and move it there.

    The caller holds the lock of the data set.

    Raises:
        DataError: what came is not what the checksum says.
        OSError, EOFError, HTTPException, TarError: the download broke off.
    """
    place = root / resource.path
    place.parent.mkdir(parents=True, exist_ok=True)
    for leftover in place.parent.glob(".download-*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".download-") as temporary:
        received = Path(temporary) / PurePosixPath(resource.address).name
        receive(resource.address, received)
        unpacked = Path(temporary) / "unpacked"
        if resource.samples:
            extract_samples(received, resource.archive_folder, unpacked)
        elif received.suffix == ".gz":
            with gzip.open(received) as packed, unpacked.open("wb") as file:
                shutil.copyfileobj(packed, file, CHUNK)
        else:
            unpacked = received
        if not resource.matches(unpacked):
            raise DataError(
                f"{resource.address} is not what its checksum says; nothing was kept\n"
                f"try again later, or put a good copy at {place}"
            )
        if not resource.samples:
            os.replace(unpacked, place)
            return
        place.mkdir(exist_ok=True)
        for sample in sample_files(unpacked):
            os.replace(sample, place / sample.name)


def receive(address: str, path: Path) -> None:
    """Write what ``address`` answers to ``path``, with a progress bar on a terminal."""
    log.info("downloading %s", address)
    with open_address(address) as answer, path.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0) or None
        with tqdm(total=total, unit="B", unit_scale=True, desc=path.name, disable=None) as bar:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))


def open_address(address: str) -> Any:
    """Open an https address; the first answer has to come within ``CONNECT_SECONDS``.

    A thread asks, because neither the name look-up nor a host of many addresses keeps to the
    socket's own timeout.

    Raises:
        OSError: it is not https, is redirected away from https, or nothing answers in time.
    """
    if not address.startswith("https://"):
        raise OSError("only https addresses are opened")
    answers: queue.Queue[Any] = queue.Queue()

    def ask() -> None:
        try:
            request = Request(address, headers={"User-Agent": "translearn"})
            answers.put(urlopen(request, timeout=STALL_SECONDS))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer within {CONNECT_SECONDS:g} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    if not answer.geturl().startswith("https://"):
        answer.close()
        raise OSError("redirected away from https")
    return answer


def extract_samples(archive: Path, inner_folder: str, folder: Path) -> None:
    """Extract the samples of one folder of a ``.tgz``, flat, into ``folder``."""
    folder.mkdir()
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = PurePosixPath(member.name)
            wanted = str(name.parent) == inner_folder and name.suffix in SAMPLE_SUFFIXES
            if member.isfile() and wanted:
                member.name = name.name
                tar.extract(member, folder, filter="data")
