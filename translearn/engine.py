"""The phases of a run and the one training loop."""

import dataclasses
import logging
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from translearn import __version__, checkpoint
from translearn.config import Config, RunConfig, Select
from translearn.data.augment import Augment, Draw
from translearn.data.domain import TrainView
from translearn.data.loaders import Preparation, TrainingStream, make_stream
from translearn.errors import ConfigError, StopSignal
from translearn.evaluate import Judge
from translearn.methods.base import Budget, Method, Phase, learners
from translearn.results import MetricsLog
from translearn.runtime import Runtime, stable_seed
from translearn.stop import Stop
from translearn.training import (
    Average,
    Finite,
    clip_gradients,
    make_optimizer,
    rate_factor,
    set_rates,
)

log = logging.getLogger(__name__)

SELECTED_METRIC = {
    Select.source_val: "source/val/accuracy",
    Select.target_val: "target/val/accuracy",
    Select.oracle: "target/test/accuracy",
}
ADVICE_AFTER = 3  # bad log points in a row


@dataclass
class Progress:
    """Where a run stands: everything a checkpoint holds besides weights and optimizer."""

    phase: int = 0
    step: int = 0
    entered: bool = False
    steps: int = 0
    samples: int = 0
    seconds: float = 0.0
    core_seconds: float = 0.0
    log_offset: int = 0
    best_score: float = -math.inf
    best_step: int = -1
    bad_points: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass
