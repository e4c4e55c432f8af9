"""tl-predict: labels images, recordings, vectors or signals with a trained run."""

import argparse
import csv
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from translearn.commands.inputs import NUMBERS, rows
from translearn.commands.predictor import FILES, Labels, Predictor
from translearn.data.files.listing import few, list_files
from translearn.data.types import Kind
from translearn.errors import ConfigError, DataError, DiskError
from translearn.report.labelled import (
    MOST_IN_GRID,
    Line,
    draw_grid,
    write_json,
    write_numbers,
    write_numbers_json,
)
from translearn.system import command
from translearn.system.printing import cell as in_cell
from translearn.system.replacing import add_force, refuse_existing
from translearn.system.terminal import complain

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as tl-run, before torch is imported


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``tl-predict`` command.

    Returns:
        0, or the exit code of the error that it printed.
    """
    return command.run(lambda: label(arguments), alone=arguments is None)


def label(arguments: Sequence[str] | None) -> int:
    """What ``tl-predict`` does with these arguments."""
    parser = argparse.ArgumentParser(
        prog="tl-predict",
        description="Label images or recordings with a trained run: CSV, a line a file. A file "
        "that cannot be read has its reason in the column error, and the exit code is 3. Of a file "
        "of vectors or signals each row has a line, FILE:0 and so on.",
    )
    parser.add_argument("run", metavar="RUN", help="run folder")
    parser.add_argument(
        "files",
        metavar="FOLDER|FILE",
        help="folder, searched through; one image or .wav; or a file of vectors or signals",
    )
    parser.add_argument("--out", metavar="FILE", help="write here instead of printing")
    parser.add_argument(
        "--top", metavar="K", type=int, default=1, help="the K likeliest labels (1)"
    )
    parser.add_argument("--json", action="store_true", help="a JSON list instead of CSV")
    parser.add_argument(
        "--grid", metavar="FILE.png", help=f"also draw the first {MOST_IN_GRID} images, labelled"
    )
    add_force(parser)
    given = parser.parse_args(arguments)
    check_files(given.out, given.grid, given.force)
    predictor, top = Predictor.load(Path(given.run)), Path(given.files)
    kind = predictor.prepare.kind
    paths: Sequence[Path] = ()
    if kind in NUMBERS:
        names, labelled = labelled_rows(predictor, top, given.top)
    else:
        paths = found_files(top, kind)
        names = [(p.relative_to(top) if p != top else p).as_posix() for p in paths]
        labelled = predictor.predict(paths, given.top)
    if not 1 <= given.top <= predictor.num_classes:
        raise ConfigError(
            f"--top {given.top}: choose 1 to {predictor.num_classes}, the classes of the run"
        )
    if given.grid is not None and kind is not Kind.image:
        raise ConfigError(f"--grid draws images, and {given.run} was trained on {kind}s")
    bad: list[Line] = []
    lines: Iterable[Line] = counted(
        (Line(name, *told) for name, told in zip(names, labelled, strict=True)), bad
    )
    if given.grid is not None:
        lines = list(lines)
        images = predictor.images(
            [path for path, one in zip(paths, lines, strict=True) if not one.error]
        )
        lines_of_grid = [one for one in lines if not one.error]
        draw_grid(Path(given.grid), images, lines_of_grid, f"labelled as {predictor.task}")
    put = write_json if given.json else write
    if predictor.numbers:
        put = write_numbers_json if given.json else write_numbers
    if given.out is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="surrogateescape")  # file names may be any bytes
        put(sys.stdout, lines, given.top)
        sys.stdout.flush()
    else:
        write_file(Path(given.out), lines, given.top, put)
    if bad:
        raise DataError(
            f"{len(bad)} of {len(paths)} files could not be labelled: "
            f"{few([line.path for line in bad])}\n"
            f"the first: {bad[0].error}\nthe column error has the reason of each"
        )
    return 0


def labelled_rows(predictor: Predictor, path: Path, top: int) -> tuple[list[str], Iterator[Labels]]:
    """What the rows of a file of numbers are called, and their labels as they come."""
    found = rows(predictor, path)
    batches = ((x, dict[int, str]()) for x in found.split(predictor.at_once))
    names = [f"{path.as_posix()}:{row}" for row in range(len(found))]
    return names, predictor.labelled(batches, top)


def counted(lines: Iterable[Line], bad: list[Line]) -> Iterator[Line]:
    """The same lines; those with an error are added to ``bad``."""
    for line in lines:
        if line.error:
            bad.append(line)
        yield line


def found_files(folder: Path, kind: Kind) -> list[Path]:
    """The images, or the recordings, in a folder and below, sorted; or the one file.

    What was found and what is left out is told.

    Raises:
        DataError: there are none, or a folder cannot be listed.
    """
    name, why_not = FILES[kind]
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise DataError(
            f"{folder} is not a folder and no file\ngive the folder that holds the {name}, or one"
        )
    listing = list_files(folder, why_not)
    if not listing.files:
        raise DataError(f"no {name} in {listing}\ngive a folder that holds {name}, also nested")
    complain(listing)
    return [folder / path for path in listing.files]


def write(file: TextIO, lines: Iterable[Line], top: int) -> None:
    """Write the CSV: path, label, probability; then label_2, probability_2 and so on.

    A method that describes what it sees adds the column ``attributes``. The last one is ``error``.
    Texts that a spreadsheet would take for formulas have a ``'`` before them; JSON has them as
    they are.
    """
    writer = csv.writer(file, lineterminator="\n")
    more = [f"{name}_{k}" for k in range(2, top + 1) for name in ("label", "probability")]
    for number, (path, labels, description, error) in enumerate(lines):
        last = [] if description is None else [description]
        if number == 0:
            described = ["attributes"] if last else []
            writer.writerow(("path", "label", "probability", *more, *described, "error"))
        cells = [cell for label, probability in labels for cell in (label, f"{probability:.4f}")]
        cells = cells or [""] * 2 * top
        writer.writerow(map(in_cell, (path, *cells, *last, error)))


def check_files(out: str | None, grid: str | None, force: bool) -> None:
    """Tell before the images are read that a file cannot be written, or exists.

    Raises:
        ConfigError: the grid is no .png, or a file exists and may not be replaced.
        DiskError: a folder does not exist.
    """
    for option, name in (("--out", out), ("--grid", grid)):
        if name is not None and not Path(name).parent.is_dir():
            raise DiskError(f"cannot write {option} {name}: no folder {Path(name).parent}")
        if name is not None:
            refuse_existing(option, Path(name), force)
    if grid is not None and not grid.lower().endswith(".png"):
        raise ConfigError(f"--grid {grid}: name a file that ends in .png")


def write_file(
    path: Path, lines: Iterable[Line], top: int, put: Callable[[TextIO, Iterable[Line], int], None]
) -> None:
    """Write to a file, once every image is labelled.

    Raises:
        DiskError: the file cannot be written.
    """
    complete = list(lines)
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            put(file, complete, top)
    except OSError as error:
        raise DiskError(f"cannot write --out {path}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
