"""Standard output and standard error, which may vanish, fill up or never have been there.

Every process of a command writes through the two streams that ``guarded`` puts in place. What they
cannot write any more is left out; it ends no run, and the result says so.
"""

import contextlib
import io
import logging
import os
import select
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from translearn.system.printing import printable

log = logging.getLogger(__name__)


STREAMS = {1: "standard output", 2: "standard error"}


_notices: list[str] = []


def notice(text: str) -> None:
    """Note once what the system denies; the result of the run will have it among its warnings."""
    if text not in _notices:
        _notices.append(text)
        log.warning("warning: %s", text)


def notices() -> list[str]:
    """What was noted so far."""
    return list(_notices)


class _Guarded(io.FileIO):
    """A descriptor whose failure is noted, or raised once; from then on nothing is written."""

    def __init__(self, number: int, forgiving: bool) -> None:
        super().__init__(number, "w", closefd=False)
        self.forgiving, self.lost, self.in_line = forgiving, False, False

    def write(self, data: Any) -> int:
        if not self.lost:
            try:
                while (written := super().write(data)) is None:
                    select.select([], [self], [])  # a terminal that does not block
                self.in_line = bytes(data[:written])[-1:] not in (b"\n", b"\r", b"")
                return written
            except OSError as error:
                self.lost, where = True, STREAMS[self.fileno()]
                if not self.forgiving:
                    error.filename = where
                    raise
                notice(f"{where} could not be written any more ({error.strerror}); the run went on")
        return len(data)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Guard the terminal of this process; streams that somebody else has replaced are his.

    Standard output raises the first failure, for commands whose output is what they are for, until
    ``go_on_without`` is called. Warnings of libraries and the complaints of ``logging`` about
    itself are kept away from it.
    """
    closed = [number for number in (0, 1, 2) if not _is_open(number)]
    for number in closed:  # else the next file that is opened gets the number, and the messages
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, number)
        if nowhere not in (0, 1, 2):
            os.close(nowhere)
    before = sys.stdout, sys.stderr
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(1, before[0], forgiving=False)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(2, before[1], forgiving=True)
    _notices[:] = [f"{STREAMS[number]} was closed at the start" for number in closed if number]
    logging.raiseExceptions = False
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"torch(vision)?(\.|$)")
        warnings.filterwarnings("ignore", module=r"PIL(\.|$)")  # of files, which people hear of
        warnings.filterwarnings("ignore", category=FutureWarning)  # torch's, of lines of ours
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            sys.stdout, sys.stderr = before


def go_on_without() -> None:
    """From now on a loss of standard output ends nothing: a run is more than what it prints."""
    if (raw := _raw(sys.stdout)) is not None:
        raw.forgiving = True


def complain(text: object) -> None:
    """Print to standard error, on a line of its own, whatever bar is on it."""
    raw = _raw(sys.stderr)
    sys.stderr.flush()
    before = "\n" if raw is not None and raw.in_line else ""
    print(before + printable(str(text)), file=sys.stderr, flush=True)


def flush() -> None:
    """Hand on all that is to be printed.

    Raises:
        OSError: standard output cannot be written, and the command is about what it prints.
    """
    sys.stdout.flush()
    sys.stderr.flush()


def reader_left() -> bool:
    """Whether a BrokenPipeError was that of standard output, and not of a socket."""
    raw = _raw(sys.stdout)
    return raw is not None and raw.lost


def _raw(stream: Any) -> _Guarded | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Guarded) else None


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _stream(number: int, before: Any, forgiving: bool) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    raw = _Guarded(number, forgiving)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="backslashreplace",  # names of files may be any bytes
        line_buffering=raw.isatty() or number == 2,
    )
