"""Files out of the net, received and unpacked within bounds: by https alone, in time, not too much.

Nothing here imports torch, so that ``tl-data`` answers at once.
"""

import gzip
import logging
import queue
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tqdm import tqdm

from translearn.data.files.checksums import CHUNK, SAMPLE_SUFFIXES

log = logging.getLogger(__name__)


# Seconds until the first answer, name look-up included: without a network a run must end within 5.
CONNECT_SECONDS = 2.5


STALL_SECONDS = 30.0  # longest silence in the middle of a download


SLOWEST = 1000.0  # bytes a second over that time; a server that sends fewer has broken down


SCHEME = "https://"  # the only one that is opened, or followed to


def receive(address: str, path: Path, most: int) -> None:
    """Write what ``address`` answers to ``path``, with a progress bar on a terminal.

    Raises:
        OSError: it sends more than ``most`` bytes, fewer than it said, or hardly any.
    """
    log.info("downloading %s", address)
    with open_address(address) as answer, path.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0) or None
        if total is not None and not 0 < total <= most:
            raise OSError(f"it says that it has {total} bytes, and {most} are the most it can have")
        with tqdm(total=total, unit="B", unit_scale=True, desc=path.name, disable=None) as bar:
            for chunk in chunks(answer, most):
                file.write(chunk)
                bar.update(len(chunk))
        if total is not None and file.tell() != total:
            raise OSError(f"it broke off after {file.tell()} of {total} bytes")


def chunks(answer: Any, most: int) -> Iterator[bytes]:
    """What a server sends, as it comes.

    Raises:
        OSError: it is more than ``most`` bytes.
        TimeoutError: hardly any come.
    """
    left, began, got = most + 1, time.monotonic(), 0
    while chunk := answer.read1(min(CHUNK, left)):
        left, got = left - len(chunk), got + len(chunk)
        if not left:
            raise OSError(f"it sends more than the {most} bytes that it can have")
        yield chunk
        waited = time.monotonic() - began
        if waited > STALL_SECONDS:
            if got < SLOWEST * waited:
                raise TimeoutError(f"it sends {got} bytes in {waited:.0f} seconds")
            began, got = time.monotonic(), 0


class Bounded:
    """A packed file that is read up to a number of bytes.

    Args:
        file: opened for reading.
        most: bytes.
    """

    def __init__(self, file: Any, most: int) -> None:
        self.file, self.most, self.left = file, most, most + 1

    def read(self, count: int = CHUNK, /) -> bytes:
        """The next bytes.

        Raises:
            ValueError: they are beyond the last that may come.
        """
        content: bytes = self.file.read(min(count, self.left))
        self.left -= len(content)
        if not self.left:
            raise ValueError(f"it unpacks to more than {self.most} bytes")
        return content


class OneScheme(HTTPRedirectHandler):
    """Follows a redirect by https alone."""

    def redirect_request(self, *request: Any) -> Request | None:
        """See ``HTTPRedirectHandler``; the last argument is the new address.

        Raises:
            OSError: it is not https.
        """
        if not request[-1].startswith(SCHEME):
            raise OSError("redirected away from https")
        return super().redirect_request(*request)


def urlopen(request: Request, timeout: float) -> Any:
    """The answer to a request."""
    return build_opener(OneScheme).open(request, timeout=timeout)


def open_address(address: str) -> Any:
    """Open an https address; the first answer has to come within ``CONNECT_SECONDS``.

    A thread asks, because neither the name look-up nor a host of many addresses keeps to the
    socket's own timeout.

    Raises:
        OSError: it is not https, is redirected away from https, or nothing answers in time.
    """
    if not address.startswith(SCHEME):
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
    if not answer.geturl().startswith(SCHEME):
        answer.close()
        raise OSError("redirected away from https")
    return answer


def extract_samples(archive: Path, inner_folder: str, folder: Path, most: int) -> None:
    """Extract the samples of one folder of a ``.tgz``, flat, into ``folder``.

    Raises:
        ValueError: it unpacks to more than ``most`` bytes.
        OSError, EOFError, TarError, zlib.error: it is broken.
    """
    folder.mkdir()
    with gzip.open(archive) as packed:
        stream: Any = Bounded(packed, most)
        try:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    if is_sample(member, inner_folder):
                        member.name = PurePosixPath(member.name).name
                        tar.extract(member, folder, filter="data")
        except RecursionError:
            raise ValueError("its list of files has no end") from None


def is_sample(member: tarfile.TarInfo, inner_folder: str) -> bool:
    """Whether a member of an archive is a photo or a recording of the folder that is wanted."""
    name = PurePosixPath(member.name)
    wanted = str(name.parent) == inner_folder and name.suffix in SAMPLE_SUFFIXES
    # a file with holes says any size that it likes
    return wanted and member.isfile() and not member.issparse()
