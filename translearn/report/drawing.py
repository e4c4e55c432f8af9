"""What figures share: the evidence, colours, words, the curve of a metric, a grid of images."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from translearn.system.printing import printable

SOURCE, TARGET = "#2166ac", "#e66101"


OTHER_TASKS = ("#1b9e77", "#7b3294", "#c51b7d", "#66701c", "#555555")


LOSSES = ("#444444", "#1b9e77", "#c51b7d", "#7b3294", "#a6761d", "#66a61e", "#00a0b0")


ACCURACY_STYLE = {"val": "-", "test": "--"}


DOTS_PER_INCH = 110


CELL, LINE = 1.05, 0.125  # inches: the edge of an image in a grid, a line of its caption


@dataclass(frozen=True)
class Examples:
    """Some samples of one task.

    Attributes:
        images: uint8 (N, H, W, C), or None where samples are no images.
        labels: (N,), or None where there are none.
        probabilities: (N, classes).
        features: (N, D) of the backbone, or None.
    """

    images: NDArray[np.uint8] | None
    labels: NDArray[np.int64] | None
    probabilities: NDArray[np.float32]
    features: NDArray[np.float32] | None


@dataclass(frozen=True)
class Plane:
    """Samples of two numbers, and what is predicted all around them.

    Attributes:
        x: (W,) from left to right.
        y: (H,) from below.
        predicted: (H, W) the class at each point.
        points: task -> its samples (N, 2), and their labels (N,) where there are some.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    predicted: NDArray[np.int64]
    points: Mapping[str, tuple[NDArray[np.float32], NDArray[np.int64] | None]]


@dataclass(frozen=True)
class Evidence:
    """What a run's figures are drawn from.

    Attributes:
        title: says which run it is.
        log: the lines of metrics.jsonl.
        classes: task -> class names.
        confusions: task -> counts (classes, classes) on the test split: row true, column predicted.
        examples: task -> some samples.
        main_task: the task that tables are about.
        threads: that t-SNE may use.
        plane: of samples of two numbers.
    """

    title: str
    log: Sequence[Mapping[str, Any]]
    classes: Mapping[str, Sequence[str]]
    confusions: Mapping[str, NDArray[np.int64]]
    examples: Mapping[str, Examples]
    main_task: str
    threads: int = 1
    plane: Plane | None = None


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of so many inches, that arranges its parts without overlap."""
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(words(title, 80), fontsize=11)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, and the folder for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")


def words(text: object, longest: int = 60) -> str:
    """Text as it is: in one line, not too long, and with no dollar taken for mathematics."""
    line = " ".join(printable(str(text)).split())
    short = line if len(line) <= longest else line[: longest - 1] + "…"
    return short.replace("$", r"\$")


def task_colours(tasks: Iterable[str]) -> dict[str, str]:
    """Source and target have the same colours everywhere; the other tasks the next ones."""
    fixed, colours = {"source": SOURCE, "target": TARGET}, {}
    others = [task for task in tasks if task not in fixed]
    colours = {t: OTHER_TASKS[i % len(OTHER_TASKS)] for i, t in enumerate(others)}
    return fixed | colours


def class_colours(names: Sequence[str]) -> dict[str, Any]:
    """A colour for each class."""
    if len(names) <= 10:
        return dict(zip(names, colormaps["tab10"].colors, strict=False))  # type: ignore[attr-defined]
    if len(names) <= 20:
        return dict(zip(names, colormaps["tab20"].colors, strict=False))  # type: ignore[attr-defined]
    return dict(zip(names, colormaps["gist_rainbow"](np.linspace(0, 1, len(names))), strict=True))


def loss_colours(names: Sequence[str], tasks: Mapping[str, str]) -> dict[str, str]:
    """Loss terms that are named after a task have its colour."""
    own = {n: colour for n in names for task, colour in tasks.items() if task in n}
    rest = [name for name in names if name not in own]
    return own | {name: LOSSES[i % len(LOSSES)] for i, name in enumerate(rest)}


def curve(log: Sequence[Mapping[str, Any]], key: str) -> tuple[list[float], list[float]]:
    """Samples drawn and the value of ``key``, at the lines of metrics.jsonl that have it."""
    points = [(line["samples"], line[key]) for line in log if key in line and "samples" in line]
    return [x for x, _ in points], [y for _, y in points]


def bare(axis: Axes) -> None:
    """No ticks: the units mean nothing."""
    axis.set_xticks([])
    axis.set_yticks([])


def image_grid(
    blocks: Sequence[tuple[str, Sequence[NDArray[np.uint8]], Sequence[tuple[str, str]]]],
    columns: int,
    title: str,
) -> Figure:
    """Blocks of images under a heading each, every image with its caption below.

    Args:
        blocks: heading, images (H, W, C), and for each image its caption (at most two lines of
            about 20 letters) and the colour of it.
        columns: images in a row.
        title: of the whole figure.
    """
    gap = 0.08
    cell_height = CELL + 2 * LINE + 0.1
    heights = [0.3 + ceil(len(images) / columns) * cell_height for _, images, _ in blocks]
    width, height = columns * (CELL + gap) + gap, sum(heights) + 0.35
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.text(width / 2, 0.1, words(title, 80), ha="center", va="top", fontsize=11)
    top = 0.35
    for (heading, images, captions), block_height in zip(blocks, heights, strict=True):
        axis.text(gap, top + 0.05, words(heading, 100), va="top", fontsize=9, weight="bold")
        for place, (image, (caption, colour)) in enumerate(zip(images, captions, strict=True)):
            x = gap + (place % columns) * (CELL + gap)
            y = top + 0.3 + (place // columns) * cell_height
            pixels = image[..., 0] if image.shape[-1] == 1 else image
            extent = (x, x + CELL, y + CELL, y)
            axis.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=extent, origin="upper")
            axis.text(x, y + CELL + 0.03, caption, va="top", fontsize=6.5, color=colour)
        top += block_height
    axis.set(xlim=(0, width), ylim=(height, 0))
    return figure
