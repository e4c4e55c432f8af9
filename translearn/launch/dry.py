"""``run.dry=true``: what a run would do and cost, from its first real steps; nothing is kept."""

import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig

from translearn.config import Config, plain
from translearn.data.access import Batch, Labelled
from translearn.engine.build import build_run
from translearn.engine.environment import peak_memory_mb
from translearn.engine.job import Job, Progress
from translearn.engine.judge import scores_of
from translearn.engine.loop import enter
from translearn.engine.memory import refuse_large_batches
from translearn.engine.run import success
from translearn.engine.schedule import title
from translearn.engine.step import TrainingStep
from translearn.errors import ConfigError, TranslearnError
from translearn.launch.launch import translated
from translearn.methods.base import Phase
from translearn.metrics.choice import RULES
from translearn.runtime import Runtime
from translearn.system import signals

ENOUGH_STEPS = 4  # the first one warms up; the others are timed


ENOUGH_SECONDS = 5.0  # a slower step is not repeated: on it the warming up weighs little


MOST_CORE_HOURS = 10.0  # of a sweep: what a published table may cost


def try_out(configs: Sequence[DictConfig], sweep: bool) -> int:
    """Dry-run each config, one after the other; no folder is made.

    Returns:
        0; in a sweep 1 if a job would fail, whose error is printed while the others go on.

    Raises:
        ConfigError: a run is to be continued, or only some jobs are dry.
        TranslearnError: the one job would fail.
    """
    if not all(config.run.dry for config in configs):
        raise ConfigError("run.dry=true,false: a sweep is dry as a whole or not at all")
    if any(config.run.resume for config in configs):
        raise ConfigError("run.dry=true continues no run: leave out run.resume")
    failed, core_seconds = 0, []
    for number, config in enumerate(configs):
        try:
            estimate = dry_run(with_seed(config))
            core_seconds.append(estimate.core_seconds)
            print(("\n" if number else "") + estimate.report, flush=True)
        except TranslearnError as error:
            if not sweep:
                raise
            failed = 1
            print(f"error: job {number}: {error}", file=sys.stderr)
    if sweep:
        print("\n" + together(core_seconds))
    return failed


class Estimate(NamedTuple):
    """What a dry run tells of the run: its report, and the core-seconds that it takes."""

    report: str
    core_seconds: float


def together(core_seconds: Sequence[float]) -> str:
    """What these jobs take in all; above ``MOST_CORE_HOURS`` a warning, and what to do."""
    core_hours = sum(core_seconds) / 3600
    lines = [
        "all jobs together",
        line("jobs", len(core_seconds)),
        line("they take about", f"{core_hours:.2f} core-hours"),
    ]
    if core_hours > MOST_CORE_HOURS:
        lines.append(
            f"warning: that is more than {MOST_CORE_HOURS:g} core-hours\n"
            "take fewer seeds or options, lower run.source_samples, or choose a smaller backbone"
        )
    return "\n".join(lines)


def with_seed(config: DictConfig) -> Config:
    """The config as plain values, with any seed where ``seed=null`` leaves it open."""
    seeded = config.copy()
    seeded.seed = random.SystemRandom().randrange(2**31) if config.seed is None else config.seed
    return plain(seeded)


