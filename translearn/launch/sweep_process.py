"""The process of one job of a sweep: from its start to what it reports about its end."""

import contextlib
import logging.config
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from filelock import Timeout

from translearn.config import Config
from translearn.errors import StopSignal
from translearn.system import command, signals, terminal
from translearn.system.locks import Lock

GRACE_SECONDS = 30.0  # between asking a job to stop and killing it


DONE = "done"


DEVICES = "TRANSLEARN_DEVICES"  # environment: the GPUs that a sweep may use, or ALL


ALL = "all"


# Launchers that run several jobs on one machine and leave the choice of the GPU to us.
SHARING = ("joblib", "submitit_local")


@dataclass(frozen=True)
class SweepEntry:
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


def job_process(
    entry: SweepEntry, folder: Path, sender: Connection, environment: Mapping[str, str]
) -> None:
    """The whole life of a job's process."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C goes to the watching process, which hands it on once
    os.environ.clear()
    os.environ.update(environment)
    threading.Thread(target=stop_with_parent, daemon=True).start()
    try:
        with terminal.guarded(), signals.heard(watched=True):
            terminal.go_on_without()
            job(entry, folder, sender)
    except StopSignal:  # before the job began, or as it ended: the watching process tells it
        command.leave(0)


def job(entry: SweepEntry, folder: Path, sender: Connection) -> None:
    """A job, once its process hears signals and its terminal is guarded."""
    if entry.logging.get("root"):  # null: the user wants none
        logging.config.dictConfig(dict(entry.logging))
    locks = take_devices(entry)
    try:
        from translearn.launch.launch import launch, tell

        result = launch(entry.config, folder)
        tell(result, folder)
        outcome = Outcome(DONE, objective=result.objective["value"])
    except StopSignal as error:
        outcome = Outcome(type(error).__name__, str(error))
    except Exception as error:
        command.failed(error, entry.config["run"]["debug"])
        outcome = Outcome(type(error).__name__, str(error) or type(error).__name__)
    with contextlib.suppress(OSError):  # nobody is there any more
        sender.send(outcome)
    for lock in locks:
        lock.release()
    if outcome.kind == StopSignal.__name__:
        command.leave(0)


def death(code: int | None) -> str:
    """What is known about a process that died without a word."""
    if code == -signal.SIGKILL:
        return "killed by SIGKILL, as the system does when memory runs out"
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"its process ended without a result (exit code {code})"


def stop_with_parent() -> None:
    """Stop as if by SIGTERM once the process that started this one is gone, at last by force."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    kill_group(os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)  # a rank leads no group


def take_devices(entry: SweepEntry) -> list[Lock]:
    """Choose ``run.gpus`` GPUs for a job: those of its number in turn, or the next that are free.

    Must be called before CUDA is initialised: it sets ``CUDA_VISIBLE_DEVICES``. Launchers that
    give each job its own devices are left alone.

    Returns:
        Locks that mark the GPUs as taken within the sweep.
    """
    if entry.launcher not in SHARING:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or os.environ.get(DEVICES, "")
    if visible == ALL:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)  # submitit_local hides them
        import torch

        names = [str(number) for number in range(torch.cuda.device_count())]
    else:
        names = [name for name in visible.split(",") if name]
    count = int(entry.config["run"]["gpus"])
    places = len(names) // count
    for place in [(entry.number + step) % places for step in range(places)]:
        lock = Lock(entry.sweep / f".devices-{place}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        break
    else:
        if not places:
            return []
        place, lock = entry.number % places, None
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names[place * count : (place + 1) * count])
    return [lock] if lock else []


def kill_group(pid: int) -> None:
    """Kill a job and all that it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):  # nobody is left
            os.killpg(pid, signal.SIGKILL)
