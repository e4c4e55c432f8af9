"""The first real steps of a run, one scored batch of each split, its figures: for their cost."""

import sys
import time
from collections.abc import Mapping
from typing import Any

import torch

from translearn.data.access import Batch, Labelled
from translearn.engine.job import Job, Progress
from translearn.engine.judge import scores_of
from translearn.engine.loop import enter
from translearn.engine.run import success
from translearn.engine.step import TrainingStep
from translearn.methods.base import Phase
from translearn.runtime import Runtime

ENOUGH_STEPS = 4  # the first one warms up; the others are timed


ENOUGH_SECONDS = 5.0  # a slower step is not repeated: on it the warming up weighs little


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
