"""The phases of a run and the one training loop."""

import contextlib
import functools
import logging
import math
import sys
from typing import Any, NamedTuple

from torch import Tensor
from tqdm import tqdm

from translearn.artifacts import checkpoint
from translearn.artifacts.folder import of_a_run
from translearn.artifacts.metrics_log import MetricsLog
from translearn.config import Select
from translearn.engine.environment import continued_with, made_with, other_versions
from translearn.engine.job import Job, Progress
from translearn.engine.judge import scores_of
from translearn.engine.learners import learned
from translearn.engine.saving import Clock, Saver
from translearn.engine.schedule import title
from translearn.engine.scoring import (
    evaluate,
    label_free_scores,
    needs_last,
    score_after,
    write_log_point,
)
from translearn.engine.step import TrainingStep
from translearn.engine.streams import outputs
from translearn.engine.with_source import average_with_source, keep_source
from translearn.errors import StopSignal
from translearn.methods.base import Phase
from translearn.metrics.seen_unseen import SeenUnseen

log = logging.getLogger(__name__)


RANKS_AGREE_EVERY = 10  # steps between two moments when several ranks can save or stop together


class Trained(NamedTuple):
    """What ``run_method`` leaves.

    Attributes:
        progress: where the run stands at its end.
        phases: a record of each phase.
        metrics: of the final weights.
        confusions: test confusion of each task.
        seen_unseen: what a zero-shot method's curve is drawn from.
    """

    progress: Progress
    phases: list[dict[str, Any]]
    metrics: dict[str, float]
    confusions: dict[str, Tensor]
    seen_unseen: SeenUnseen | None


def run_method(job: Job) -> Trained:
    """Run every phase, from the checkpoint if there is one, and score the result.

    ``job.method`` then holds the weights that the metrics report.
    """
    state = checkpoint.load(job.checkpoints)
    if job.first_rank:
        checkpoint.tidy(job.checkpoints)
    progress = Progress()
    if state:
        with of_a_run(job.checkpoints):
            progress = Progress(**state["progress"])
            job.method.load_state_dict(state["method"])
            job.method.kept = {k: v.to(job.runtime.device) for k, v in state["kept"].items()}
            other = other_versions(made_with(state))
            note = continued_with(other)
            if other and note not in progress.warnings:  # a later resume tells it too
                progress.warnings.append(note)
        log.info("continuing at step %d of phase %d", progress.step, progress.phase + 1)
    log_file, offset = job.folder / "metrics.jsonl", progress.log_offset
    metrics_log = MetricsLog(log_file, offset, job.first_rank, job.tracker)
    if job.first_rank:
        job.tracker.start(progress.samples)
    phases = job.phases
    trained = [number for number, phase in enumerate(phases) if phase.steps]
    for number, phase in enumerate(phases):
        if number >= progress.phase:
            fit(job, phase, progress, metrics_log, state)
            state = None
            if number in trained[-1:] and job.run.select is not Select.last:
                best = checkpoint.load(job.checkpoints, ("best",))
                assert best is not None
                job.method.load_state_dict(best["method"])  # phases without steps start from it
            score_after(job, phase, progress, metrics_log)
            progress.phase, progress.entered = number + 1, False
            progress.step = progress.logged = 0
    averaged = average_with_source(job, metrics_log)
    validation = job.judge.score(job.method, "val")
    confusions = job.judge.confusions(job.method, "test")
    zero_shot, seen_unseen = job.judge.zero_shot(job.method)
    metrics = {**validation, **scores_of(job.method, confusions, "test"), **progress.before}
    metrics |= job.judge.number_scores(job.method, "test") | zero_shot | averaged
    if job.run.rules:
        metrics |= label_free_scores(job, job.run, job.method)
    metrics_log.write(phase="end", step=progress.steps, **metrics)
    record = [{"name": title(p), "steps": p.steps, "learn": learned(job.method, p)} for p in phases]
    return Trained(progress, record, metrics, confusions, seen_unseen)


