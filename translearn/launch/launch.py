"""Run a job here, or on N worker processes, and record how it ended."""

import json
import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from filelock import Timeout

from translearn.artifacts.atomic import DISK_ERRORS
from translearn.artifacts.folder import run_lock
from translearn.artifacts.result import Result, started, write_result
from translearn.config import Config
from translearn.engine.environment import environment
from translearn.engine.run import run_here
from translearn.errors import (
    ERRORS,
    CheckpointError,
    DiskError,
    OutOfMemoryError,
    StopSignal,
    TranslearnError,
)
from translearn.launch.sweep_process import stop_with_parent

log = logging.getLogger(__name__)


def launch(config: Config, folder: Path) -> Result:
    """Run ``config`` in ``folder`` to its end; result.json is written however it ends.

    Returns:
        The result.

    Raises:
        TranslearnError: the run failed for a reason that the message tells.
        StopSignal: SIGINT or SIGTERM arrived.
    """
    began = time.time()
    with locked(folder):
        (folder / "result.json").unlink(missing_ok=True)
        try:
            world = int(config["run"]["gpus"])
            result = run_here(config, folder) if world == 1 else run_workers(config, folder, world)
        except BaseException as error:
            failure = translated(error)
            write_failure(config, folder, failure)
            if failure is error:
                raise
            raise failure from error
        result = replace(result, elapsed_seconds=time.time() - began)
        write_result(folder, result)
    return result


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system frees when the process dies.

    Raises:
        CheckpointError: another process runs in this folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with run_lock(folder):
            yield
    except Timeout as error:
        raise CheckpointError(
            f"another process is running in {folder}; wait, or stop it"
        ) from error


def write_failure(config: Config, folder: Path, error: BaseException) -> None:
    """Record a run that did not come to its end; a full disk must not hide the error itself."""
    result = replace(
        started(config, getattr(error, "status", "failed")),
        exit_code=getattr(error, "exit_code", 1),
        reason=str(error) or type(error).__name__,
        environment=environment(None),
    )
    try:
        if result.exit_code == 1:
            (folder / "traceback.txt").write_text("".join(traceback.format_exception(error)))
        write_result(folder, result)
    except (OSError, DiskError) as second:
        log.warning("result.json could not be written: %s", second)


def translated(error: BaseException) -> BaseException:
    """Memory and disk errors as ours, saying what to change; KeyboardInterrupt as a stop."""
    if isinstance(error, KeyboardInterrupt):
        return StopSignal(2)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(
        error
    ):
        return OutOfMemoryError(
            "out of memory\nlower run.batch_size, run.eval_batch_size or run.resident_mb, "
            "or choose a smaller backbone"
        )
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return DiskError(
            f"{error.strerror}: {error.filename or 'a file of the run'}\n"
            "free some space and continue with run.resume=<run folder>"
        )
    return error


def run_workers(config: Config, folder: Path, world: int) -> Result:
    """Run one process a rank by torch's elastic launcher; the first failure ends them all.

    Returns:
        The result of rank 0.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    report = folder / "worker_error.json"
    report.unlink(missing_ok=True)
    settings = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=world,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        run_id=folder.name,
        max_restarts=0,
        monitor_interval=0.1,
        start_method="spawn",
        logs_specs=DefaultLogsSpecs(),
    )
    try:
        results = elastic_launch(settings, worker)(config, str(folder))
    except SignalException as error:
        raise StopSignal(int(error.sigval)) from error
    except ChildFailedError as error:
        raise worker_error(report) or error from error
    result: Result = results[0]
    return result


def worker(config: Config, folder: str) -> Result:
    """One rank of a run with several; what goes wrong is reported to the parent in a file."""
    threading.Thread(target=stop_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    run = config["run"]
    on_gpu = torch.cuda.is_available() and run["device"] != "cpu"
    try:
        torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
        try:
            return run_here(config, Path(folder), rank, world)
        finally:
            torch.distributed.destroy_process_group()
    except BaseException as error:
        failure = translated(error)
        report = Path(folder) / "worker_error.json"
        if isinstance(failure, TranslearnError | StopSignal):
            record = {
                "type": type(failure).__name__,
                "message": str(failure),
                "number": getattr(failure, "number", 0),
            }
            with open(report, "x") as file:  # the first failure is the cause
                json.dump(record, file)
        raise
    finally:
        # torch now waits for the parent to take the result, and must still be ended by its death
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def worker_error(report: Path) -> BaseException | None:
    """The error that a worker reported, or None if it died without a word."""
    try:
        record = json.loads(report.read_text())
        report.unlink()
    except (OSError, ValueError):
        return None
    if record["type"] == "StopSignal":
        return StopSignal(record["number"])
    return ERRORS.get(record["type"], TranslearnError)(record["message"])
