"""Run a job here, or on N worker processes, and record how it ended."""

import json
import logging
import os
import random
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from translearn import __version__
from translearn.backbones.base import Backbone
from translearn.checkpoint import load as load_checkpoint
from translearn.config import Config, RunConfig, build, check, differences
from translearn.data.augment import Augment
from translearn.data.domain import DataSource, TaskSet, TrainView
from translearn.data.loaders import Preparation, make_resident
from translearn.engine import Job, Progress, check_selection, phase_settings, run_method
from translearn.errors import (
    ERRORS,
    CheckpointError,
    ConfigError,
    DiskError,
    OutOfMemoryError,
    StopSignal,
    TranslearnError,
)
from translearn.evaluate import Judge
from translearn.methods.base import Method, quadrant
from translearn.results import environment, peak_memory_mb, write_model, write_result
from translearn.runtime import Runtime, stable_seed
from translearn.stop import Stop

log = logging.getLogger(__name__)


def launch(config: Config, folder: Path) -> dict[str, Any]:
    """Run ``config`` in ``folder`` to its end; result.json is written however it ends.

    Returns:
        The result.

    Raises:
        TranslearnError: the run failed for a reason that the message tells.
        StopSignal: SIGINT or SIGTERM arrived.
    """
    started = time.time()
    with locked(folder):
        (folder / "result.json").unlink(missing_ok=True)
        try:
            world = int(config["run"]["gpus"])
            result = work(config, folder) if world == 1 else run_workers(config, folder, world)
        except BaseException as error:
            failure = translated(error)
            write_failure(config, folder, failure)
            if failure is error:
                raise
            raise failure from error
        result = {**result, "elapsed_seconds": time.time() - started}
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
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise CheckpointError(f"another process is running in {folder}; wait, or stop it") from error


def work(config: Config, folder: Path, rank: int = 0, world: int = 1) -> dict[str, Any]:
    """Build every part of a run, train, score, and write the model: one rank's work.

    Returns:
        The result on rank 0.
    """
    run = RunConfig.of(config["run"])
    check("data", config["data"], DataSource, ["root", "download"])
    check("backbone", config["backbone"], Backbone, ["input_shape"])
    check("augment", config["augment"], Augment, ["size"])
    check("method", config["method"], Method, ["backbone", "tasks"])
    phase_runs = phase_settings(run, config["method"]["phases"])

    stop = Stop()
    stop.listen()
    check_continues(config, folder, run)
    runtime = Runtime.start(run, rank, world)
    seed = int(config["seed"])
    torch.manual_seed(stable_seed(seed, "start"))
    random.seed(seed)
    np.random.seed(seed % 2**32)

    source = build(config["data"], DataSource, root=os.path.expanduser(config["data_root"]))
    tasks = source.load()
    backbone = build(config["backbone"], Backbone, input_shape=tasks.input_shape)
    classes = {task: domain.classes for task, domain in tasks.tasks.items()}
    method = build(config["method"], Method, backbone=backbone, tasks=classes)
    method.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
    prepare = Preparation(tasks.input_shape, backbone.mean, backbone.std, runtime)
    budget = run.resident_mb * 2**20
    judge = Judge(tasks, prepare, runtime, run.eval_batch_size, budget, run.workers)
    check_selection(run, type(method), judge)
    job = Job(
        method=method,
        view=resident_view(TrainView.of(tasks, method.access), budget, run.workers),
        judge=judge,
        prepare=prepare,
        augment=build(config["augment"], Augment, size=tasks.input_shape[1]).to(runtime.device),
        run=run,
        phase_runs=phase_runs,
        runtime=runtime,
        seed=seed,
        folder=folder,
        config=config,
        stop=stop,
    )
    progress, phases, metrics = run_method(job)
    if rank == 0:
        write_model(folder, method.state_dict(), classes, tasks.input_shape)
    return success(job, tasks, progress, phases, metrics)


def resident_view(view: TrainView, budget: int, workers: int) -> TrainView:
    """The same view, with the files that fit in ``budget`` bytes decoded."""
    return view.map_images(lambda images: make_resident(images, budget, workers))


def check_continues(config: Config, folder: Path, run: RunConfig) -> None:
    """Refuse a checkpoint of another config, version or thread count.

    Raises:
        CheckpointError: naming the differences.
    """
    state = load_checkpoint(folder / "checkpoints")
    if state is None:
        return
    changed = differences(state["config"], config)
    if state["version"] != __version__:
        changed.append(f"translearn: {state['version']} -> {__version__}")
    if state["torch"] != torch.__version__:
        changed.append(f"torch: {state['torch']} -> {torch.__version__}")
    if run.threads is None:
        run.threads = int(state["threads"])  # what null meant when the run began
    if changed:
        raise CheckpointError(refusal(folder, changed))


