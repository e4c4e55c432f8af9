"""``run.dry=true``: what a run would do and cost, from its first real steps; nothing is kept."""

import random
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from torch import nn

from translearn.artifacts.metrics_log import MetricsLog
from translearn.artifacts.result import peak_memory_mb
from translearn.config import Config, plain
from translearn.data.access import Batch, Labelled
from translearn.engine.build import prepare_run
from translearn.engine.job import Job, Progress
from translearn.engine.loop import fit
from translearn.engine.stop import Stop
from translearn.errors import ConfigError, StopSignal, TranslearnError
from translearn.launch.launch import translated
from translearn.methods.base import Phase
from translearn.runtime import Runtime

ENOUGH_STEPS = 4  # the first one warms up; the others are timed


ENOUGH_SECONDS = 5.0  # a slower step is not repeated: on it the warming up weighs little


RULES = {
    "last": "the weights after the last step",
    "source_val": "the best accuracy on the source's validation images",
    "target_val": "the best accuracy on the target's validation images",
    "oracle": "the best accuracy on the target's TEST images (an oracle, marked as such)",
}


def try_out(jobs: Sequence[DictConfig], sweep: bool) -> int:
    """Dry-run the jobs one after the other; no folder is made.

    Returns:
        0; in a sweep 1 if a job would fail, whose error is printed while the others go on.

    Raises:
        ConfigError: a run is to be continued, or only some jobs are dry.
        TranslearnError: the one job would fail.
    """
    if not all(job.run.dry for job in jobs):
        raise ConfigError("run.dry=true,false: a sweep is dry as a whole or not at all")
    if any(job.run.resume for job in jobs):
        raise ConfigError("run.dry=true continues no run: leave out run.resume")
    failed = 0
    for number, job in enumerate(jobs):
        if job.seed is None:
            job.seed = random.SystemRandom().randrange(2**31)
        try:
            print(("\n" if number else "") + dry_run(plain(job)), flush=True)
        except TranslearnError as error:
            if not sweep:
                raise
            failed = 1
            print(f"error: job {number}: {error}", file=sys.stderr)
    return failed


def dry_run(config: Config) -> str:
    """Build all parts of a run, enter every phase, take its first steps and score some images.

    Data, weights, batches and steps are those of the run itself; the scores are thrown away. What
    the loop saves goes into a temporary folder that is removed.

    Returns:
        The report, a line an entry.

    Raises:
        ConfigError: several processes are asked for, or as in a run.
        TranslearnError: the run would fail for this reason.
    """
    if int(config["run"]["gpus"]) != 1:
        raise ConfigError(
            f"run.dry=true measures one process, and run.gpus={config['run']['gpus']}\n"
            "add run.gpus=1; with N processes each takes 1/N of every batch"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="translearn-dry-") as folder:
            return measured(config, Path(folder))
    except Exception as error:
        raise translated(error) from error


def measured(config: Config, folder: Path) -> str:
    """The report of a dry run whose files go into ``folder``."""
    start = time.perf_counter()
    stop = StopEarly()
    job, tasks = prepare_run(config, folder, stop)
    stop.runtime = job.runtime
    built = time.perf_counter() - start
    for name, run in job.phase_runs.items():
        forever = replace(run, evaluations=1, save_seconds=float("inf"))
        job.phase_runs = {**job.phase_runs, name: forever}
    runtime = job.runtime
    lines = [
        f"dry run: method={config['method'].get('name')} data={tasks.name} "
        f"backbone={config['backbone'].get('name')} seed={job.seed}",
        line("computes", runtime.summary),
        line("data and model ready in", duration(built)),
    ]
    progress, whole = Progress(), 0.0
    log = MetricsLog(folder / "metrics.jsonl", 0, True)
    for number, phase in enumerate(job.method.phases(job.budget)):
        progress.phase, progress.step, progress.entered = number, 0, False
        seconds, about = first_steps(job, phase, progress, log, stop)
        whole += seconds
        lines += [f"phase {phase.name}", *about]
    for split in ("val", "test"):  # what only scoring would find out is found out here
        job.judge.confusions(job.method, split, limit=job.run.batch_size)
    where = "of the device" if runtime.device.type == "cuda" else "of the process"
    rule = str(job.run.select)
    lines += [
        "the whole run",
        line("peak memory", f"{peak_memory_mb(runtime.device):,.0f} MiB {where}"),
        line("weights chosen by", f"{rule}: {RULES.get(rule, 'a score without target labels')}"),
        line("scored in training", scored(job, job.run.evaluate)),
        line("scored at the end", scored(job, ("val", "test"))),
        line("training takes about", f"{duration(whole)}, evaluation and figures not counted"),
    ]
    return "\n".join(lines)


