"""The figures of a run, one function each. Imports no torch; pyplot's state is never touched."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from translearn.report.drawing import (
    ACCURACY_STYLE,
    Evidence,
    curve,
    image_grid,
    loss_colours,
    new_figure,
    save,
    task_colours,
    words,
)
from translearn.report.embedding import embedding
from translearn.report.fonts import families_for, note_on
from translearn.report.plane import boundary

NAMED_CLASSES = 40  # at most so many classes have their names on an axis


NUMBERED_CLASSES = 12  # at most so many have numbers in the cells of a confusion matrix


GRID_COLUMNS, GRID_ROWS = 8, 3  # of each of the two blocks of the sample grid


def learning_curves(evidence: Evidence) -> dict[str, Figure]:
    """Loss terms and accuracies over the training samples drawn so far."""
    log, keys = timed(evidence.log), logged(evidence.log)
    losses = [key for key in keys if key.startswith("loss/")]
    scores = [
        key for key in keys if key.endswith(("/accuracy", "_accuracy", "/r2")) and "per_" not in key
    ]
    panels = [names for names in (losses, scores) if names]
    if not panels:
        return {}
    figure = new_figure(5.2 * len(panels), 3.6, evidence.title)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    tasks = task_colours(evidence.classes)
    for axis, names in zip(axes, panels, strict=True):
        colours = loss_colours(names, tasks)
        for name in names:
            x, y = curve(log, name)
            task, _, split = name.removesuffix("/accuracy").partition("/")
            label = words(name.split("/", 1)[1] if task in ("loss", "health") else name)
            style = ACCURACY_STYLE.get(split, ":") if names is scores else "-"
            axis.plot(x, y, style, color=tasks.get(task, colours[name]), marker=".",
                      label=label.replace("/", " ").replace("_", " "))  # fmt: skip
        axis.set_xlabel("training samples drawn")
        mark_phases(axis, log)
        axis.set_title("losses" if names is losses else "accuracies")
        axis.grid(alpha=0.25)
        outside = len(names) > 6
        where = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if outside else {"loc": "best"}
        axis.legend(fontsize=8, **where)
        if names is scores:
            axis.set_ylim(-0.02, 1.02)
    return {"curves": figure}


def timed(log: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lines with the samples drawn; the final scores come after the last of them."""
    known = logged(log)
    last = max((line["samples"] for line in log if "samples" in line), default=0)
    lines: list[Mapping[str, Any]] = [line for line in log if "samples" in line]
    end = [line for line in log if line.get("phase") == "end"]
    if lines and end:
        scores = {key: end[-1][key] for key in known if key in end[-1]}
        lines.append({**scores, "phase": lines[-1]["phase"], "samples": last})
    return lines


