"""Jobs of a sweep, each in a process of its own, so that none can take the others with it.

The process that a launcher gives us (Hydra's own, a worker of joblib, a task of Slurm) only
watches: it imports no torch, holds no GPU, and turns whatever becomes of the job into a row and an
exception.
"""

import contextlib
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any

from translearn.artifacts.pointers import POINTER, point_to
from translearn.errors import ERRORS, LostError, StopSignal, TimeLimitError, TranslearnError
from translearn.launch.again import earlier_run
from translearn.launch.failure import write_failure
from translearn.launch.sweep_process import (
    DONE,
    GRACE_SECONDS,
    Outcome,
    SweepEntry,
    death,
    job_process,
    kill_group,
)
from translearn.system.signals import SIGNALS, current
from translearn.system.terminal import complain


def run_job(entry: SweepEntry) -> float | None:
    """Run a job to its end, or take the finished run that ``run.skip_done`` finds.

    Returns:
        What a sweeper may optimise: the value of the result's ``objective``.

    Raises:
        TranslearnError: the job failed, was killed or was too slow; its result.json says so.
        StopSignal: this process was told to stop; the job has saved its state.
    """
    (entry.folder / POINTER).unlink(missing_ok=True)
    if not entry.config["run"]["skip_done"]:
        return watch(entry, entry.folder)
    place, result = earlier_run(entry.folder, entry.sweep, entry.root, entry.config)
    point_to(entry.folder, place)
    if result is None:
        return watch(entry, place)
    print(f"job {entry.number} is done already: {place}", flush=True)
    value: float | None = result.objective["value"]
    return value


def watch(entry: SweepEntry, folder: Path) -> float | None:
    """Run the job in a new process and wait for its end; returns and raises as ``run_job`` does."""
    with current().deferred():  # signals are handed on, and the job comes to its own end
        try:
            objective = watch_to_its_end(entry, folder)
        except NotStarted as early:
            error = StopSignal(early.number)
            write_failure(entry.config, folder, error)
            raise error from early
    current().check()
    return objective


class NotStarted(BaseException):
    """A signal came while the process that forks the jobs was still importing torch."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def watch_to_its_end(entry: SweepEntry, folder: Path) -> float | None:
    """The same, while nothing ends this process."""
    context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":  # the server imports torch once, and each job starts at once
        context.set_forkserver_preload(["translearn.launch.launch"])
    if multiprocessing.get_start_method() not in multiprocessing.get_all_start_methods():
        # a worker of joblib has a way of its own, which the new process would be told and not know
        multiprocessing.set_start_method(None, force=True)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=job_process, args=(entry, folder, sender, dict(os.environ)))
    minutes = entry.config["run"]["job_minutes"]
    limit = math.inf if minutes is None else time.monotonic() + 60 * minutes
    with SignalForwarder() as stop:
        process.start()
        sender.close()
        stop.to(process.pid)
        ends = [receiver, process.sentinel]
        while not (ended := wait(ends, 0.5)):
            if time.monotonic() > min(limit, stop.deadline):
                break
        late = not ended and not stop.number
        if late:
            process.terminate()
            wait(ends, GRACE_SECONDS)
        outcome = received(receiver)
        process.join(1.0 if outcome is None else GRACE_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
    if outcome is None:
        kill_group(process.pid)  # the workers that it may have left
    error: TranslearnError | StopSignal | None = None
    if stop.number:
        error = StopSignal(stop.number)
    elif late and not (outcome and outcome.kind == DONE):
        error = TimeLimitError(
            f"stopped after run.job_minutes={minutes:g}; to continue it, repeat the command with "
            "run.skip_done=true and a higher limit"
        )
    elif outcome is None:
        error = LostError(
            f"job {entry.number} (pid {process.pid}) was lost: {death(process.exitcode)}\n"
            "to continue it, repeat the command with run.skip_done=true"
        )
    if error and (isinstance(error, TranslearnError) or outcome is None):
        write_failure(entry.config, folder, error)
    if isinstance(error, TranslearnError):
        complain(f"error: {error}")
    if error:
        raise error
    assert outcome is not None
    if outcome.kind != DONE:
        raise ERRORS.get(outcome.kind, TranslearnError)(outcome.message)
    return outcome.objective


def received(receiver: Connection) -> Outcome | None:
    """What the process reported, or None if it died without a word."""
    try:
        outcome: Outcome | None = receiver.recv() if receiver.poll() else None
    except EOFError:
        return None
    return outcome


class SignalForwarder:
    """Hands SIGINT, SIGTERM and SIGHUP on to a job, which saves its state and ends.

    Attributes:
        number: the signal that came first, 0 if none has.
        deadline: when the job must have ended, on the clock ``time.monotonic``.
    """

    def __init__(self) -> None:
        self.number, self.deadline = 0, math.inf
        self._pid: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "SignalForwarder":
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.getsignal(number)
                if self._before[number] != signal.SIG_IGN:  # as nohup sets SIGHUP
                    signal.signal(number, self._arrived)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def to(self, pid: int) -> None:
        """Tell which process there is now; before, a signal raises ``NotStarted``."""
        self._pid = pid

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        self.deadline = min(self.deadline, time.monotonic() + GRACE_SECONDS)
        if self._pid is None:
            raise NotStarted(number)  # a process that starts all the same ends with this one
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(self._pid, number)
