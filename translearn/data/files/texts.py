"""Lists in text files, as data sets publish them beside their photos."""

from pathlib import Path

from translearn.data.files.arrays import unreadable
from translearn.errors import DataError
from translearn.system import reading


def text_lines(path: Path) -> list[str]:
    """The lines of a text file with something in them.

    Raises:
        DataError: it is missing, no UTF-8 text, or empty.
    """
    try:
        lines = [line for line in reading.text(path).splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise unreadable(path, "a list", error) from error
    if not lines:
        raise DataError(f"{path} is empty")
    return lines
