"""A run on several processes of this machine, its ranks, by torch's elastic launcher."""

import contextlib
import json
import logging
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from translearn.artifacts.result import Result
from translearn.config import Config
from translearn.engine.run import run_here
from translearn.errors import ERRORS, LostError, StopSignal, TranslearnError
from translearn.launch.launch import translated, way_on
from translearn.launch.sweep_process import death, stop_with_parent
from translearn.system import signals, terminal


def run_ranks(config: Config, folder: Path, world: int) -> Result:
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
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # whole pages
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
        with signals.current().deferred():  # the launcher hands signals on, and waits for the ranks
            results = elastic_launch(settings, rank_process)(config, str(folder))
    except SignalException as error:
        raise StopSignal(int(error.sigval)) from error
    except ChildFailedError as error:
        raise reported(report) or lost_rank(error.failures, folder) from error
    result: Result = results[0]
    return result


def rank_process(config: Config, folder: str) -> Result:
    """One rank of a run with several; what goes wrong is reported to the parent in a file."""
    threading.Thread(target=stop_with_parent, daemon=True).start()
    with terminal.guarded(), signals.heard(watched=True):
        terminal.go_on_without()
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        return work_of_rank(config, Path(folder))


def work_of_rank(config: Config, folder: Path) -> Result:
    """One rank of a run, once it hears signals and its terminal is guarded."""
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    run = config["run"]
    on_gpu = torch.cuda.is_available() and run["device"] != "cpu"
    try:
        torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
        try:
            result = run_here(config, folder, rank, world)
            return replace(result, warnings=[*result.warnings, *terminal.notices()])
        finally:
            torch.distributed.destroy_process_group()
    except BaseException as error:
        failure = translated(error, folder)
        report = folder / "worker_error.json"
        if isinstance(failure, TranslearnError | StopSignal):
            record = {
                "type": type(failure).__name__,
                "message": str(failure),
                "number": getattr(failure, "number", 0),
            }
            with contextlib.suppress(OSError), open(report, "x") as file:  # the first is the cause
                json.dump(record, file)
        raise
    finally:
        # torch now waits for the parent to take the result, and must still be ended by its death
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def lost_rank(failures: Mapping[int, Any], folder: Path) -> LostError:
    """The error of a run of which a rank died; the others fail because of it, or are ended."""
    signalled = [rank for rank, one in failures.items() if one.exitcode < 0]
    killed = [rank for rank in signalled if failures[rank].exitcode != -signal.SIGTERM]
    rank = next(iter(killed or signalled or failures))
    first = failures[rank]
    return LostError(
        f"rank {rank} of {len(failures)} (pid {first.pid}) was lost: {death(first.exitcode)}"
        + way_on(folder)
    )


def reported(report: Path) -> BaseException | None:
    """The error that a worker reported, or None if it died without a word."""
    try:
        record = json.loads(report.read_text())
        report.unlink()
    except (OSError, ValueError):
        return None
    if record["type"] == "StopSignal":
        return StopSignal(record["number"])
    return ERRORS.get(record["type"], TranslearnError)(record["message"])
