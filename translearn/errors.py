"""Errors for people: each carries an exit code and a message of a few lines."""

import signal
from collections.abc import Iterable
from difflib import get_close_matches


class TranslearnError(Exception):
    """Base of every expected failure. The message names the option or the file and what to do."""

    exit_code = 1
    status = "failed"


class ConfigError(TranslearnError):
    """The command line or a config file is wrong."""

    exit_code = 2


class DataError(TranslearnError):
    """Data is missing, unreadable or not what its checksum says."""

    exit_code = 3


class NonFiniteError(TranslearnError):
    """A loss or a gradient norm became infinite or not a number."""

    exit_code = 4


class OutOfMemoryError(TranslearnError):
    """The device or the host ran out of memory."""

    exit_code = 5


class CheckpointError(TranslearnError):
    """A checkpoint is broken, or belongs to another config, version or thread count."""

    exit_code = 6


class DiskError(TranslearnError):
    """The disk is full or not writable."""

    exit_code = 7


class TimeLimitError(TranslearnError):
    """A job of a sweep took longer than ``run.job_minutes``."""


class LostError(TranslearnError):
    """A process of a run died without a word."""

    status = "killed"


class StopSignal(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived. A BaseException, so that no sweep carries on after it."""

    status = "interrupted"

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number
        self.exit_code = 128 + number

    def __reduce__(self) -> tuple[type["StopSignal"], tuple[int]]:
        return type(self), (self.number,)  # launchers hand it from process to process


ERRORS: dict[str, type[TranslearnError]] = {
    error.__name__: error
    for error in (
        TranslearnError,
        ConfigError,
        DataError,
        NonFiniteError,
        OutOfMemoryError,
        CheckpointError,
        DiskError,
        LostError,
    )
}


def nearest(name: str, choices: Iterable[str]) -> str:
    """``; did you mean X?`` for the closest choice by its last part, else the list of them all."""
    by_last_part = {choice.rpartition(".")[2]: choice for choice in sorted(choices)}
    close = get_close_matches(name.rpartition(".")[2], by_last_part, n=1, cutoff=0.5)
    if not by_last_part:
        return "; there is nothing to choose from"
    if close:
        return f"; did you mean {by_last_part[close[0]]}?"
    return f"; there are {', '.join(by_last_part.values())}"