class Job:
    """All parts of one run, built and ready."""

    method: Method
    view: TrainView
    judge: Judge
    prepare: Preparation
    augment: Augment
    run: RunConfig
    phase_runs: Mapping[str, RunConfig]
    runtime: Runtime
    seed: int
    folder: Path
    config: Config
    stop: Stop

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints of this run lie."""
        return self.folder / "checkpoints"

    @property
    def first_rank(self) -> bool:
        """Whether this process writes files and messages."""
        return self.runtime.rank == 0


def run_method(job: Job) -> tuple[Progress, list[dict[str, Any]], dict[str, float]]:
    """Run every phase, from the checkpoint if there is one, and score the result.

    Returns:
        The progress made, a record of each phase, and the final metrics. ``job.method`` then holds
        the weights that the metrics report.
    """
    state = checkpoint.load(job.checkpoints)
    if job.first_rank:
        checkpoint.tidy(job.checkpoints)
    progress = Progress(**state["progress"]) if state else Progress()
    if state:
        job.method.load_state_dict(state["method"])
        job.method.kept = {k: v.to(job.runtime.device) for k, v in state["kept"].items()}
        log.info("continuing at step %d of phase %d", progress.step, progress.phase + 1)
    metrics_log = MetricsLog(job.folder / "metrics.jsonl", progress.log_offset, job.first_rank)
    batch_sizes = {name: run.batch_size for name, run in job.phase_runs.items()}
    phases = job.method.phases(Budget(job.run.samples, batch_sizes, job.run.max_steps))
    for number, phase in enumerate(phases):
        if number >= progress.phase:
            fit(job, phase, progress, metrics_log, state)
            state = None
            progress.phase, progress.step, progress.entered = number + 1, 0, False
    if job.run.select is not Select.last:
        best = checkpoint.load(job.checkpoints, ("best",))
        assert best is not None
        job.method.load_state_dict(best["method"])
    metrics = {**job.judge.score(job.method, "val"), **job.judge.score(job.method, "test")}
    metrics_log.write(phase="end", step=progress.steps, **metrics)
    record = [{"name": p.name, "steps": p.steps, "learn": list(p.learn)} for p in phases]
    return progress, record, metrics


def fit(
    job: Job,
    phase: Phase,
    progress: Progress,
    metrics_log: MetricsLog,
    state: checkpoint.State | None,
) -> None:
    """The training loop: runs ``phase`` from ``progress.step`` to its end.

    Afterwards ``job.method`` holds the averaged weights.

    Raises:
        NonFiniteError: a loss or gradient norm is not finite; nothing non-finite was saved.
        StopSignal: a signal arrived; the state is saved.
    """
    run, runtime, method = job.phase_runs[phase.name], job.runtime, job.method
    if not progress.entered:
        method.enter(phase, job.view)
        progress.entered = True
    method.requires_grad_(False)
    for module in learners(method, phase.learn):
        module.requires_grad_(True)
    streams = make_streams(job, phase, run)
    optimizer = make_optimizer(method.param_groups(run.lr), run)
    average = Average(method, run.ema)
    finite = Finite(runtime.device)
    window: dict[str, Tensor] = {}
    if state:
        optimizer.load_state_dict(state["optimizer"])
        average.copy.load_state_dict(state["average"])
        window = {name: value.to(runtime.device) for name, value in state["window"].items()}
    parameters = [parameter for parameter in method.parameters() if parameter.requires_grad]
    model: Any = runtime.wrap(method)
    if run.compile:
        model = torch.compile(model)
    draws = torch.Generator(device=runtime.device)
    saver = Saver(job, progress, metrics_log, finite)
    if not state:
        saver.save(phase, optimizer, average, window)
    evaluate_every = max(1, math.ceil(phase.steps / run.evaluations))
    images = run.batch_size * len(streams)
    bar = tqdm(
        total=phase.steps,
        initial=progress.step,
        desc=phase.name,
        unit="step",
        disable=not job.first_rank,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,
        dynamic_ncols=True,
    )
    shown: dict[str, str] = {}
    method.train()
    clock = Clock(progress, runtime)
    for step in range(progress.step, phase.steps):
        share = step / phase.steps
        draw = Draw(draws.manual_seed(stable_seed(job.seed, phase.name, step)), run.batch_size,
                    runtime.rows(run.batch_size))
        torch.manual_seed(stable_seed(job.seed, phase.name, step, runtime.rank))
        batch = {name: stream.batch(step, draw) for name, stream in streams.items()}
        with runtime.autocast():
            terms: dict[str, Tensor] = model(phase.name, batch, share)
        torch.stack(list(terms.values())).sum().backward()
        norm = clip_gradients(parameters, run.clip)
        finite.watch(terms, norm, phase.name, step)
        set_rates(optimizer, rate_factor(run, share))
        optimizer.step()
        optimizer.zero_grad()
        average.update(step)
        for name, term in terms.items():
            window[name] = window[name] + term.detach() if name in window else term.detach()
        progress.step += 1
        progress.steps += 1
        progress.samples += images
        bar.update()

        last = progress.step == phase.steps
        log_now = progress.step % run.log_every == 0 or last
        if log_now:
            clock.pause()
            finite.check(phase.name, step)
            shown |= write_log_point(job, phase, progress, metrics_log, window, optimizer)
            window = {}
            bar.set_postfix(shown)
            clock.resume()
        if progress.step % evaluate_every == 0 and not last or last and needs_last(run):
            clock.pause()
            finite.check(phase.name, step)
            shown |= evaluate(job, run, phase, progress, metrics_log, average)
            bar.set_postfix(shown)
            clock.resume()
        stopped = runtime.any(job.stop.requested) if runtime.world == 1 or log_now else False
        if (saver.due() or stopped) and not last:
            clock.pause()
            saver.save(phase, optimizer, average, window)
            clock.resume()
            if stopped:
                bar.close()
                raise StopSignal(job.stop.number)
    clock.pause()
    bar.close()
    method.load_state_dict(average.read().state_dict())


def make_streams(job: Job, phase: Phase, run: RunConfig) -> dict[str, TrainingStream]:
    """The streams of a phase."""
    streams: dict[str, TrainingStream] = {}
    for name, stream in phase.streams.items():
        augment = job.augment if stream.domain in run.augment_tasks else None
        streams[name] = make_stream(
            job.view[stream.domain], name, phase.name, job.seed, run.batch_size,
            job.prepare, augment, job.runtime, run.workers,
        )  # fmt: skip
    return streams


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

    def __init__(self, job: Job, progress: Progress, metrics_log: MetricsLog, finite: Finite) -> None:
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
        if self.job.first_rank:
            self.progress.log_offset = self.metrics_log.offset
            method = self.job.method
            state = {
                "config": self.job.config,
                "version": __version__,
                "torch": torch.__version__,
                "threads": self.job.runtime.threads,
                "world": self.job.runtime.world,
                "progress": dataclasses.asdict(self.progress),
                "method": method.state_dict(),
                "kept": dict(method.kept),
                "optimizer": optimizer.state_dict(),
                "average": average.copy.state_dict(),
                "window": dict(window),
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
    count = (progress.step - 1) % run.log_every + 1
    means = {name: float(value) / count for name, value in window.items()}
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


def needs_last(run: RunConfig) -> bool:
    """Whether a rule wants a score after the last step too; the final metrics cover the rest."""
    return run.select is not Select.last


def evaluate(
    job: Job,
    run: RunConfig,
    phase: Phase,
    progress: Progress,
    metrics_log: MetricsLog,
    average: Average,
) -> dict[str, str]:
    """Score the averaged weights on the splits of ``run.evaluate`` and keep the best by ``run.select``.

    Returns:
        What the progress bar shows.
    """
    method = average.read()
    metrics: dict[str, float] = {}
    wanted = SELECTED_METRIC.get(run.select)
    for split in dict.fromkeys([*run.evaluate, *([wanted.split("/")[1]] if wanted else [])]):
        metrics |= job.judge.score(method, split, run.eval_samples)
    metrics_log.write(phase=phase.name, step=progress.step, samples=progress.samples,
                      seconds=progress.seconds, core_seconds=progress.core_seconds, **metrics)
    if wanted and metrics[wanted] > progress.best_score:
        progress.best_score, progress.best_step = metrics[wanted], progress.step
        if job.first_rank:
            checkpoint.save(job.checkpoints, {"method": method.state_dict()}, "best")
    shown = {k: v for k, v in metrics.items() if k.endswith("/accuracy")}
    return {k.replace("/accuracy", "").replace("/", "_"): f"{v:.3f}" for k, v in shown.items()}


def check_selection(run: RunConfig, method: type[Method], judge: Judge) -> None:
    """Refuse a selection rule whose labels the method may not use, or that do not exist.

    Raises:
        ConfigError: as said.
    """
    access = method.access
    refused = (run.select is Select.source_val and not access.source_labels) or (
        run.select is Select.target_val and not access.target_labels
    )
    if refused:
        raise ConfigError(
            f"run.select={run.select}: this method may not see those labels\n"
            "use run.select=last, or oracle to select on target test labels (the result says so)"
        )
    metric = SELECTED_METRIC.get(run.select)
    if metric and not judge.has(*metric.split("/")[:2]):
        raise ConfigError(f"run.select={run.select}: this data has no labels for {metric}")


def phase_settings(run: RunConfig, phases: Mapping[str, Mapping[str, Any]]) -> dict[str, RunConfig]:
    """``method.phases.<name>.*`` over ``run.*``, for each phase.

    Raises:
        ConfigError: a key is not a key of ``run``.
    """
    base = dataclasses.asdict(run)
    return {name: RunConfig.of({**base, **values}) for name, values in phases.items()}


def phase_names(phases: Sequence[Phase]) -> list[str]:
    """Names in order."""
    return [phase.name for phase in phases]