def dry_run(config: Config) -> Estimate:
    """Build all parts of a run, enter every phase, take its first steps, score and draw.

    Data, weights, batches and steps are those of the run itself; the scores are thrown away.

    Returns:
        The report, a line an entry, and what the run takes.

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


def measured(config: Config, folder: Path) -> Estimate:
    """A dry run whose files go into ``folder``."""
    start = time.perf_counter()
    job = build_run(config, folder, signals.current())
    built = time.perf_counter() - start
    refuse_large_batches(job)
    runtime = job.runtime
    lines = [
        f"dry run: method={config['method'].get('name')} data={job.tasks.name} "
        f"backbone={config['backbone'].get('name')} seed={job.seed}",
        line("computes", runtime.summary),
        line("data and model ready in", duration(built)),
    ]
    whole = job.extraction_seconds
    if whole:
        lines.append(line("features, computed once", duration(whole)))
    for phase in job.phases:
        seconds, about = first_steps(job, phase)
        whole += seconds
        lines += [f"phase {title(phase)}", *about]
    scoring, figures = rehearsed(job)
    where = "of the device" if runtime.device.type == "cuda" else "of the process"
    lines += [
        "the whole run",
        line("peak memory", f"{peak_memory_mb(runtime.device):,.0f} MiB {where}"),
        line("weights chosen by", f"{job.run.select}: {RULES[job.run.select].about}"),
        line("scored in training", scored(job, job.run.evaluate)),
        line("scored at the end", scored(job, ("val", "test"))),
        line("training takes about", duration(whole)),
        line("scoring takes about", duration(scoring)),
        line("figures take about", duration(figures) if job.run.figures else "none are drawn"),
    ]
    return Estimate("\n".join(lines), (whole + scoring + figures) * runtime.threads)


def rehearsed(job: Job) -> tuple[float, float]:
    """Score one batch of each split, and draw the figures: their memory counts, and they may fail.

    Returns:
        The seconds of scoring in the whole run, and those of the figures.
    """
    seconds, confusions = 0.0, {}
    for split in ("val", "test"):
        start = now(job.runtime)
        confusions = job.judge.confusions(job.method, split, limit=job.scoring_batch)
        scored = sum(int(one.sum()) for one in confusions.values())
        each = (now(job.runtime) - start) / max(1, scored)
        seconds += each * scored_images(job, split)
    start = now(job.runtime)
    if job.run.figures:
        draw(job, confusions)
    return seconds, now(job.runtime) - start


def scored_images(job: Job, split: str) -> int:
    """How many images of a split are scored in the whole run."""
    sizes = [
        job.judge.size(task, split)
        for task in job.method.tasks
        if job.judge.has(task, split) and job.method.predicts(task)
    ]
    phases = [phase for phase in job.phases if phase.steps]
    often = sum(job.phase_runs[phase.name].evaluations for phase in phases)
    while_training = often if split in job.run.evaluate else 0
    limit = job.run.eval_samples
    return sum(size + while_training * min(size, limit or size) for size in sizes)


def draw(job: Job, confusions: Mapping[str, torch.Tensor]) -> None:
    """Draw the figures of the run as it stands into its folder."""
    from translearn.engine.pictures import draw_figures  # matplotlib, only where it is wanted

    (job.folder / "metrics.jsonl").touch()
    metrics = scores_of(job.method, confusions, "test")
    result = success(job, job.tasks, Progress(), [], metrics, confusions)
    for failed in draw_figures(job, result, confusions, None):
        print(f"warning: {failed}", file=sys.stderr)


def first_steps(job: Job, phase: Phase) -> tuple[float, list[str]]:
    """Enter a phase and take its first steps.

    Returns:
        The seconds that the whole phase would take, and the lines about it.

    """
    start = time.perf_counter()
    enter(job, phase)
    if not phase.steps:
        entered = time.perf_counter() - start
        return entered, [line("steps", "none"), line("takes", duration(entered))]
    step = TrainingStep(job, phase)
    before = now(job.runtime) - start
    shapes = batch_lines(step.batch(0))
    times = [now(job.runtime)]
    for number in range(min(phase.steps, ENOUGH_STEPS)):
        step(number)
        times.append(now(job.runtime))
        if (times[-1] - times[0]) / (number + 1) > ENOUGH_SECONDS:
            break
    step.check_finite()
    taken = len(times) - 1
    timed = times[1:] if taken > 1 else times
    seconds = (timed[-1] - timed[0]) / (len(timed) - 1)
    parameters = list(job.method.parameters())
    learned = sum(p.numel() for p in parameters if p.requires_grad)
    whole = before + seconds * phase.steps
    return whole, [
        *shapes,
        line("parameters", f"{learned:,} learned of {sum(p.numel() for p in parameters):,}"),
        line("before its steps", duration(before)),
        line("steps", f"{phase.steps:,}, {duration(seconds)} each ({taken} were taken)"),
        line("takes", duration(whole)),
    ]


def now(runtime: Runtime) -> float:
    """The time at which the device has done all that was asked of it."""
    if runtime.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def batch_lines(batch: Mapping[str, Batch]) -> list[str]:
    """A line for each stream: its shape, and whether it has labels."""
    kinds = {n: "labelled" if isinstance(b, Labelled) else "unlabelled" for n, b in batch.items()}
    return [line(f"batch of {n}", f"{tuple(b.x.shape)} {kinds[n]}") for n, b in batch.items()]


def scored(job: Job, splits: Any) -> str:
    """The splits that have labels to score them with, for the tasks that the method predicts."""
    names = [
        f"{task}/{split}"
        for split in splits
        for task in job.method.tasks
        if job.judge.has(task, split) and job.method.predicts(task)
    ]
    return ", ".join(names) or "nothing"


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
