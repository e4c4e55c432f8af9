"""Jobs of a sweep, each in a process of its own, so that none can take the others with it.

The process that a launcher gives us (Hydra's own, a worker of joblib, a task of Slurm) only
watches: it imports no torch, holds no GPU, and turns whatever becomes of the job into a row and an
exception.
"""

import contextlib
import logging.config
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout

from translearn.config import Config
from translearn.errors import (
    ERRORS,
    LostError,
    StopSignal,
    TimeLimitError,
    TranslearnError,
)
from translearn.folders import earlier_run
from translearn.report.collect import POINTER, point_to

GRACE_SECONDS = 30.0  # between asking a job to stop and killing it
DEVICES = "TRANSLEARN_DEVICES"  # environment: the GPUs that a sweep may use, or ALL
ALL = "all"
DONE = "done"
# Launchers that run several jobs on one machine and leave the choice of the GPU to us.
SHARING = ("joblib", "submitit_local")


@dataclass(frozen=True)
class SweepJob:
    """One job of a sweep, as it is handed to its process.

    Attributes:
        number: its position in the sweep.
        launcher: the name of the choice in ``hydra/launcher``.
        root: ``output_root``, where finished runs are looked for.
        sweep: the folder of the sweep.
        logging: a configuration for ``logging.config.dictConfig``.
    """

    config: Config
    folder: Path
    number: int
    launcher: str
    root: Path
    sweep: Path
    logging: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a job's process reports about its end; ``kind``: a class of ``ERRORS``, or ``DONE``."""

    kind: str
    message: str = ""
    objective: float | None = None


def run_job(job: SweepJob) -> float | None:
    """Run a job to its end, or take the finished run that ``run.skip_done`` finds.

    Returns:
        What a sweeper may optimise: the value of the result's ``objective``.

    Raises:
        TranslearnError: the job failed, was killed or was too slow; its result.json says so.
        StopSignal: this process was told to stop; the job has saved its state.
    """
    (job.folder / POINTER).unlink(missing_ok=True)
    if not job.config["run"]["skip_done"]:
        return watch(job, job.folder)
    place, result = earlier_run(job.folder, job.sweep, job.root, job.config)
    point_to(job.folder, place)
    if result is None:
        return watch(job, place)
    print(f"job {job.number} is done already: {place}", flush=True)
    value: float | None = result["objective"]["value"]
    return value


def watch(job: SweepJob, folder: Path) -> float | None:
    """Run the job in a new process and wait for its end; returns and raises as ``run_job`` does."""
    context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":  # the server imports torch once, and each job starts at once
        context.set_forkserver_preload(["translearn.launch"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=work_alone, args=(job, folder, sender, dict(os.environ)))
    minutes = job.config["run"]["job_minutes"]
    limit = math.inf if minutes is None else time.monotonic() + 60 * minutes
    with Forward() as stop:
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
    error: TranslearnError | StopSignal
    if stop.number:
        error = StopSignal(stop.number)
    elif outcome is not None and outcome.kind == DONE:
        return outcome.objective
    elif late:
        error = TimeLimitError(
            f"stopped after run.job_minutes={minutes}; to continue it, repeat the command with "
            "run.skip_done=true and a higher limit"
        )
    elif outcome is None:
        error = LostError(death(process.exitcode))
    else:
        error = ERRORS.get(outcome.kind, TranslearnError)(outcome.message)
    if outcome is None or late:
        from translearn.launch import write_failure  # imports torch, only where it is needed

        write_failure(job.config, folder, error)
        print(f"error: {error}", file=sys.stderr)
    raise error


def received(receiver: Connection) -> Outcome | None:
    """What the process reported, or None if it died without a word."""
    try:
        outcome: Outcome | None = receiver.recv() if receiver.poll() else None
    except EOFError:
        return None
    return outcome


def death(code: int | None) -> str:
    """What is known about a process that died without a word."""
    if code == -signal.SIGKILL:
        return "killed by SIGKILL, as the system does when memory runs out"
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"its process ended without a result (exit code {code})"


def kill_group(pid: int) -> None:
    """Kill a job and all that it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):  # nobody is left
            os.killpg(pid, signal.SIGKILL)


class Forward:
    """Hands SIGINT and SIGTERM on to a job, which saves its state and ends.

    Attributes:
        number: the signal that came first, 0 if none has.
        deadline: when the job must have ended, on the clock ``time.monotonic``.
    """

    def __init__(self) -> None:
        self.number, self.deadline = 0, math.inf
        self._pid: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Forward":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def to(self, pid: int) -> None:
        """Tell which process; a signal that was there before is handed on now."""
        self._pid = pid
        if self.number:
            os.kill(pid, self.number)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        self.deadline = min(self.deadline, time.monotonic() + GRACE_SECONDS)
        if self._pid is not None:
            os.kill(self._pid, number)


def work_alone(
    job: SweepJob, folder: Path, sender: Connection, environment: Mapping[str, str]
) -> None:
    """The whole life of a job's process."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C goes to the watching process, which hands it on once
    os.environ.clear()
    os.environ.update(environment)
    threading.Thread(target=stop_with_parent, daemon=True).start()
    if job.logging.get("root"):  # null: the user wants none
        logging.config.dictConfig(dict(job.logging))
    locks = take_devices(job)
    from translearn.launch import launch
    from translearn.report.table import print_result

    try:
        result = launch(job.config, folder)
        print_result(result, folder)
        outcome = Outcome(DONE, objective=result["objective"]["value"])
    except (TranslearnError, StopSignal) as error:
        outcome = Outcome(type(error).__name__, str(error))
        if job.config["run"]["debug"]:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
    except BaseException as error:
        outcome = Outcome("TranslearnError", str(error) or type(error).__name__)
        traceback.print_exc()
    sender.send(outcome)
    for lock in locks:
        lock.release()


def stop_with_parent() -> None:
    """Stop as if by SIGTERM once the watching process is gone, and at last by force."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    kill_group(os.getpid())


def take_devices(job: SweepJob) -> list[FileLock]:
    """Choose ``run.gpus`` GPUs for a job: those of its number in turn, or the next that are free.

    Must be called before CUDA is initialised: it sets ``CUDA_VISIBLE_DEVICES``. Launchers that
    give each job its own devices are left alone.

    Returns:
        Locks that mark the GPUs as taken within the sweep.
    """
    if job.launcher not in SHARING:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or os.environ.get(DEVICES, "")
    if visible == ALL:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)  # submitit_local hides them
        import torch

        names = [str(number) for number in range(torch.cuda.device_count())]
    else:
        names = [name for name in visible.split(",") if name]
    count = int(job.config["run"]["gpus"])
    places = len(names) // count
    for place in [(job.number + step) % places for step in range(places)]:
        lock = FileLock(job.sweep / f".devices-{place}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        break
    else:
        if not places:
            return []
        place, lock = job.number % places, None
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names[place * count : (place + 1) * count])
    return [lock] if lock else []
