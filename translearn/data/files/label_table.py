"""Tables of images: a line for each, with its path, its label and perhaps its split."""

import csv
import io
import os
import unicodedata
from pathlib import Path
from typing import NamedTuple

from translearn.data.files.listing import shown
from translearn.errors import DataError
from translearn.system.reading import text

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


MISSING = ("nan", "n/a", "<na>", "nat")  # as tables write a label that is not known


class Row(NamedTuple):
    """An image file: its path, relative to the folder, and what is told of it."""

    path: str
    label: str
    split: str = "train"


def normal(name: str) -> str:
    r"""A name in the one Unicode form in which names of classes are compared (NFC).

    Bytes that are no UTF-8 are written out, as ``\xe9``.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text)


def is_table(path: Path) -> bool:
    """Whether the first line of a file names the columns of a table of images."""
    try:
        return set(read_table(path)[0]) >= COLUMNS
    except (DataError, IndexError):
        return False


COLUMNS = {"path", "label"}


LARGEST_TABLE = 256 * 2**20  # bytes


def read_table(path: Path) -> list[list[str]]:
    """The cells of a table whose columns are parted by commas, semicolons or tabs.

    Raises:
        DataError: it cannot be read, or is no text in UTF-8.
    """
    content, mark = parted(path)
    try:
        rows = list(csv.reader(io.StringIO(content, newline=""), delimiter=mark, strict=True))
    except csv.Error as error:
        raise not_a_table(path, error) from error
    rows = [[cell.strip() for cell in row] for row in rows if any(map(str.strip, row))]
    return [[name.lower() for name in row] if not n else row for n, row in enumerate(rows)]


def parted(path: Path) -> tuple[str, str]:
    """The text of a table, and the mark that parts its columns: a comma, semicolon or tab.

    Raises:
        DataError: it cannot be read, or is no text in UTF-8.
    """
    try:
        content = text(path, LARGEST_TABLE)
    except (OSError, ValueError) as error:
        raise not_a_table(path, error) from error
    return content, max(",;\t", key=content.partition("\n")[0].count)


def not_a_table(path: Path, error: Exception) -> DataError:
    """The error of a file that is no table."""
    return DataError(f"cannot read the table {path}: {error}\nsave it as CSV in UTF-8")


def table_rows(path: Path) -> list[Row]:
    """What a table says of each image.

    Raises:
        DataError: naming the line that is wrong.
    """
    lines = read_table(path)
    names = lines[0] if lines else []
    if not set(names) >= COLUMNS:
        raise DataError(
            f"{path}: its first line must name the columns path and label, and perhaps split\n"
            f"it is: {shown(','.join(names))[:200]}"
        )
    rows, seen = [], dict[str, int]()
    for number, cells in enumerate(lines[1:], 2):
        told = dict(zip(names, cells, strict=False))
        place = os.path.normpath(told["path"]) if told.get("path") else ""
        split = SPLITS.get(told.get("split", "train").lower() or "train")
        wrong = (
            "has no path" if not place
            else "has no label" if not told.get("label") or told["label"].casefold() in MISSING
            else f"has the split {told['split']}; choose train, val or test" if split is None
            else f"names {place} again, as line {seen[place]}" if place in seen
            else ""
        )  # fmt: skip
        if wrong:
            raise DataError(f"{path}: row {number} {shown(wrong)}\ncorrect it, or take it out")
        seen[place] = number
        rows.append(Row(place, normal(told["label"]), str(split)))
    return rows
