"""Training streams: uint8 batches as a pure function of (seed, phase, stream, step)."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from translearn.data.access import Batch, Labelled, LabelledSet, Unlabelled, UnlabelledSet
from translearn.data.files.images import FileImages
from translearn.data.pipeline.augment import Augment
from translearn.data.pipeline.decoding import Decoded, decoded, in_turn, read_all
from translearn.data.pipeline.order import Order
from translearn.data.pipeline.preparation import Preparation, Preparer
from translearn.data.types import Images
from translearn.runtime import Runtime, stable_seed


class TrainingStream(Protocol):
    """Gives the batch of any step.

    Attributes:
        batch_size: samples of the global batch.
    """

    batch_size: int

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        """This rank's part of the global batch of ``step``."""


class ResidentStream:
    """A stream whose images stay on the device as uint8.

    Args:
        data: the training set.
        order: in which order it is drawn, and with which partners.
        batch_size: images of the global batch.
        prepare: makes ``x`` of this rank's samples.
        runtime: gives device and rank.
    """

    def __init__(
        self,
        data: LabelledSet | UnlabelledSet,
        order: Order,
        batch_size: int,
        prepare: Preparer,
        runtime: Runtime,
    ) -> None:
        assert isinstance(data.x, Tensor)
        self.images = data.x.to(runtime.device)
        self.labels = data.y.to(runtime.device) if isinstance(data, LabelledSet) else None
        self.order, self.batch_size = order, batch_size
        self.rows = runtime.rows(batch_size)
        self.prepare = prepare

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        """This rank's part of the global batch of ``step``."""
        start = step * self.batch_size
        drawn = self.order.drawn(start + self.rows.start, start + self.rows.stop)
        index, partner = drawn if drawn.ndim == 2 else (drawn, None)
        beside = None if partner is None else self.images[partner]
        x = self.prepare(self.images[index], beside, generator)
        if self.labels is None:
            return Unlabelled(x, index)
        return Labelled(x, self.labels[index], index)


class _Steps:
    """The batches of a rank from one step on, as a DataLoader wants them."""

    def __init__(self, order: Order, batch_size: int, rows: slice, first: int) -> None:
        self.order, self.batch_size, self.rows, self.first = order, batch_size, rows, first

    def __iter__(self) -> Iterator[list[int]]:
        start = self.first * self.batch_size
        while True:
            drawn = self.order.drawn(start + self.rows.start, start + self.rows.stop)
            yield drawn.flatten().tolist()  # partners after the samples
            start += self.batch_size


class FileStream:
    """A stream whose images are decoded by worker processes; the rest happens on the device.

    The workers draw nothing at random, so their number does not change a bit of the result.
    Arguments as in ResidentStream, and the number of ``workers``.
    """

    def __init__(
        self,
        data: LabelledSet | UnlabelledSet,
        order: Order,
        batch_size: int,
        prepare: Preparer,
        runtime: Runtime,
        workers: int,
    ) -> None:
        self.data, self.order, self.batch_size = data, order, batch_size
        self.runtime, self.workers, self.rows = runtime, workers, runtime.rows(batch_size)
        self.prepare = prepare
        self._step = -1
        self._batches: Iterator[Decoded] = iter(())

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        """This rank's part of the global batch of ``step``; cheapest when steps come in order."""
        if step != self._step:
            assert isinstance(self.data.x, FileImages)
            batches = _Steps(self.order, self.batch_size, self.rows, step)
            count = self.rows.stop - self.rows.start
            self._batches, self._step = decoded(self.data.x, batches, count, self.workers), step
        images, index, _ = next(self._batches).whole()
        self._step += 1
        count = self.rows.stop - self.rows.start
        beside = images[count:] if len(images) > count else None
        x = self.prepare(images[:count], beside, generator)
        index = index[:count].to(self.runtime.device)
        if isinstance(self.data, UnlabelledSet):
            return Unlabelled(x, index)
        return Labelled(x, self.data.y.to(self.runtime.device)[index], index)


def in_order(images: Images, batch_size: int, workers: int) -> Iterator[Tensor]:
    """All samples of a set in their order, ``batch_size`` at a time, files decoded by workers.

    Raises:
        DataError: a file is not a readable image.
    """
    if isinstance(images, Tensor):
        yield from images.split(batch_size)
        return
    for batch in decoded(images, in_turn(len(images), batch_size), batch_size, workers):
        yield batch.whole().x


def make_resident(images: Images, budget: int, workers: int) -> Images:
    """Decode files that fit in ``budget`` bytes; leave everything else as it is.

    Raises:
        DataError: a file is not a readable image.
    """
    if not isinstance(images, FileImages) or images.nbytes > budget:
        return images
    contents = read_all(images, workers)
    for error in contents.bad.values():
        raise error
    assert contents.x is not None
    return contents.x


def make_stream(
    data: LabelledSet | UnlabelledSet,
    name: str,
    phase: str,
    seed: int,
    batch_size: int,
    prepare: Preparation,
    augments: Sequence[Augment | None],
    stacked: bool,
    runtime: Runtime,
    workers: int,
    partners: Tensor | None = None,
) -> TrainingStream:
    """A resident stream for tensors, a file stream for files; arguments as in ``Preparer``."""
    resident = isinstance(data.x, Tensor)
    device = runtime.device if resident else torch.device("cpu")
    order = Order(len(data), stable_seed(seed, phase, name), device, partners)
    preparer = Preparer(prepare, augments, stacked, batch_size, runtime.rows(batch_size))
    if resident:
        return ResidentStream(data, order, batch_size, preparer, runtime)
    return FileStream(data, order, batch_size, preparer, runtime, workers)
