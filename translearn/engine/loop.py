"""The phases of a run and the one training loop."""

import logging
import math
import sys
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from translearn.artifacts import checkpoint
from translearn.artifacts.metrics_log import MetricsLog
from translearn.config import Select
from translearn.data.access import TrainView
from translearn.engine.job import Job, Progress
from translearn.engine.judge import scores_of
from translearn.engine.saving import Clock, Saver
from translearn.engine.scoring import (
    evaluate,
    label_free_scores,
    needs_last,
    score_after,
    score_unseen,
    write_log_point,
)
from translearn.engine.step import (
    FiniteCheck,
    WeightAverage,
    clip_gradients,
    make_optimizer,
    rate_factor,
    set_rates,
)
from translearn.engine.streams import make_streams, outputs
from translearn.errors import StopSignal
from translearn.methods.base import Phase, learners
from translearn.runtime import stable_seed

log = logging.getLogger(__name__)


RANKS_AGREE_EVERY = 10  # steps between two moments when several ranks can save or stop together


def run_method(
    job: Job,
) -> tuple[Progress, list[dict[str, Any]], dict[str, float], dict[str, Tensor]]:
    """Run every phase, from the checkpoint if there is one, and score the result.

    Returns:
        The progress made, a record of each phase, the final metrics, and the test confusion of each
        task. ``job.method`` then holds the weights that the metrics report.
    """
    state = checkpoint.load(job.checkpoints)
    if job.first_rank:
        checkpoint.tidy(job.checkpoints)
    progress = Progress(**state["progress"]) if state else Progress()
    if state:
        job.method.load_state_dict(state["method"])
        job.method.kept = {k: v.to(job.runtime.device) for k, v in state["kept"].items()}
        log.info("continuing at step %d of phase %d", progress.step, progress.phase + 1)
    log_file, offset = job.folder / "metrics.jsonl", progress.log_offset
    metrics_log = MetricsLog(log_file, offset, job.first_rank, job.tracker)
    if job.first_rank:
        job.tracker.start(progress.samples)
    phases = job.method.phases(job.budget)
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
            progress.phase, progress.step, progress.entered = number + 1, 0, False
    validation = job.judge.score(job.method, "val")
    confusions = job.judge.confusions(job.method, "test")
    metrics = {**validation, **scores_of(job.method, confusions, "test"), **progress.before}
    metrics |= score_unseen(job)
    if job.run.rules:
        metrics |= label_free_scores(job, job.run, job.method)
    metrics_log.write(phase="end", step=progress.steps, **metrics)
    record = [{"name": p.name, "steps": p.steps, "learn": list(p.learn)} for p in phases]
    return progress, record, metrics, confusions


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
        view = TrainView(job.view, lambda task, module: outputs(job, task, module))
        method.enter(phase, view)
        # every rank computes it; sums in another order must not give each its own clusters
        runtime.agree([*method.state_dict().values(), *method.kept.values()])
        progress.entered = True
        # the weights of an earlier phase are no candidates
        progress.best_score, progress.best_source = -math.inf, 0.0
    if not phase.steps:
        return
    method.requires_grad_(False)
    for module in learners(method, phase.learn):
        module.requires_grad_(True)
    streams = make_streams(job, phase)
    optimizer = make_optimizer(method.param_groups(run.lr), run)
    average = WeightAverage(method, run.ema)
    finite = FiniteCheck(runtime.device)
    window: dict[str, Tensor] = {}
    if state:
        optimizer.load_state_dict(state["optimizer"])
        average.copy.load_state_dict(state["average"])
        window = {k: v[runtime.rank].to(runtime.device) for k, v in state["windows"].items()}
    parameters = [parameter for parameter in method.parameters() if parameter.requires_grad]
    finite.mask(optimizer)
    model: Any = method if method.term_gradients else runtime.wrap(method)
    if run.compile:
        model = torch.compile(model)
    draws = torch.Generator(device=runtime.device)
    saver = Saver(job, progress, metrics_log, finite)
    if not state:
        saver.save(phase, optimizer, average, window)
    evaluate_every = max(1, math.ceil(phase.steps / run.evaluations))
    images = sum(stream.batch_size for stream in streams.values())
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
        draws.manual_seed(stable_seed(job.seed, phase.name, step))
        runtime.seed(stable_seed(job.seed, phase.name, step, runtime.rank))
        batch = {name: stream.batch(step, draws) for name, stream in streams.items()}
        with runtime.autocast():
            terms: dict[str, Tensor] = model(phase.name, batch, share)
        method.backward(terms, runtime.average)
        norm = clip_gradients(parameters, run.clip)
        finite.watch(terms, norm, phase.name, step)
        set_rates(optimizer, rate_factor(run, share), share)
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
        if progress.step % evaluate_every == 0 if not last else needs_last(run):
            clock.pause()
            finite.check(phase.name, step)
            shown |= evaluate(job, run, phase, progress, metrics_log, average)
            bar.set_postfix(shown)
            clock.resume()
        agree = runtime.world == 1 or log_now or progress.step % RANKS_AGREE_EVERY == 0
        stopped = runtime.largest(job.stop.number) if agree else 0
        due = runtime.largest(int(saver.due())) if agree else 0
        if (due or stopped) and not last:
            clock.pause()
            saver.save(phase, optimizer, average, window)
            clock.resume()
            if stopped:
                bar.close()
                raise StopSignal(stopped)
    clock.pause()
    bar.close()
    method.load_state_dict(average.read().state_dict())
    runtime.share_buffers(method)