def enter(job: Job, phase: Phase) -> None:
    """Let the method prepare a phase, once; afterwards all ranks hold the same."""
    if phase.part == "rest":
        return
    view = job.view.computing(functools.partial(outputs, job))
    job.method.enter(phase, view)
    if phase.name == job.phases[-1].name:
        keep_source(job)
    # every rank computes it; sums in another order must not give each its own clusters
    job.runtime.agree([*job.method.state_dict().values(), *job.method.kept.values()])


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
    if not progress.entered:
        enter(job, phase)
        progress.entered = True
        # the weights of an earlier phase are no candidates
        progress.best_score, progress.best_source = -math.inf, 0.0
    if not phase.steps:
        return
    run, runtime = job.phase_runs[phase.name], job.runtime
    step = TrainingStep(job, phase, state)
    windows = state["windows"] if state else {}  # loss terms of every rank since the last log point
    window = {k: v[runtime.rank].to(runtime.device) for k, v in windows.items()}
    saver = Saver(job, progress, metrics_log)
    if not state:
        # what `enter` computed may have taken hours: it is kept before the first step
        saver.save(step, window)
    evaluate_every = max(1, math.ceil(phase.steps / run.evaluations))
    shown: dict[str, str] = {}
    clock = Clock(progress, runtime)
    # a step, a save and what is written are not broken by a signal; scoring is
    with contextlib.closing(progress_bar(job, phase, progress)) as bar, job.stop.deferred():
        if progress.unscored:
            with clock.paused():
                shown |= score(job, phase, progress, metrics_log, saver, step, window)
        for number in range(progress.step, phase.steps):
            terms = step(number)
            # summed on the device: `.item()` would make the host wait for it in every step
            for name, term in terms.items():
                window[name] = window[name] + term.detach() if name in window else term.detach()
            progress.step += 1
            progress.steps += 1
            progress.samples += step.samples
            bar.update()

            last = progress.step == phase.steps
            log_now = progress.step % run.log_every == 0 or last
            score_now = needs_last(run) if last else progress.step % evaluate_every == 0
            if log_now or score_now:
                with clock.paused():
                    step.check_finite()
                    if log_now:
                        shown |= write_log_point(job, phase, progress, metrics_log, window, step)
                        window = {}
                    if score_now:
                        shown |= score(job, phase, progress, metrics_log, saver, step, window)
                    bar.set_postfix(shown)
            # Saving gathers from every rank, so all must save, or stop, after the same step; each
            # has its own clock and signals. Asking makes them wait for each other: not every step.
            agree = runtime.world == 1 or log_now or progress.step % RANKS_AGREE_EVERY == 0
            stopped = runtime.largest(job.stop.number) if agree else 0
            due = runtime.largest(int(saver.due())) if agree else 0
            if due or stopped or last:
                with clock.paused():
                    saver.save(step, window)
                if stopped:
                    raise StopSignal(stopped)
    clock.pause()
    job.method.load_state_dict(step.average.read().state_dict())
    runtime.share_buffers(job.method)


def score(
    job: Job,
    phase: Phase,
    progress: Progress,
    metrics_log: MetricsLog,
    saver: Saver,
    step: TrainingStep,
    window: dict[str, Tensor],
) -> dict[str, str]:
    """Score the weights; a run that a signal stops here scores them when it goes on.

    Returns:
        What the progress bar shows.

    Raises:
        StopSignal: a signal arrived; the state is saved.
    """
    progress.unscored = True
    run = job.phase_runs[phase.name]
    try:
        shown = evaluate(job, run, phase, progress, metrics_log, step.average)
    except StopSignal:
        saver.save(step, window)
        raise
    progress.unscored = False
    return shown


def progress_bar(job: Job, phase: Phase, progress: Progress) -> Any:
    """The bar of a phase, on rank 0; rare lines where nobody watches a terminal."""
    return tqdm(
        total=phase.steps,
        initial=progress.step,
        desc=title(phase),
        unit="step",
        disable=not job.first_rank,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,
        dynamic_ncols=True,
    )
