"""Tables of numbers in text: a line for each sample, with its label in one of the columns."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from translearn.data.files.label_table import normal, not_a_table, parted
from translearn.data.files.listing import few, shown
from translearn.data.files.numbers import warn_of_narrow
from translearn.errors import DataError, nearest

LABELS = ("label", "labels", "y", "class")  # columns and arrays that are taken for labels


class Line(NamedTuple):
    """A line that is not empty: its number in the file, and its cells."""

    number: int
    cells: list[str]


def read_number_table(
    path: Path, label: str | int | None
) -> tuple[NDArray[np.float32], list[str] | None, tuple[str, ...]]:
    """A CSV or TSV whose cells are numbers, but for those of the labels.

    The first line names the columns if none of its cells is a number, or if those beside the name
    of the labels count 0, 1, 2, ...

    Args:
        path: of the file.
        label: the column of the labels, by its name or its number from 0; below 0 from the end;
            None: one called as ``LABELS`` say, if there is any.

    Returns:
        The numbers (N, D), the labels, and the names of the D columns where the file has them.

    Raises:
        DataError: naming the line and the column that is wrong.
    """
    lines = table_lines(path)
    names = header(path, lines[0].cells, LABELS if label is None else (str(label),))
    rows = lines[1:] if names else lines
    if not rows:
        raise DataError(f"{path} has no line of numbers")
    width = len(lines[0].cells)
    for line in rows:
        if len(line.cells) != width:
            raise DataError(
                f"{path}: line {line.number} has {len(line.cells)} cells, and line "
                f"{lines[0].number} has {width}\ncorrect it, or take it out"
            )
    place = label_column(path, names, width, label)
    kept = [column for column in range(width) if column != place]
    if not kept:
        raise DataError(f"{path} has no column beside that of the labels")
    titles = names or tuple(str(column) for column in range(width))
    try:
        numbers = cells_as_numbers(path, rows, kept, titles)
    except DataError as error:
        if isinstance(label, str) and place is None:  # its labels are taken for numbers
            told = str(error).splitlines()[0]
            there = nearest(label, names) if names else "; its first line names none"
            raise DataError(f"{told}\nno column is called data.label={label}{there}") from error
        raise
    labels = None if place is None else [line.cells[place] for line in rows]
    if labels is not None and "" in labels:
        number, title = rows[labels.index("")].number, titles[place or 0]
        raise DataError(f"{path}: line {number} has no label (column {shown(title)})")
    return numbers, labels, tuple(names[column] for column in kept) if names else ()


def table_lines(path: Path) -> list[Line]:
    """The lines of a table that are not empty.

    Raises:
        DataError: it cannot be read, is no text in UTF-8, or is empty.
    """
    content, mark = parted(path)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=mark, strict=True)
    try:
        lines = [Line(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise not_a_table(path, error) from error
    lines = [line for line in lines if any(line.cells)]
    if not lines:
        raise DataError(f"{path} is empty")
    return lines


def header(path: Path, cells: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns; none where the first line is one of numbers.

    Args:
        path: of the table.
        cells: of the first line.
        labels: names that the column of the labels may have.

    Raises:
        DataError: a name is there twice, or missing.
    """
    cells = [normal(cell) for cell in cells]
    others = [cell for cell in cells if cell.casefold() not in (*labels, *LABELS)]
    counted = len(others) > 1 and others == [str(number) for number in range(len(others))]
    if len(cells) < 2 or (not counted and any(map(is_number, cells))):
        named = len(cells) == 1 and not is_number(cells[0])
        return tuple(cells) if named else ()
    for place, name in enumerate(cells):
        if not name:
            raise DataError(
                f"{path}: column {place} has no name; an index of rows is no feature\n"
                "name it in the first line, or write the table without it"
            )
        if name in cells[:place]:
            raise DataError(f"{path}: two columns are called {shown(name)}\ngive each its own name")
    return tuple(cells)


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, or what stands for a missing one."""
    try:
        number(cell)
    except ValueError:
        return False
    return True


def number(cell: str) -> float:
    """The number in a cell.

    Raises:
        ValueError: it is none; Python's own 1_000 is none in a table.
    """
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def label_column(
    path: Path, names: Sequence[str], width: int, label: str | int | None
) -> int | None:
    """The place of the labels; None where the table has none.

    A column of a name that the table does not have is absent: a target may lack its labels.

    Raises:
        DataError: there is no column of that number.
    """
    if isinstance(label, int) and not -width <= label < width:
        raise DataError(f"{path} has {width} columns: data.label={label} is none of them")
    if isinstance(label, int):
        return label % width
    wanted = LABELS if label is None else (normal(label),)
    known = [name.casefold() if label is None else name for name in names]
    return next((known.index(name) for name in wanted if name in known), None)


def cells_as_numbers(
    path: Path, rows: Sequence[Line], kept: Sequence[int], titles: Sequence[str]
) -> NDArray[np.float32]:
    """The cells of some columns as (N, D).

    Raises:
        DataError: naming the first that is no finite number.
    """
    try:
        found = np.array([[number(line.cells[c]) for c in kept] for line in rows])
    except ValueError:
        found = None
    with np.errstate(over="ignore"):
        narrow = None if found is None else found.astype(np.float32)
    if found is not None and narrow is not None and np.isfinite(narrow).all():
        warn_of_narrow(found, str(path), [titles[column] for column in kept])
        return narrow
    for line in rows:
        for column in kept:
            refuse_cell(path, line, column, titles[column])
    raise AssertionError("a cell is wrong, and each is right")


def refuse_cell(path: Path, line: Line, column: int, title: str) -> None:
    """Refuse a cell that is no finite number.

    Raises:
        DataError: as said.
    """
    cell, where = line.cells[column], f"{path}: line {line.number}, column {shown(title)}"
    if not cell:
        raise DataError(f"{where} is empty\nfill it in, or take the line out")
    if not is_number(cell):
        raise DataError(f"{where} is {shown(cell)[:60]!r}, which is no number\n{advice(cell)}")
    with np.errstate(over="ignore"):
        if not np.isfinite(np.float32(float(cell))):
            raise DataError(f"{where} is {cell}: not finite\nfill it in, or take the line out")


def advice(cell: str) -> str:
    """What to do with a cell that is no number."""
    if is_number(cell.replace(",", ".", 1)):
        return "write decimals with a point"
    if any(is_number(part) for part in cell.replace("|", " ").split()):
        return "columns are parted by commas, semicolons or tabs, and a cell is a number alone"
    return "name the column of the labels (data.label=...), or take out columns of other texts"


def missing_label(path: Path, label: str | int | None, there: Sequence[str], what: str) -> str:
    """Why a file has no labels, and what to do; ``what`` its columns or arrays are."""
    asked = f"data.label={label}" if label is not None else f"called {', '.join(LABELS)}"
    names = nearest(str(label), there) if label is not None and there else ""
    names = names or f"; there are {few(list(there)) if there else 'no names'}"
    return (
        f"{path} has no labels: no {what} is {asked}{names}\n"
        f"name the {what} that holds them: data.label=..."
    )
