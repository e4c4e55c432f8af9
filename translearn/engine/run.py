"""One run on one process: build every part, train, score, write the model, describe the result."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from translearn.artifacts.model import write_model
from translearn.artifacts.result import Result, started
from translearn.backbones.normalization import keeps_figures
from translearn.config import Config
from translearn.data.types import TaskSet
from translearn.engine.about import about
from translearn.engine.build import build_run
from translearn.engine.counts import split_counts
from translearn.engine.data_record import keep_record
from translearn.engine.environment import environment, peak_memory_mb
from translearn.engine.job import Job, Progress
from translearn.engine.loop import run_method
from translearn.engine.memory import refuse_large_batches
from translearn.engine.selection import objective, usable_rules
from translearn.methods.base import quadrant
from translearn.metrics.clusters import matched
from translearn.system import signals
from translearn.system.signals import Stop

log = logging.getLogger(__name__)


def run_here(config: Config, folder: Path, rank: int = 0, world: int = 1) -> Result:
    """Build every part of a run, train, score, and write the model: one rank's work.

    Returns:
        The result on rank 0.
    """
    with signals.heard() as stop:
        return run_listening(config, folder, stop, rank, world)


def run_listening(config: Config, folder: Path, stop: Stop, rank: int, world: int) -> Result:
    """The same, for a process that hears signals."""
    job = build_run(config, folder, stop, rank, world)
    run, tasks = job.run, job.tasks
    if rank == 0:
        log.info("%s", job.runtime.summary)
    refuse_large_batches(job)
    if job.data_record:
        keep_record(folder, job.data_record, config)
    with job.tracker:
        progress, phases, metrics, confusions, seen_unseen = run_method(job)
        if run.probe:
            from translearn.engine.probe import probe  # scikit-learn, only where it is wanted

            probed = probe(job)
            metrics = {**metrics, **probed}
            job.tracker.log(probed)
    if rank == 0:
        write_model(folder, job.method.state_dict(), about(job))
    result = success(job, tasks, progress, phases, metrics, confusions)
    if job.data_record:
        result = replace(
            result,
            data_fingerprint=job.data_record.fingerprint,
            data_places={key: known["sha256"] for key, known in job.data_record.places.items()},
        )
    if rank == 0 and run.figures:
        from translearn.engine.pictures import draw_figures  # matplotlib, only where it is wanted

        failed = draw_figures(job, result, confusions, seen_unseen)
        result = replace(result, warnings=[*result.warnings, *failed])
    return result


def success(
    job: Job,
    tasks: TaskSet,
    progress: Progress,
    phases: list[dict[str, Any]],
    metrics: Mapping[str, float],
    confusions: Mapping[str, Tensor],
) -> Result:
    """The result of a run that came to its end."""
    chosen = job.config["data"].get("headline") or job.method.answer(tasks.main_task).headline
    headline = job.method.headline or f"{tasks.main_task}/test/{chosen}"
    clusters = job.method.clusters
    per_class = {
        task: per_class_accuracy(matched(c) if clusters else c, job.method.tasks[task])
        for task, c in confusions.items()
    }
    rules = usable_rules(job.method, job.judge, job.view) if job.run.rules else ()
    sizes = {task: c.sum(dim=0).tolist() for task, c in confusions.items()} if clusters else {}
    return replace(
        started(job.config, "done"),
        data=tasks.name,
        pretrained=job.method.backbone.pretrained,
        quadrant=quadrant(job.method),
        protocol=tasks.protocol,
        references=references(job),
        metrics=dict(metrics),
        headline=headline if headline in metrics else None,
        objective=objective(job.run, job.method, tasks.main_task, metrics, progress.best_score),
        rules=[str(rule) for rule in rules],
        select_floor=job.run.select_floor,
        per_class=per_class,
        cluster_sizes=sizes,
        splits=split_counts(job.view, job.judge),
        phases=phases,
        steps=progress.steps,
        samples=progress.samples,
        source_samples=source_samples(job),
        selected_step=progress.best_step if progress.best_step >= 0 else progress.steps,
        train_seconds=progress.seconds,
        train_core_seconds=progress.core_seconds,
        samples_per_second=progress.samples / max(progress.seconds, 1e-9),
        peak_memory_mb=peak_memory_mb(job.runtime.device),
        precision=job.runtime.precision,
        precision_reason=job.runtime.precision_reason,
        deterministic=job.runtime.device.type == "cpu" or job.run.deterministic,
        files=files_of(job),
        warnings=[*tasks.notes, *progress.warnings, *job.method.notes(), *job.tracker.warnings],
        environment=environment(job.runtime),
    )


def files_of(job: Job) -> dict[str, Any]:
    """What was found in folders and read of files, by the place of the set or the task."""
    listings, read = job.tasks.listings, job.files
    return {
        name: {
            **(listings[name].record() if name in listings else {}),
            **(read[name].record() if name in read else {}),
        }
        for name in dict.fromkeys([*listings, *read])
    }


def source_samples(job: Job) -> int:
    """How many labelled source samples a run draws, in all its phases."""
    if not job.method.access.source_labels:
        return 0
    return sum(
        phase.steps * (stream.batch_size or job.phase_runs[phase.name].batch_size)
        for phase in job.phases
        for stream in phase.streams.values()
        if stream.domain == "source" and not stream.unlabelled
    )


def references(job: Job) -> list[str]:
    """The reference rows that a run of domain adaptation stands beside; none for other runs."""
    method, classes = job.method, job.method.tasks
    same = classes.get("source") == classes.get("target")
    if method.reference or not method.access.source_labels or not same:
        return []
    normalized = any(map(keeps_figures, method.backbone.modules()))
    scored = job.judge.has("target", "test") and job.tasks.protocol != "transductive"
    fits = {
        "source_only": True,
        "adabn": normalized,
        "frozen": method.backbone.pretrained,
        "target_only": scored,
    }
    return [name for name, here in fits.items() if here]


def per_class_accuracy(confusion: Tensor, names: Sequence[str]) -> dict[str, float]:
    """Test accuracy of each class that occurs in the test split."""
    counts, right = confusion.sum(dim=1).tolist(), confusion.diagonal().tolist()
    return {n: r / c for n, r, c in zip(names, right, counts, strict=True) if c}
