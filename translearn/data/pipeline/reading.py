"""Every image file of a run is read before its first step: all bad ones are known at once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from translearn.data.files.images import FileImages, UnreadableError
from translearn.data.files.listing import few, shown
from translearn.data.pipeline.decoding import read_all
from translearn.data.types import Domain, Images, Split, TaskSet, drawn
from translearn.errors import DataError


@dataclass
class TaskFiles:
    """What was read of the image files of a task.

    Attributes:
        files: how many there are in all splits.
        read: how many of them were read: fewer where a run takes a part.
        bad: those that cannot be read.
        looks: how many images were changed in which way to show them.
    """

    files: int = 0
    read: int = 0
    bad: list[UnreadableError] = field(default_factory=list)
    looks: Counter[str] = field(default_factory=Counter)

    def record(self) -> dict[str, Any]:
        """What the result keeps of it."""
        return {
            "files": self.files,
            "read": self.read,
            "bad": {shown(str(error.path)): error.reason for error in self.bad[:MOST_KEPT]},
            "bad_count": len(self.bad),
            "shown": dict(sorted(self.looks.items())),
        }

    def __str__(self) -> str:
        """What is not as usual; empty where nothing is."""
        told = [f"{count} {look}" for look, count in sorted(self.looks.items())]
        if self.read < self.files:
            told.insert(0, f"{self.read} of {self.files} files read")
        if self.bad:
            told.insert(0, f"{len(self.bad)} files left out that cannot be read: {names(self.bad)}")
        return ", ".join(told)


MOST_KEPT = 1000  # names of bad files in the result


class Reader:
    """Reads the image files of tasks; samples that are no files are left as they are.

    Args:
        resident_bytes: a split of up to this size is kept decoded.
        workers: decoding processes.
        most: at most so many files of each split are read and used, drawn by ``seed``; None: all.
        seed: of the run.
        show: whether bars are shown.
    """

    def __init__(
        self, resident_bytes: int, workers: int, most: int | None, seed: int, show: bool
    ) -> None:
        self.resident_bytes, self.workers, self.most = resident_bytes, workers, most
        self.seed, self.show = seed, show
        self._known: dict[FileImages, tuple[Images, Tensor]] = {}

    def read(self, tasks: TaskSet) -> tuple[TaskSet, dict[str, TaskFiles]]:
        """Read what the tasks hold.

        Returns:
            The tasks, without what could not be read where that is to be skipped, and what was read
            of each task that has files.

        Raises:
            DataError: files cannot be read; the message names all.
            OutOfMemoryError: there is less memory than the decoded images need.
        """
        every = {name: TaskFiles() for name in tasks.tasks}
        domains = {
            name: self._domain(domain, every[name], f"{name} ({domain.name})")
            for name, domain in tasks.tasks.items()
        }
        refused = [error for files in every.values() for error in files.bad if not error.skip]
        if refused:
            raise unreadable(refused, sum(files.read for files in every.values()))
        return (
            replace(tasks, tasks=domains),
            {name: files for name, files in every.items() if files.files},
        )

    def _domain(self, domain: Domain, files: TaskFiles, title: str) -> Domain:
        train, val, test = (
            None if split is None else self._split(split, files, title)
            for split in (domain.train, domain.val, domain.test)
        )
        assert train is not None
        hidden = domain.unlabelled
        if hidden is not None:
            hidden, _ = self._images(hidden, files, title)
        return replace(domain, train=train, val=val, test=test, unlabelled=hidden)

    def _split(self, split: Split, files: TaskFiles, title: str) -> Split:
        if not isinstance(split.x, FileImages):
            return split
        x, kept = self._images(split.x, files, title)
        return Split(x, None if split.y is None else split.y[kept])

    def _images(self, images: Images, files: TaskFiles, title: str) -> tuple[Images, Tensor]:
        """The images that are used, and their positions; the same list is read once."""
        if not isinstance(images, FileImages):
            return images, torch.arange(len(images))
        if images not in self._known:
            self._known[images] = self._read(images, files, title)
        return self._known[images]

    def _read(self, images: FileImages, files: TaskFiles, title: str) -> tuple[Images, Tensor]:
        positions = drawn(len(images), self.most, self.seed)
        part = images[positions]
        contents = read_all(
            part, self.workers, part.nbytes <= self.resident_bytes, title, self.show
        )
        files.files += len(images)
        files.read += len(part)
        files.bad += contents.bad.values()
        files.looks.update(contents.looks)
        good = torch.tensor([n for n in range(len(part)) if n not in contents.bad]).long()
        x: Images = part if contents.x is None else contents.x
        return (x[good] if contents.bad else x), positions[good]


def unreadable(bad: Sequence[UnreadableError], read: int) -> DataError:
    """The error of all files that cannot be read, in at most six lines."""
    lines = list(first_lines(bad))
    return DataError(
        f"{len(bad)} of {read} image files cannot be read\n" + "\n".join(lines) + "\n"
        "mend or delete them, or leave them out: data.on_bad=skip"
    )


MOST_NAMED = 100


def first_lines(bad: Sequence[UnreadableError]) -> Iterator[str]:
    """Four lines at most: the first files with their reasons, and the names of the others."""
    room = 4 if len(bad) <= 4 else 3
    for error in bad[:room]:
        yield f"{shown(str(error.path))}: {error.reason[:300]}"
    others = bad[room:MOST_NAMED]
    if others:
        more = f", and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
        yield "and " + ", ".join(shown(str(error.path)) for error in others) + more


def names(bad: Sequence[UnreadableError]) -> str:
    """The files, at most a few."""
    return few([str(error.path) for error in bad])
