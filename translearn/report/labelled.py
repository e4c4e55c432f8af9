"""Labelled samples as JSON, numbers as CSV and JSON, and labelled images as a picture."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from translearn.data.files.images import FileImages
from translearn.errors import DiskError
from translearn.system.printing import cell as in_cell

MOST_IN_GRID = 64


class Line(NamedTuple):
    """What is told of one image.

    Attributes:
        path: relative to the folder.
        labels: the likeliest labels with their probabilities, the likeliest first.
        description: the attributes that a zero-shot method sees, or None.
        error: why it has no labels; empty if it has.
    """

    path: str
    labels: list[tuple[str, float]]
    description: str | None = None
    error: str = ""


def write_json(file: TextIO, lines: Iterable[Line], top: int) -> None:
    """Write a JSON list with a line for every image."""
    before = "["
    for path, labels, description, error in lines:
        found = [{"label": label, "probability": round(p, 4)} for label, p in labels]
        line: dict[str, object] = {"path": path, "labels": found}
        line |= {} if description is None else {"attributes": description}
        line |= {"error": error} if error else {}
        file.write(before + "\n" + json.dumps(line))
        before = ","
    file.write("\n]\n")


def draw_grid(path: Path, images: FileImages, lines: Sequence[Line], title: str) -> None:
    """Draw the first images, as they are before the crop, with their likeliest labels.

    Raises:
        DiskError: the file cannot be written.
    """
    from translearn.report.drawing import image_grid, save, words  # matplotlib, only if wanted

    shown = min(len(images), MOST_IN_GRID)
    pixels = [images.decode(i).permute(1, 2, 0).numpy() for i in range(shown)]
    captions = []
    for line in lines[:shown]:
        label, probability = line.labels[0]
        name = Path(line.path).name.encode(errors="replace").decode()  # it may be any bytes
        taken = f"{words(label, 14)} ({100 * probability:.0f} %)"
        captions.append((f"{taken}\n{words(name, 20)}", "0.2"))
    heading = f"{shown} of {len(images)} images" if shown < len(images) else f"{shown} images"
    figure = image_grid([(heading, pixels, captions)], 8, title)
    try:
        save(figure, path)
    except OSError as error:
        raise DiskError(f"cannot write --grid {path}: {error.strerror}") from error


def write_numbers(file: TextIO, lines: Iterable[Line], top: int) -> None:
    """Write the CSV of answers that are numbers: path, number, error."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("path", "number", "error"))
    for path, labels, _, error in lines:
        writer.writerow((in_cell(path), labels[0][0] if labels else "", in_cell(error)))


def write_numbers_json(file: TextIO, lines: Iterable[Line], top: int) -> None:
    """Write the same as a JSON list."""
    rows = [
        {"path": path, "number": float(labels[0][0]) if labels else None, "error": error or None}
        for path, labels, _, error in lines
    ]
    json.dump(rows, file, indent=2)
    file.write("\n")
