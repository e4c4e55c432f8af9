"""Image files decoded by worker processes.

Workers hand over small pieces as plain bytes through their pipes: neither shared memory nor file
descriptors are needed for an image, so that it works in a container with 64 MB of /dev/shm.
"""

import itertools
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from translearn.data.files.images import FileImages, UnreadableError
from translearn.system.memory import refuse_too_large
from translearn.system.signals import held, linger

PIECE = 2**20  # bytes that a worker hands over at a time


FEW = 64  # images that are decoded before a process has started


SHOWN_AFTER = 1.0  # seconds after which a bar appears


class Decoded(NamedTuple):
    """A batch of decoded images.

    Attributes:
        x: uint8 (B, 3, S, S), black where a file cannot be read.
        positions: of the images in their list.
        bad: row -> why its file cannot be read.
    """

    x: Tensor
    positions: Tensor
    bad: dict[int, UnreadableError]

    def whole(self) -> "Decoded":
        """The same, where every file could be read.

        Raises:
            DataError: naming the first that could not.
        """
        for error in self.bad.values():
            raise error
        return self


@dataclass
class Contents:
    """What a list of image files holds.

    Attributes:
        x: uint8 (N, 3, S, S), or None where it was not to be kept.
        bad: position -> why the file cannot be read.
        looks: how many images were changed in which way to show them.
    """

    x: Tensor | None
    bad: dict[int, UnreadableError] = field(default_factory=dict)
    looks: Counter[str] = field(default_factory=Counter)


class _Piece(NamedTuple):
    x: np.ndarray[Any, Any]
    positions: list[int]
    left: int  # samples of its batch that are still to come
    bad: dict[int, str]
    looks: Counter[str]


class _Files(Dataset[tuple[int, int, Tensor | None, Any]]):
    """Image files by (position, samples of the batch that come after the piece)."""

    def __init__(self, images: FileImages) -> None:
        self.images = images

    def __getitem__(self, place: tuple[int, int]) -> tuple[int, int, Tensor | None, Any]:
        try:
            x, look = self.images.look(place[0])
            return *place, x, look
        except UnreadableError as error:
            return *place, None, error.reason


class _Join:
    """Makes a piece of decoded images; the pixels are left out where nobody wants them."""

    def __init__(self, size: int, keep: bool) -> None:
        self.size, self.keep = size, keep

    def __call__(self, images: Sequence[tuple[int, int, Tensor | None, Any]]) -> _Piece:
        count = len(images) if self.keep else 0
        x = np.zeros((count, 3, self.size, self.size), dtype=np.uint8)
        bad, looks = dict[int, str](), Counter[str]()
        for row, (_, _, pixels, told) in enumerate(images):
            if pixels is None:
                bad[row] = told
                continue
            looks.update(told)
            if self.keep:
                x[row] = pixels.numpy()
        return _Piece(x, [image[0] for image in images], images[0][1], bad, looks)


class _Pieces:
    """Batches of positions, cut into pieces."""

    def __init__(self, batches: Iterable[Sequence[int]], most: int) -> None:
        self.batches, self.most = batches, most

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self.batches:
            for start in range(0, len(batch), self.most):
                part = batch[start : start + self.most]
                yield [(position, len(batch) - start - len(part)) for position in part]


def pieces(
    images: FileImages,
    batches: Iterable[Sequence[int]],
    workers: int,
    ahead: int,
    keep: bool = True,
) -> Iterator[_Piece]:
    """The images of batches of positions, a piece at a time, in order.

    Args:
        images: the files.
        batches: of positions.
        workers: decoding processes.
        ahead: how many images are decoded before they are asked for.
        keep: whether the pixels are wanted.
    """
    most = max(1, PIECE // (3 * images.size**2))
    loader = DataLoader(
        _Files(images),
        batch_sampler=_Pieces(batches, most),
        num_workers=workers,
        worker_init_fn=linger if workers else None,
        collate_fn=_Join(images.size, keep),
        prefetch_factor=max(2, math.ceil(ahead / most / workers)) if workers else None,
        generator=torch.Generator(),  # none of the global one: the draws of a run stay its own
    )
    with held():
        begun = iter(loader)
    yield from begun


def decoded(
    images: FileImages, batches: Iterable[Sequence[int]], batch_size: int, workers: int
) -> Iterator[Decoded]:
    """The images of batches of positions, in order; files that cannot be read are told.

    Args:
        images: the files.
        batches: of at most ``batch_size`` positions.
        batch_size: two batches are decoded before they are asked for.
        workers: decoding processes.
    """
    parts: list[_Piece] = []
    for piece in pieces(images, batches, workers, ahead=2 * batch_size):
        parts.append(piece)
        if not piece.left:
            yield _joined(images, parts)
            parts = []


def _joined(images: FileImages, parts: Sequence[_Piece]) -> Decoded:
    positions = [position for part in parts for position in part.positions]
    starts = itertools.accumulate((len(part.positions) for part in parts), initial=0)
    bad = {
        start + row: images.error(part.positions[row], reason)
        for start, part in zip(starts, parts, strict=False)
        for row, reason in part.bad.items()
    }
    x = parts[0].x if len(parts) == 1 else np.concatenate([part.x for part in parts])
    return Decoded(torch.from_numpy(x), torch.tensor(positions), bad)


def in_turn(count: int, batch_size: int) -> list[range]:
    """All positions in their order, ``batch_size`` at a time."""
    return [range(start, min(start + batch_size, count)) for start in range(0, count, batch_size)]


def read_all(
    images: FileImages, workers: int, keep: bool = True, title: str = "", show: bool = True
) -> Contents:
    """Read every file of a list.

    Args:
        images: the files.
        workers: decoding processes.
        keep: whether the pixels are kept, in one array that is made before.
        title: what the bar says is read.
        show: whether a bar is shown where it takes longer than a moment.

    Raises:
        OutOfMemoryError: there is less memory than the pixels need.
    """
    contents = Contents(None)
    if keep:
        advice = "lower run.resident_mb or data.size: files are then decoded batch by batch"
        refuse_too_large(f"keeping {len(images)} decoded images", images.nbytes, advice)
        contents.x = torch.empty(len(images), 3, images.size, images.size, dtype=torch.uint8)
    batches = in_turn(len(images), FEW)
    workers = workers if len(images) > FEW else 0
    with progress(len(images), title, show) as bar:
        for piece in pieces(images, batches, workers, 2 * FEW, keep):
            if contents.x is not None:
                start = piece.positions[0]
                contents.x[start : start + len(piece.positions)] = torch.from_numpy(piece.x)
            for row, reason in piece.bad.items():
                position = piece.positions[row]
                contents.bad[position] = images.error(position, reason)
            contents.looks.update(piece.looks)
            bar.update(len(piece.positions))
    return contents


def progress(count: int, title: str, show: bool) -> Any:
    """A bar for images that are read, which short work never shows."""
    return tqdm(
        total=count,
        desc=f"reading {title}".strip(),
        unit="image",
        disable=not show,
        delay=SHOWN_AFTER,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,
        dynamic_ncols=True,
    )
