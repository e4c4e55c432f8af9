"""One run on one process: build every part, train, score, write the model, describe the result."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from translearn import __version__
from translearn.assembly import make_job
from translearn.backbones.base import Backbone
from translearn.checkpoint import load as load_checkpoint
from translearn.cluster_picture import draw_clusters
from translearn.cluster_scores import matched
from translearn.components import build, check
from translearn.config import Config, RunConfig, differences, fingerprint
from translearn.data.augment import Augment
from translearn.data.domain import DataSource, Images, TaskSet
from translearn.data.files import FileImages
from translearn.engine import run_method
from translearn.errors import ConfigError
from translearn.folders import refuse_differences
from translearn.job import Job, Progress, objective, phase_settings, usable_rules
from translearn.methods.base import Method, quadrant
from translearn.methods.source_model import check_same_cut
from translearn.results import environment, peak_memory_mb, write_model
from translearn.runtime import Runtime
from translearn.semantics.base import Semantics
from translearn.stop import Stop
from translearn.trackers import check_tracker

log = logging.getLogger(__name__)
METHOD_PARTS = ("backbone", "tasks", "input_shape", "input_shapes", "semantics")


def work(config: Config, folder: Path, rank: int = 0, world: int = 1) -> dict[str, Any]:
    """Build every part of a run, train, score, and write the model: one rank's work.

    Returns:
        The result on rank 0.
    """
    job, tasks = prepare_run(config, folder, Stop(), rank, world)
    run = job.run
    if rank == 0:
        log.info("%s", job.runtime.summary)
    with job.tracker:
        progress, phases, metrics, confusions = run_method(job)
        if rank == 0 and run.probe:
            from translearn.probe import probe  # scikit-learn, only where it is wanted

            probed = probe(job, tasks)
            metrics = {**metrics, **probed}
            job.tracker.log(probed)
    if rank == 0:
        if job.method.clusters:
            draw_clusters(job)
        about = {**about_model(tasks), **job.method.about()}
        write_model(folder, job.method.state_dict(), about)
    result = success(job, tasks, progress, phases, metrics, confusions)
    if rank == 0 and run.figures:
        from translearn.report.evidence import draw_figures  # matplotlib, only where it is wanted

        result["warnings"] += draw_figures(job, result, confusions, tasks.main_task)
    return result


def prepare_run(
    config: Config, folder: Path, stop: Stop, rank: int = 0, world: int = 1
) -> tuple[Job, TaskSet]:
    """Check a config, load its data and build every part; ``stop`` listens from here on.

    Raises:
        ConfigError: the parts do not exist, or do not fit each other.
        DataError: the data is missing or broken.
    """
    run = RunConfig.of(config["run"])
    check_tracker(run.tracker)
    check("data", config["data"], DataSource, ["root", "download"])
    check("backbone", config["backbone"], Backbone, ["input_shape"])
    check("augment", config["augment"], Augment, ["size"])
    check("views", config["views"], Augment, ["size"])
    check("method", config["method"], Method, METHOD_PARTS)
    if config["method"].get("init"):
        check_same_cut(config["method"]["init"], config["data"].get("split_seed"))
    if config.get("semantics"):
        check("semantics", config["semantics"], Semantics, ["root"])
    for settings in phase_settings(run, config["method"]["phases"]).values():
        if settings.batch_size % world:
            raise ConfigError(
                f"run.batch_size={settings.batch_size} cannot be shared by run.gpus={world}: "
                f"choose a multiple of {world}"
            )

    stop.listen()
    check_continues(config, folder, run)
    source = build(config["data"], DataSource, root=os.path.expanduser(config["data_root"]))
    runtime = Runtime.start(run, rank, world)
    tasks = source.load()
    return make_job(config, run, tasks, runtime, folder, stop), tasks


def about_model(tasks: TaskSet) -> dict[str, Any]:
    """What prediction needs to know besides config and weights."""
    inputs = {
        task: {
            "kind": str(domain.kind),
            "shape": list(tasks.shape(task)),
            "stored_size": stored_size(domain.train.x),
        }
        for task, domain in tasks.tasks.items()
    }
    return {
        "tasks": {task: list(domain.classes) for task, domain in tasks.tasks.items()},
        "input_shape": list(tasks.input_shape),
        "inputs": inputs,
        "main_task": tasks.main_task,
    }


def stored_size(images: Images) -> int:
    """Length of the last axis of samples as they are kept: the edge of images before the crop."""
    return images.size if isinstance(images, FileImages) else int(images.shape[-1])


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
    refuse_differences(folder, changed)


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
        "fingerprint": fingerprint(config),
    }


def success(
    job: Job,
    tasks: TaskSet,
    progress: Progress,
    phases: list[dict[str, Any]],
    metrics: Mapping[str, float],
    confusions: Mapping[str, Tensor],
) -> dict[str, Any]:
    """The result of a run that came to its end."""
    headline = job.method.headline or f"{tasks.main_task}/test/accuracy"
    clusters = job.method.clusters
    per_class = {
        task: per_class_accuracy(matched(c) if clusters else c, job.method.tasks[task])
        for task, c in confusions.items()
    }
    sizes = {task: c.sum(dim=0).tolist() for task, c in confusions.items()}
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
        "objective": objective(
            job.run, type(job.method), tasks.main_task, metrics, progress.best_score
        ),
        "rules": usable_rules(type(job.method), job.judge, job.view) if job.run.rules else [],
        "select_floor": job.run.select_floor,
        "per_class": per_class,
        **({"cluster_sizes": sizes} if clusters else {}),
        "phases": phases,
        "steps": progress.steps,
        "samples": progress.samples,
        "selected_step": progress.best_step if progress.best_step >= 0 else progress.steps,
        "train_seconds": progress.seconds,
        "train_core_seconds": progress.core_seconds,
        "samples_per_second": progress.samples / max(progress.seconds, 1e-9),
        "peak_memory_mb": peak_memory_mb(job.runtime.device),
        "precision": job.runtime.precision,
        "precision_reason": job.runtime.precision_reason,
        "deterministic": job.runtime.device.type == "cpu" or job.run.deterministic,
        "warnings": [*progress.warnings, *job.method.notes(), *job.tracker.warnings],
        "environment": environment(job.runtime),
    }


def per_class_accuracy(confusion: Tensor, names: Sequence[str]) -> dict[str, float]:
    """Test accuracy of each class that occurs in the test split."""
    counts, right = confusion.sum(dim=1).tolist(), confusion.diagonal().tolist()
    return {n: r / c for n, r, c in zip(names, right, counts, strict=True) if c}
