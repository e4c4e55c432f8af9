"""A job of a sweep whose run lies in another folder: the note of where. Imports no torch."""

import os
from pathlib import Path

from translearn.system import reading

MOST_PATH = 4096
POINTER = "run_folder.txt"  # in a job's folder: where the run is that stands for it


def point_to(folder: Path, run: Path) -> None:
    """Note in a job's folder that another folder holds its run."""
    if run.resolve() != folder.resolve():
        path = os.path.relpath(run.resolve(), folder.resolve())
        (folder / POINTER).write_text(path + "\n", encoding="utf-8")


def pointed(folder: Path) -> Path:
    """The folder of the run that stands for a job.

    Raises:
        OSError: the note of it cannot be read.
        ValueError: it holds no path.
    """
    path = reading.text(folder / POINTER, MOST_PATH).strip()
    if not path.isprintable():
        raise ValueError("it holds no path")
    return Path(os.path.normpath(folder / path))