def logged(log: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of the lines written while training, and the final validation scores."""
    keys = dict.fromkeys(key for line in log if "samples" in line for key in line)
    return list(keys | {k: None for line in log for k in line if k.endswith("/val/accuracy")})


def mark_phases(axis: Axes, log: Sequence[Mapping[str, Any]]) -> None:
    """A line where each later phase begins."""
    phases = dict.fromkeys(line["phase"] for line in log)
    for before in list(phases)[:-1]:
        end = max(line["samples"] for line in log if line["phase"] == before)
        axis.axvline(end, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
    if len(phases) > 1:
        axis.set_xlabel(words(f"training samples drawn (phases: {', '.join(phases)})"))


def confusion_matrices(evidence: Evidence) -> dict[str, Figure]:
    """A matrix for each task: the share of every true class that each class was taken for."""
    figures = {}
    for task, counts in evidence.confusions.items():
        names, total = evidence.classes[task], counts.sum(axis=1, keepdims=True)
        share = np.divide(counts, total, where=total > 0, out=np.zeros(counts.shape))
        size = min(10.0, max(4.2, 2.2 + 0.3 * len(names)))
        accuracy = counts.trace() / max(1, counts.sum())
        heading = f"{task}: {100 * accuracy:.1f} % of {counts.sum()} test samples right"
        figure = new_figure(size + 0.9, size, evidence.title)
        axis = figure.subplots()
        image = axis.imshow(share, cmap="Blues" if task == "source" else "Oranges", vmin=0, vmax=1)
        figure.colorbar(image, ax=axis, label="share of the true class", shrink=0.8)
        axis.set(xlabel="predicted", ylabel="true")
        axis.set_title(heading, fontsize=10)
        if len(names) <= NAMED_CLASSES:
            shown = [words(name, 18) for name in names]
            turned = 90 if max(map(len, shown)) > 2 else 0
            axis.set_xticks(range(len(names)), shown, rotation=turned, fontsize=8)
            axis.set_yticks(range(len(names)), shown, fontsize=8)
        if len(names) <= NUMBERED_CLASSES:
            for (row, column), value in np.ndenumerate(counts):
                colour = "white" if share[row, column] > 0.6 else "0.25"
                if value:
                    axis.text(column, row, str(value), ha="center", va="center", color=colour,
                              fontsize=7)  # fmt: skip
        figures[f"confusion_{words(task).replace('/', '_')}"] = figure
    return figures


def class_accuracies(evidence: Evidence) -> dict[str, Figure]:
    """Bars of each class's test accuracy, side by side where tasks share their classes."""
    panels: dict[tuple[str, ...], list[str]] = {}
    for task in evidence.confusions:
        panels.setdefault(tuple(evidence.classes[task]), []).append(task)
    if not panels:
        return {}
    longest = max(min(len(names), NAMED_CLASSES) for names in panels)
    height = max(2.8, 0.9 + 0.2 * longest * max(len(tasks) for tasks in panels.values()))
    figure = new_figure(4.6 * len(panels), min(height, 14.0), evidence.title)
    colours = task_colours(evidence.classes)
    for axis, (names, tasks) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        accuracy = {}
        for task in tasks:
            counts = evidence.confusions[task]
            total = counts.sum(axis=1)
            accuracy[task] = np.divide(
                counts.diagonal(), total, where=total > 0, out=np.full(len(names), np.nan)
            )
        order = np.arange(len(names))
        if len(names) > NAMED_CLASSES:
            order = np.sort(np.argsort(accuracy[tasks[-1]])[:NAMED_CLASSES])
            axis.set_title(f"the {NAMED_CLASSES} worst of {len(names)} classes in {tasks[-1]}")
        width = 0.8 / len(tasks)
        for place, task in enumerate(tasks):
            shift = (place - (len(tasks) - 1) / 2) * width
            label = f"{task} (mean {100 * np.nanmean(accuracy[task]):.1f} %)"
            axis.barh(np.arange(len(order)) + shift, 100 * accuracy[task][order], width,
                      color=colours[task], label=words(label))  # fmt: skip
        axis.set_yticks(range(len(order)), [words(names[i], 18) for i in order], fontsize=8)
        axis.set(xlim=(0, 100), ylim=(len(order) - 0.4, -0.6), xlabel="test accuracy in %")
        axis.grid(axis="x", alpha=0.25)
        axis.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.02), ncols=len(tasks))
    return {"classes": figure}


def sample_grid(evidence: Evidence) -> dict[str, Figure]:
    """Images of the main task with what they were taken for: some by chance, then errors.

    Nothing where the task is labelled and not scored as classes: clusters have other numbers.
    """
    shown = evidence.examples.get(evidence.main_task)
    if shown is None or shown.images is None:
        return {}
    if shown.labels is not None and evidence.main_task not in evidence.confusions:
        return {}
    names, size = evidence.classes[evidence.main_task], GRID_COLUMNS * GRID_ROWS
    predicted, sure = shown.probabilities.argmax(axis=1), shown.probabilities.max(axis=1)
    order = np.arange(len(predicted))
    blocks = [(f"{evidence.main_task}: images by chance", order[:size])]
    if shown.labels is not None:
        wrong = order[predicted != shown.labels]
        wrong = wrong[np.argsort(-sure[wrong])][:size]
        blocks.append((f"errors among {len(order)} images, the surest first", wrong))

    def caption(i: int) -> tuple[str, str]:
        taken = f"{words(names[predicted[i]], 14)} ({100 * sure[i]:.0f} %)"
        if shown.labels is None:
            return taken, "0.2"
        right = predicted[i] == shown.labels[i]
        return (taken, "#1a7a2e") if right else (
            f"{taken}\nis {words(names[shown.labels[i]], 16)}", "#b3261e")  # fmt: skip

    parts = [
        (heading, [shown.images[i] for i in rows], [caption(i) for i in rows])
        for heading, rows in blocks
        if len(rows)
    ]
    return {"samples": image_grid(parts, GRID_COLUMNS, evidence.title)}


# A figure is one function and one entry here; what it cannot draw, it leaves out.
FIGURES: tuple[Callable[[Evidence], dict[str, Figure]], ...] = (
    learning_curves,
    confusion_matrices,
    class_accuracies,
    embedding,
    boundary,
    sample_grid,
)


def draw(evidence: Evidence, folder: Path) -> list[str]:
    """Draw every figure of the list as ``folder/<name>.png``.

    Returns:
        A warning for each that failed, and one for characters that no font here has.
    """
    families, missing = families_for(n for names in evidence.classes.values() for n in names)
    failed = [note_on(missing)] if missing else []
    for figure_of in FIGURES:
        try:
            with warnings.catch_warnings(), rc_context({"font.family": families}):
                warnings.simplefilter("ignore")  # fonts without a glyph, solvers that stop early
                for name, figure in figure_of(evidence).items():
                    save(figure, folder / f"{name}.png")
        except Exception as error:  # a picture is never worth a run
            failed.append(f"no figure {figure_of.__name__}: {type(error).__name__}: {error}")
    return failed