def refusal(folder: Path, changed: list[str]) -> str:
    """The message for a run that cannot be continued."""
    shown = "\n".join(f"  {line}" for line in changed[:3])
    more = f"\n  and {len(changed) - 3} more" if len(changed) > 3 else ""
    return (
        f"{folder} cannot be continued: it was made with another configuration\n{shown}{more}\n"
        "give the same options, or start a new run without run.resume"
    )


def description(config: Config) -> dict[str, Any]:
    """The part of a result that the config alone decides."""
    return {
        "method": config["method"].get("name"),
        "data": config["data"].get("name"),
        "backbone": config["backbone"].get("name"),
        "augment": config["augment"].get("name"),
        "seed": config["seed"],
        "overrides": config.get("overrides", []),
        "experiment": config.get("experiment"),
        "selection": str(config["run"]["select"]),
        "oracle": config["run"]["select"] == "oracle",
        "label_budget": config["data"].get("target_labels_per_class"),
    }


def success(
    job: Job,
    tasks: TaskSet,
    progress: Progress,
    phases: list[dict[str, Any]],
    metrics: Mapping[str, float],
) -> dict[str, Any]:
    """The result of a run that came to its end."""
    headline = "target/test/accuracy"
    per_class = {
        task: per_class_accuracy(job, task)
        for task in tasks.tasks
        if job.judge.has(task, "test")
    }
    return {
        "status": "done",
        "exit_code": 0,
        "reason": None,
        **description(job.config),
        "data": tasks.name,
        "quadrant": quadrant(type(job.method)),
        "protocol": tasks.protocol,
        "metrics": dict(metrics),
        "headline": headline if headline in metrics else None,
        "per_class": per_class,
        "phases": phases,
        "steps": progress.steps,
        "samples": progress.samples,
        "selected_step": progress.best_step if progress.best_step >= 0 else progress.steps,
        "train_seconds": progress.seconds,
        "train_core_seconds": progress.core_seconds,
        "samples_per_second": progress.samples / max(progress.seconds, 1e-9),
        "peak_memory_mb": peak_memory_mb(job.runtime.device),
        "precision": job.runtime.precision,
        "deterministic": job.runtime.device.type == "cpu" or job.run.deterministic,
        "warnings": progress.warnings,
        "environment": environment(job.runtime),
    }


def per_class_accuracy(job: Job, task: str) -> dict[str, float]:
    """Test accuracy of each class that occurs in the test split."""
    confusion = job.judge.confusion(job.method, task, "test")
    names = job.method.tasks[task]
    counts, right = confusion.sum(dim=1).tolist(), confusion.diagonal().tolist()
    return {n: r / c for n, r, c in zip(names, right, counts, strict=True) if c}


def write_failure(config: Config, folder: Path, error: BaseException) -> None:
    """Record a run that did not come to its end; a full disk must not hide the error itself."""
    interrupted = isinstance(error, StopSignal)
    result = {
        "status": "interrupted" if interrupted else "failed",
        "exit_code": getattr(error, "exit_code", 1),
        "reason": str(error) or type(error).__name__,
        **description(config),
        "metrics": {},
        "environment": environment(None),
    }
    try:
        if getattr(error, "exit_code", 1) == 1:
            (folder / "traceback.txt").write_text("".join(traceback.format_exception(error)))
        write_result(folder, result)
    except (OSError, DiskError) as second:
        log.warning("result.json could not be written: %s", second)


def translated(error: BaseException) -> BaseException:
    """Memory errors as ours, with what to change; KeyboardInterrupt as a stop; the rest as it is."""
    if isinstance(error, KeyboardInterrupt):
        return StopSignal(2)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return OutOfMemoryError(
            "out of memory\nlower run.batch_size, run.eval_batch_size or run.resident_mb, "
            "or choose a smaller backbone"
        )
    return error


def run_workers(config: Config, folder: Path, world: int) -> dict[str, Any]:
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
    result: dict[str, Any] = results[0]
    return result


def worker(config: Config, folder: str) -> dict[str, Any]:
    """One rank of a run with several; what goes wrong is reported to the parent in a file."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    run = config["run"]
    on_gpu = torch.cuda.is_available() and run["device"] != "cpu"
    try:
        torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
        try:
            return work(config, Path(folder), rank, world)
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


__all__ = ["ConfigError", "launch", "work"]
