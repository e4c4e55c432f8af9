"""Data sets as lists of files: where they lie, what their checksums are, how to get them.

Nothing here imports torch, so that ``tl-data`` answers at once.
"""

import errno
import gzip
import logging
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath

from translearn.data.files.checksums import (
    CHUNK,
    content_sha256,
    file_md5,
    sample_files,
)
from translearn.data.files.compared import remember, remembered
from translearn.data.files.receiving import Bounded, extract_samples, receive
from translearn.errors import DataError, DiskError
from translearn.system.locks import Lock
from translearn.system.problems import expanded

MOST_BYTES = 2**30  # of what nothing more is known of
MANY = 1000  # files, to compare which takes a while
log = logging.getLogger(__name__)


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
        size: bytes of the file once unpacked, counted from a real copy; 0: not known.
        most: bytes that neither what is sent nor what it unpacks to may have, where ``size`` is
            not known.
        unverified: what could not be checked by us.
    """

    path: str
    address: str = ""
    sha256: str = ""
    md5: str = ""
    samples: int = 0
    archive_folder: str = ""
    size: int = 0
    most: int = MOST_BYTES
    unverified: str = "address (not tried)"

    @property
    def limit(self) -> int:
        """Bytes that it has at most, once unpacked."""
        return self.size or self.most

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
            if self.sha256 and content_sha256(path, self.limit) == self.sha256:
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
    found = [resource.find(folder) or folder / resource.path for resource in data_set.resources]
    for resource, path in zip(data_set.resources, found, strict=True):
        refuse_changed(data_set, resource, path)
    return found


def refuse_changed(data_set: DataSet, resource: Resource, path: Path) -> None:
    """Refuse a file that is not what its checksum says; one that was compared is not read again.

    Raises:
        DataError: naming it, and how to get it again.
    """
    checksum = resource.sha256 or resource.md5
    if not checksum or remembered(path, checksum):
        return
    if resource.samples >= MANY:
        log.info("comparing %d files of %s, once", resource.samples, data_set.name)
    if not resource.matches(path):
        raise DataError(
            f"{path} is not what its checksum says: it was changed, or is another file\n"
            f"delete it, then: tl-data prepare {data_set.name}, or by hand: {data_set.by_hand}"
        )
    remember(path, checksum)


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
        receive(resource.address, received, most_sent(resource))
        unpacked = Path(temporary) / "unpacked"
        if resource.samples:
            extract_samples(received, resource.archive_folder, unpacked, resource.limit)
        elif received.suffix == ".gz":
            with gzip.open(received) as packed, unpacked.open("wb") as file:
                shutil.copyfileobj(Bounded(packed, resource.limit), file, CHUNK)
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


def most_sent(resource: Resource) -> int:
    """Bytes that a server may send: what cannot be packed grows a little by being packed."""
    packed = resource.address.endswith((".gz", ".tgz"))
    return resource.limit + (resource.limit // 1000 + 1024 if packed else 0)
