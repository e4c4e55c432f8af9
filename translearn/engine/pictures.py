"""What the figures of a run are drawn from, gathered once its weights are final."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from translearn.artifacts.result import Result
from translearn.backbones.base import Backbone
from translearn.data.files.images import FileImages
from translearn.data.pipeline.loaders import in_order
from translearn.data.types import Images, Kind, permutation
from translearn.engine.job import Job
from translearn.engine.number_pictures import draw_numbers
from translearn.engine.plane import plane_of
from translearn.methods.base import Method
from translearn.metrics.seen_unseen import SeenUnseen
from translearn.report.drawing import Evidence, Examples
from translearn.report.figures import draw
from translearn.system.reading import json_lines

MOST_EXAMPLES = 800  # over all tasks: their t-SNE takes about a second of one core


SECONDS = 6.0  # of prediction for them all, so that large networks show fewer


BATCH = 16


def draw_figures(
    job: Job,
    result: Result,
    confusions: Mapping[str, Tensor],
    seen_unseen: SeenUnseen | None,
) -> list[str]:
    """Write ``figures/`` in the run folder, all that a run draws.

    Called on one rank, after the weights were written, and not at all with ``run.figures=false``.

    Args:
        job: of the run; its method holds the final weights.
        result: of the run.
        confusions: test confusion of each task.
        seen_unseen: what the curve of a zero-shot method is drawn from.

    Returns:
        A warning for each figure that could not be drawn; nothing here makes a run fail.
    """
    folder = job.folder / "figures"
    try:
        if not job.method.answer(job.tasks.main_task).counted:
            draw_numbers(job, result, folder)
            return []
        evidence = gather(job, result, confusions, job.tasks.main_task)
    except Exception as error:  # whatever it is, the result matters more
        return [f"no figures: {type(error).__name__}: {error}"]
    failed = draw(evidence, folder)
    try:
        if job.method.clusters and job.tasks.tasks["target"].kind is Kind.image:
            draw_clusters(job, folder / "clusters.png")
        if seen_unseen is not None:
            draw_curve(seen_unseen, result.metrics["gzsl/gamma"], folder / "seen_unseen.png")
    except Exception as error:
        failed.append(f"not all figures: {type(error).__name__}: {error}")
    return failed


def gather(job: Job, result: Result, confusions: Mapping[str, Tensor], main_task: str) -> Evidence:
    """The log, the confusions, and examples of every task that the method predicts."""
    tasks = [task for task in job.method.tasks if job.method.predicts(task)]
    parts = max(2, len(tasks))
    return Evidence(
        title=f"{result.method} on {result.data}, seed {result.seed}",
        log=json_lines(job.folder / "metrics.jsonl"),
        classes={task: job.method.tasks[task] for task in tasks},
        confusions={task: confusion.numpy() for task, confusion in confusions.items()},
        examples={
            task: examples(job, task, MOST_EXAMPLES // parts, SECONDS / parts) for task in tasks
        },
        main_task=main_task,
        threads=job.runtime.threads,
        plane=plane_of(job, main_task),
    )


def examples(job: Job, task: str, most: int, seconds: float) -> Examples:
    """At most so many test samples of a task, the same in every run, and what is predicted.

    Where no test labels exist, training samples without their labels stand in. After so many
    seconds there are no more of them.
    """
    if job.judge.has(task, "test"):
        split = job.judge.revealed(task, "test")
        samples, labels = split.x, split.y
    else:
        samples, labels = job.view[task].x, None
    picked = permutation(len(samples), 0)[:most]
    shown, scores, features = [], [], []
    end = time.monotonic() + seconds
    for rows in picked.split(BATCH):
        x = decoded(samples, rows)
        stored = decoded(job.pictures[task], rows) if task in job.pictures else x
        score, feature = observe(job, x, task)
        shown.append(stored.cpu())
        scores.append(score)
        features.append(feature)
        if time.monotonic() > end:
            break
    count = sum(len(x) for x in shown)
    is_image = job.tasks.tasks[task].kind is Kind.image
    known = [feature for feature in features if feature is not None]
    return Examples(
        images=torch.cat(shown).permute(0, 2, 3, 1).numpy() if is_image else None,
        labels=None if labels is None else labels[picked[:count].to(labels.device)].cpu().numpy(),
        probabilities=torch.cat(scores).numpy(),
        features=torch.cat(known).numpy() if len(known) == len(features) else None,
    )


def decoded(samples: Images, rows: Tensor) -> Tensor:
    """The stored samples at ``rows``."""
    if isinstance(samples, FileImages):
        return torch.stack([samples.decode(int(row)) for row in rows])
    return samples[rows.to(samples.device)]


def observe(job: Job, samples: Tensor, task: str) -> tuple[Tensor, Tensor | None]:
    """Probabilities (B, classes), and the features (B, D) that the backbone gave on the way.

    The features are caught as they leave the backbone, since a method may lead a task through
    layers of its own before it. None where the method predicts without its backbone.
    """
    caught: list[Tensor] = []

    def catch(module: torch.nn.Module, inputs: Any, output: Tensor) -> None:
        caught.append(output)

    method = job.method
    handles = [m.register_forward_hook(catch) for m in backbones(method)]
    training = method.training
    method.eval()
    try:
        with torch.inference_mode(), job.runtime.autocast():
            scores = method.predict(job.prepare[task](samples), task)
    finally:
        method.train(training)
        for handle in handles:
            handle.remove()
    features = caught[-1].float().flatten(1).cpu() if caught else None
    return scores.float().softmax(dim=1).cpu(), features


def backbones(method: Method) -> list[Backbone]:
    """Every backbone in a method."""
    return [module for module in method.modules() if isinstance(module, Backbone)]


def draw_curve(both: SeenUnseen, gamma: float, path: Path) -> None:
    """Draw seen against unseen accuracy over all gammas, and where ``gamma`` and 0 stand."""
    from matplotlib.figure import Figure  # takes a second to import, and most runs need none

    _, seen, unseen = both.curve()
    figure = Figure(figsize=(4.5, 4.0), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(unseen, seen, label=f"AUSUC {both.ausuc():.3f}")
    for value, marker, name in ((0.0, "o", "uncalibrated"), (gamma, "s", "calibrated")):
        on_seen, on_unseen, mean = both.at(value)
        axes.plot([on_unseen], [on_seen], marker, label=f"{name}, H {mean:.3f}")
    axes.set(xlabel="accuracy on unseen classes", ylabel="accuracy on seen classes")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)


LOOKED_AT, ACROSS = 2000, 16


def draw_clusters(job: Job, path: Path) -> None:
    """Draw up to 16 target training images of each cluster.

    They are the first of each cluster among 2000, in the split's random order; empty clusters have
    no row.
    """
    from torchvision.utils import make_grid, save_image  # takes a second to import

    method, prepare = job.method, job.prepare["target"]
    images = job.view["target"].x
    few = images[torch.arange(min(len(images), LOOKED_AT))]
    method.eval()
    shown: list[Tensor] = []
    clusters: list[Tensor] = []
    with torch.inference_mode(), job.runtime.autocast():
        for x in in_order(few, job.scoring_batch, job.run.workers):
            clusters.append(method.predict(prepare(x), "target").argmax(dim=1).cpu())
            shown.append(x.cpu())
    assigned, pictures = torch.cat(clusters), torch.cat(shown).float() / 255
    blank = torch.ones_like(pictures[:1])
    rows = [pictures[assigned == cluster][:ACROSS] for cluster in assigned.unique()]
    filled = [torch.cat([row, blank.expand(ACROSS - len(row), -1, -1, -1)]) for row in rows]
    path.parent.mkdir(exist_ok=True)
    save_image(make_grid(torch.cat(filled), nrow=ACROSS, padding=1, pad_value=0.5), path)
