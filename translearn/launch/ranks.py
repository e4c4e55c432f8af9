"""A run on several processes of this machine, its ranks, by torch's elastic launcher."""

import contextlib
import json
import logging
import os
import signal
import threading
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from translearn.artifacts.result import Result
from translearn.config import Config
from translearn.engine.run import run_here
from translearn.errors import ERRORS, LostError, StopSignal
from translearn.launch.launch import translated, way_on
from translearn.launch.sweep_process import death, stop_with_parent
from translearn.system import command, signals, terminal
from translearn.system.reading import json_value

REPORT = "worker_error.json"  # in the run folder: why the first rank failed


def run_ranks(config: Config, folder: Path, world: int) -> Result:
    """Run one process a rank by torch's elastic launcher; the first failure ends them all.

    Returns:
        The result of rank 0.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    report = folder / REPORT
    report.unlink(missing_ok=True)
    for name in ("torch.distributed.elastic", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # whole pages of what we say in a line
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")  # of one that outlives us
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
        # a rank that was killed makes the others fail too, in words of their own
        raise lost(error.failures, folder) or reported(report) or silent(folder) from error
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
        result = run_here(config, folder, rank, world)
        torch.distributed.destroy_process_group()
        return replace(result, warnings=[*result.warnings, *terminal.notices()])
    except BaseException as error:
        with signals.current().deferred():  # the launcher ends whoever is left by SIGTERM
            report_failure(translated(error, folder), folder)
            # an exception would be printed by each rank, and by the launcher once more
            command.leave(getattr(error, "exit_code", 1))
    finally:
        # torch now waits for the parent to take the result, and must still be ended by its death
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def report_failure(failure: BaseException, folder: Path) -> None:
    """Write why this rank ends for the parent to read; the first that does so is the cause."""
    record = {
        "type": type(failure).__name__,
        "message": str(failure),
        "number": getattr(failure, "number", 0),
        "rank": os.environ["RANK"],
        "traceback": "".join(traceback.format_exception(failure)),
    }
    with contextlib.suppress(OSError), open(folder / REPORT, "x", encoding="utf-8") as file:
        json.dump(record, file)


def lost(failures: Mapping[int, Any], folder: Path) -> LostError | None:
    """The error of a run of which something killed a rank, or None."""
    for rank, failure in failures.items():
        if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
            return LostError(
                f"rank {rank} (pid {failure.pid}) was lost: {death(failure.exitcode)}"
                + way_on(folder)
            )
    return None


def reported(report: Path) -> BaseException | None:
    """The error that a rank reported, or None if none did."""
    try:
        record = json_value(report)
        report.unlink()
    except (OSError, ValueError):
        return None
    if record["type"] == StopSignal.__name__:
        return StopSignal(record["number"])
    if record["type"] in ERRORS:
        return ERRORS[record["type"]](record["message"])
    error = RuntimeError(f"rank {record['rank']}: {record['type']}: {record['message']}")
    error.add_note(record["traceback"])
    return error


def silent(folder: Path) -> LostError:
    """The error of ranks that ended without a word."""
    return LostError("a rank ended without a word" + way_on(folder))