class StopEarly(Stop):
    """Stops each phase once enough of its steps are timed; signals stop it as ever.

    The loop asks for ``number`` once a step, when the step is done.
    """

    def __init__(self) -> None:
        self.signalled = 0  # the signal that really came
        self.runtime: Runtime | None = None
        self.times: list[float] = []  # when the phase was ready for steps, then after each step

    @property
    def number(self) -> int:
        """The signal that arrived, or SIGTERM when there are enough steps, else 0."""
        if self.signalled or self.runtime is None or not self.times:
            return self.signalled
        self.note_time()
        steps, spent = len(self.times) - 1, self.times[-1] - self.times[0]
        enough = steps >= ENOUGH_STEPS or spent / steps > ENOUGH_SECONDS
        return signal.SIGTERM if enough else 0

    @number.setter
    def number(self, value: int) -> None:
        self.signalled = value

    def note_time(self) -> None:
        """Remember the time at which the device has done all that was asked of it."""
        if self.runtime is not None and self.runtime.device.type == "cuda":
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())


def first_steps(
    job: Job, phase: Phase, progress: Progress, log: MetricsLog, stop: StopEarly
) -> tuple[float, list[str]]:
    """Enter a phase and take its first steps.

    Returns:
        The seconds that the whole phase would take, and the lines about it.
    """
    shapes: list[str] = []

    def look(method: nn.Module, arguments: tuple[Any, ...]) -> None:
        if not stop.times:
            shapes.extend(batch_lines(arguments[1]))
            stop.note_time()

    stop.times = []
    hook = job.method.register_forward_pre_hook(look)
    start = time.perf_counter()
    try:
        fit(job, phase, progress, log, None)
    except StopSignal:
        if stop.signalled:
            raise
    finally:
        hook.remove()
    if not phase.steps:
        entered = time.perf_counter() - start
        return entered, [line("steps", "none"), line("takes", duration(entered))]
    before, taken = stop.times[0] - start, len(stop.times) - 1
    timed = stop.times[1:] if taken > 1 else stop.times
    step = (timed[-1] - timed[0]) / (len(timed) - 1)
    parameters = list(job.method.parameters())
    learned = sum(p.numel() for p in parameters if p.requires_grad)
    whole = before + step * phase.steps
    return whole, [
        *shapes,
        line("parameters", f"{learned:,} learned of {sum(p.numel() for p in parameters):,}"),
        line("before its steps", duration(before)),
        line("steps", f"{phase.steps:,}, {duration(step)} each ({taken} were taken)"),
        line("takes", duration(whole)),
    ]


def batch_lines(batch: Mapping[str, Batch]) -> list[str]:
    """A line for each stream: its shape, and whether it has labels."""
    kinds = {n: "labelled" if isinstance(b, Labelled) else "unlabelled" for n, b in batch.items()}
    return [line(f"batch of {n}", f"{tuple(b.x.shape)} {kinds[n]}") for n, b in batch.items()]


def scored(job: Job, splits: Any) -> str:
    """The splits that have labels to score them with, for the tasks that the method predicts."""
    found = [
        f"{task}/{split}"
        for split in splits
        for task in job.method.tasks
        if job.judge.has(task, split) and job.method.predicts(task)
    ]
    return ", ".join(found) or "nothing"


def line(name: str, value: object) -> str:
    """A line of the report."""
    return f"  {name:<24}{value}"


def duration(seconds: float) -> str:
    """Seconds as people say them: ``12.3 ms``, ``4.5 s``, ``3 min 20 s``."""
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
