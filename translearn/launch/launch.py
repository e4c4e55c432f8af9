"""Run a job here, or on N worker processes, and record how it ended."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import Timeout

from translearn.artifacts.folder import run_lock
from translearn.artifacts.result import Result, write_result
from translearn.config import Config
from translearn.engine.run import run_here
from translearn.errors import CheckpointError, StopSignal
from translearn.launch.failure import write_failure
from translearn.report.table import print_result
from translearn.system import signals, terminal
from translearn.system.problems import of_type
from translearn.system.quoting import continuing


def launch(config: Config, folder: Path) -> Result:
    """Run ``config`` in ``folder`` to its end; result.json is written however it ends.

    Returns:
        The result.

    Raises:
        TranslearnError: the run failed for a reason that the message tells.
        StopSignal: SIGINT, SIGTERM or SIGHUP arrived.
    """
    began = time.time()
    stop = signals.current()
    with locked(folder), stop.last_words_of(lambda error: write_failure(config, folder, error)):
        (folder / "result.json").unlink(missing_ok=True)
        try:
            world = int(config["run"]["gpus"])
            if world == 1:
                result = run_here(config, folder)
            else:
                from translearn.launch.ranks import run_ranks

                result = run_ranks(config, folder, world)
        except BaseException as error:
            failure = translated(error, folder)
            with stop.deferred():
                write_failure(config, folder, failure)
            if failure is error:
                raise
            raise failure from error
        warnings = list(dict.fromkeys([*result.warnings, *terminal.notices()]))
        result = replace(result, elapsed_seconds=time.time() - began, warnings=warnings)
        with stop.deferred():
            write_result(folder, result)
    return result


def tell(result: Result, folder: Path) -> None:
    """Print a result; what the terminal could not take is written to it."""
    print_result(result, folder)
    terminal.flush()
    told = [text for text in terminal.notices() if text not in result.warnings]
    if told:
        write_result(folder, replace(result, warnings=[*result.warnings, *told]))


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


def translated(error: BaseException, folder: Path | None = None) -> BaseException:
    """Errors of memory, the system and workers as ours; a KeyboardInterrupt is a stop."""
    if isinstance(error, KeyboardInterrupt):
        return StopSignal(2)
    return of_type(error, folder)


def way_on(folder: Path | None) -> str:
    """The line that says how to continue a run."""
    return "" if folder is None else f"\ncontinue with: {continuing(folder.absolute())}"
