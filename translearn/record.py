"""What the loop does besides training: clock, checkpoints, log points, scores."""

import dataclasses
import sys
import time
from collections.abc import Mapping

import torch
from torch import Tensor
from tqdm import tqdm

from translearn import __version__, checkpoint
from translearn.config import RunConfig, Select
from translearn.evaluate import accuracies
from translearn.job import Job, Progress
from translearn.methods.base import Phase
from translearn.results import MetricsLog
from translearn.rule_scores import label_free_scores, splits_of_rules
from translearn.runtime import Runtime
from translearn.selection import chooses
from translearn.training import Average, Finite
from translearn.zeroshot_scores import draw_curve

ADVICE_AFTER = 3  # bad log points in a row


class Clock:
    """Adds training time to the progress: wall seconds and this process's CPU seconds."""

    def __init__(self, progress: Progress, runtime: Runtime) -> None:
        self.progress, self.cuda = progress, runtime.device.type == "cuda"
        self.resume()

    def resume(self) -> None:
        """Start counting."""
        self._wall, self._cores = time.perf_counter(), time.process_time()

    def pause(self) -> None:
        """Stop counting, once the device has caught up."""
        if self.cuda:
            torch.cuda.synchronize()
        self.progress.seconds += time.perf_counter() - self._wall
        self.progress.core_seconds += time.process_time() - self._cores


class Saver:
    """Saves ``last.pt`` on rank 0, every ``run.save_seconds``."""

    def __init__(
        self, job: Job, progress: Progress, metrics_log: MetricsLog, finite: Finite
    ) -> None:
        self.job, self.progress, self.metrics_log, self.finite = job, progress, metrics_log, finite
        self._time = time.monotonic()

    def due(self) -> bool:
        """Whether it is time."""
        waited = time.monotonic() - self._time
        return self.job.first_rank and waited >= self.job.run.save_seconds

    def save(
        self,
        phase: Phase,
        optimizer: torch.optim.Optimizer,
        average: Average,
        window: Mapping[str, Tensor],
    ) -> None:
        """Write the checkpoint, unless something in it is not finite."""
        self.finite.check(phase.name, self.progress.step)
        self._time = time.monotonic()
        windows = {name: self.job.runtime.gather(total) for name, total in window.items()}
        if self.job.first_rank:
            self.progress.log_offset = self.metrics_log.offset
            method = self.job.method
            state = {
                "config": self.job.config,
                "version": __version__,
                "torch": str(torch.__version__),
                "threads": self.job.runtime.threads,
                "world": self.job.runtime.world,
                "progress": dataclasses.asdict(self.progress),
                "method": method.state_dict(),
                "kept": dict(method.kept),
                "optimizer": optimizer.state_dict(),
                "average": average.copy.state_dict(),
                "windows": windows,
            }
            checkpoint.save(self.job.checkpoints, state)


def write_log_point(
    job: Job,
    phase: Phase,
    progress: Progress,
    metrics_log: MetricsLog,
    window: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> dict[str, str]:
    """Write the mean loss terms since the last log point, the rate and the method's health.

    Returns:
        What the progress bar shows.
    """
    run = job.phase_runs[phase.name]
    count = ((progress.step - 1) % run.log_every + 1) * job.runtime.world
    totals = job.runtime.sum(torch.stack(list(window.values())))
    means = dict(zip(window, (totals / count).tolist(), strict=True))
    health = job.method.health()
    metrics_log.write(
        phase=phase.name,
        step=progress.step,
        samples=progress.samples,
        seconds=progress.seconds,
        core_seconds=progress.core_seconds,
        lr=max(group["lr"] for group in optimizer.param_groups),
        **{f"loss/{name}": value for name, value in means.items()},
        **{f"health/{name}": value for name, value in health.items()},
    )
    advice = job.method.advice(health)
    progress.bad_points = progress.bad_points + 1 if advice else 0
    if advice and progress.bad_points >= ADVICE_AFTER and advice not in progress.warnings:
        progress.warnings.append(advice)
        if job.first_rank:
            tqdm.write(f"warning: {advice}", file=sys.stderr)
    figures = {**means, **{k: v for k, v in health.items() if k != "feature_std"}}
    return {name.replace("_accuracy", "_acc"): f"{value:.3f}" for name, value in figures.items()}


def score_after(job: Job, phase: Phase, progress: Progress, metrics_log: MetricsLog) -> None:
    """Keep the test accuracies that ``phase.score_after`` wants for the result.

    The judge computes them once the phase has ended; nothing is chosen by them.
    """
    before: dict[str, float] = {}
    for task in phase.score_after:
        if job.judge.has(task, "test"):
            confusion = job.judge.confusion(job.method, task, "test")
            scores = accuracies({task: confusion}, "test")
            before[f"{task}/test/accuracy_before"] = scores[f"{task}/test/accuracy"]
    progress.before |= before
    if before:
        metrics_log.write(phase=phase.name, step=progress.step, **before)


def score_unseen(job: Job) -> dict[str, float]:
    """The zero-shot figures, their curve drawn to ``figures/seen_unseen.png``; else nothing."""
    metrics, both = job.judge.zero_shot(job.method)
    if both is not None and job.first_rank:
        path = job.folder / "figures" / "seen_unseen.png"
        draw_curve(both, metrics["gzsl/gamma"], path)
    return metrics


def needs_last(run: RunConfig) -> bool:
    """Whether a rule wants a score after the last step too; the final metrics cover the rest."""
    return run.rules or run.select is not Select.last


def evaluate(
    job: Job,
    run: RunConfig,
    phase: Phase,
    progress: Progress,
    metrics_log: MetricsLog,
    average: Average,
) -> dict[str, str]:
    """Score the averaged weights on ``run.evaluate`` and keep the best by ``run.select``.

    Returns:
        What the progress bar shows.
    """
    method = average.read()
    job.runtime.share_buffers(method)
    metrics: dict[str, float] = {}
    for split in dict.fromkeys([*run.evaluate, *splits_of_rules(run)]):
        metrics |= job.judge.score(method, split, run.eval_samples)
    metrics |= label_free_scores(job, run, method)
    metrics_log.write(
        phase=phase.name,
        step=progress.step,
        samples=progress.samples,
        seconds=progress.seconds,
        core_seconds=progress.core_seconds,
        **metrics,
    )
    replaces = run.select is not Select.last and chooses(
        run.select, metrics, progress.step, run.select_floor, progress
    )
    if replaces and job.first_rank:
        checkpoint.save(job.checkpoints, {"method": method.state_dict()}, "best")
    shown = {k: v for k, v in metrics.items() if k.endswith("/accuracy")}
    return {k.replace("/accuracy", "").replace("/", "_"): f"{v:.3f}" for k, v in shown.items()}
