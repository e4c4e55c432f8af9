"""What the loop does besides training: log points and scores."""

import contextlib
import sys
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from tqdm import tqdm

from translearn.artifacts import checkpoint
from translearn.artifacts.metrics_log import MetricsLog
from translearn.config import RunConfig, Select
from translearn.engine.job import Job, Progress
from translearn.engine.judge import accuracies
from translearn.engine.schedule import title
from translearn.engine.selection import usable_rules
from translearn.engine.step import TrainingStep, WeightAverage
from translearn.engine.streams import without_gradients
from translearn.methods.base import Method, Phase
from translearn.metrics.choice import BY_ERRORS, BY_PREDICTIONS, RULES, chooses, metric_of
from translearn.metrics.label_free import density_ratio, score_of

ADVICE_AFTER = 3  # bad log points in a row


def write_log_point(
    job: Job,
    phase: Phase,
    progress: Progress,
    metrics_log: MetricsLog,
    window: Mapping[str, Tensor],
    step: TrainingStep,
) -> dict[str, str]:
    """Write the mean loss terms since the last log point, the rate and the method's health.

    Returns:
        What the progress bar shows.
    """
    count = (progress.step - progress.logged) * job.runtime.world
    progress.logged = progress.step
    totals = job.runtime.sum(torch.stack(list(window.values())))
    means = dict(zip(window, (totals / count).tolist(), strict=True))
    health = job.method.health()
    metrics_log.write(
        phase=title(phase),
        step=progress.step,
        samples=progress.samples,
        seconds=progress.seconds,
        core_seconds=progress.core_seconds,
        lr=max(group["lr"] for group in step.optimizer.param_groups),
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
            answer = job.method.answer(task)
            if answer.counted:
                scores = accuracies({task: job.judge.confusion(job.method, task, "test")}, "test")
            else:
                scores = job.judge.number_scores(job.method, "test")
            name = f"{task}/test/{answer.headline}"
            before |= {f"{name}_before": scores[name]} if name in scores else {}
    progress.before |= before
    if before:
        metrics_log.write(phase=title(phase), step=progress.step, **before)


def needs_last(run: RunConfig) -> bool:
    """Whether a rule wants a score after the last step too; the final metrics cover the rest."""
    return run.rules or run.select is not Select.last


def evaluate(
    job: Job,
    run: RunConfig,
    phase: Phase,
    progress: Progress,
    metrics_log: MetricsLog,
    average: WeightAverage,
) -> dict[str, str]:
    """Score the averaged weights on ``run.evaluate`` and keep the best by ``run.select``.

    Returns:
        What the progress bar shows.

    Raises:
        StopSignal: a signal arrived; nothing has changed.
    """
    method = average.read()
    job.runtime.share_buffers(method)
    metrics: dict[str, float] = {}
    alone = job.runtime.world == 1  # ranks wait for each other, and stop after the same step
    with job.stop.heard() if alone else contextlib.nullcontext():
        for split in dict.fromkeys([*run.evaluate, *splits_of_rules(run)]):
            metrics |= job.judge.score(method, split, run.eval_samples)
        metrics |= label_free_scores(job, run, method)
    metrics_log.write(
        phase=title(phase),
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
    shown = {k: v for k, v in metrics.items() if k.endswith(("/accuracy", "/r2"))}
    return {k.replace("/accuracy", "").replace("/", "_"): f"{v:.3f}" for k, v in shown.items()}


SAMPLES = 2000  # images of a split that a score looks at, the first of their shuffled order


def splits_of_rules(run: RunConfig) -> list[str]:
    """The splits whose accuracies the rules of a run need besides ``run.evaluate``."""
    if run.select is Select.oracle:
        return ["test", "val"] if run.rules else ["test"]
    return ["val"] if run.rules or run.select is not Select.last else []


def label_free_scores(job: Job, run: RunConfig, method: Method) -> dict[str, float]:
    """``target/unlabelled/<rule>`` of the rules that need no target labels.

    Of all that ``method`` may use with ``run.rules``, else of ``run.select`` and those that cost
    as much as it; nothing where ``run.select`` needs labels.
    """
    if run.rules:
        usable = usable_rules(method, job.judge, job.view)
        wanted = [rule for rule in usable if RULES[rule].label_free]
    else:
        wanted = [
            rule for kind in (BY_PREDICTIONS, BY_ERRORS) if run.select in kind for rule in kind
        ]
    scores: dict[Select, float] = {}
    if set(wanted) & set(BY_PREDICTIONS):
        predictions = first_outputs(job, method, method.predict, "target")
        probabilities = predictions.softmax(dim=1)
        scores |= {rule: score_of(rule)(probabilities) for rule in BY_PREDICTIONS}
    if set(wanted) & set(BY_ERRORS):
        source = first_outputs(job, method, method.represent, "source").cpu().numpy()
        target = first_outputs(job, method, method.represent, "target").cpu().numpy()
        asked, wrong = (part.numpy() for part in job.judge.source_errors(method, SAMPLES))
        weights = density_ratio(source, target, asked)
        scores |= {rule: score_of(rule)(weights, wrong) for rule in BY_ERRORS}
    return {metric_of(rule): score for rule, score in scores.items()}


def first_outputs(
    job: Job, method: Method, output: Callable[[Tensor, str], Tensor], task: str
) -> Tensor:
    """``output`` in float32 for the first ``SAMPLES`` training images of a task."""
    images = job.view[task].x
    images = images[torch.arange(min(SAMPLES, len(images)))]
    training = method.training
    method.eval()
    found = without_gradients(job, task, images, lambda x: output(x, task))
    method.train(training)
    return found.float()
