"""Training streams: uint8 batches as a pure function of (seed, phase, stream, step)."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from translearn.data.access import Batch, Labelled, LabelledSet, Unlabelled, UnlabelledSet
from translearn.data.files.images import FileImages
from translearn.data.pipeline.augment import Augment
from translearn.data.pipeline.order import Order
from translearn.data.pipeline.preparation import Preparation, Preparer
from translearn.data.types import Images
from translearn.errors import DataError
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
        prepare: the preprocessing.
        augment: the augmentation, or None.
        runtime: gives device and rank.
        views: as in ``Stream``.
    """

    def __init__(
        self,
        data: LabelledSet | UnlabelledSet,
        order: Order,
        batch_size: int,
        prepare: Preparation,
        augment: Augment | None,
        runtime: Runtime,
        views: int = 0,
    ) -> None:
        assert isinstance(data.x, Tensor)
        self.images = data.x.to(runtime.device)
        self.labels = data.y.to(runtime.device) if isinstance(data, LabelledSet) else None
        self.order, self.batch_size = order, batch_size
        self.rows = runtime.rows(batch_size)
        self.prepare = Preparer(prepare, augment, views, batch_size, self.rows)

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


class ImageDataset(Dataset[tuple[Tensor, int]]):
    """Images with their positions, as a DataLoader wants them."""

    def __init__(self, images: Images) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        images = self.images
        x = images.decode(position) if isinstance(images, FileImages) else images[position]
        return x, position


def decoded(loader: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of a loader; a worker's DataError without the worker's traceback around it.

    Raises:
        DataError: a file is not a readable image.
    """
    try:
        yield from loader
    except DataError as error:
        raise DataError(str(error).rsplit("DataError: ", 1)[-1].strip()) from None


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
        prepare: Preparation,
        augment: Augment | None,
        runtime: Runtime,
        workers: int,
        views: int = 0,
    ) -> None:
        self.data, self.order, self.batch_size = data, order, batch_size
        self.runtime, self.workers, self.rows = runtime, workers, runtime.rows(batch_size)
        self.prepare = Preparer(prepare, augment, views, batch_size, self.rows)
        self._step = -1
        self._batches: Iterator[tuple[Tensor, Tensor]] = iter(())

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        """This rank's part of the global batch of ``step``; cheapest when steps come in order."""
        if step != self._step:
            loader = DataLoader(
                ImageDataset(self.data.x),
                batch_sampler=_Steps(self.order, self.batch_size, self.rows, step),
                num_workers=self.workers,
                pin_memory=self.runtime.device.type == "cuda",
            )
            self._batches, self._step = decoded(loader), step
        images, index = next(self._batches)
        self._step += 1
        count = self.rows.stop - self.rows.start
        beside = images[count:] if len(images) > count else None
        x = self.prepare(images[:count], beside, generator)
        index = index[:count].to(self.runtime.device)
        if isinstance(self.data, UnlabelledSet):
            return Unlabelled(x, index)
        return Labelled(x, self.data.y.to(self.runtime.device)[index], index)


def in_order(images: Images, batch_size: int, workers: int) -> Iterator[Tensor]:
    """All samples of a set in their order, ``batch_size`` at a time, files decoded by workers."""
    if isinstance(images, Tensor):
        yield from images.split(batch_size)
        return
    for x, _ in decoded(DataLoader(ImageDataset(images), batch_size, num_workers=workers)):
        yield x


def decode_all(images: FileImages, workers: int) -> Tensor:
    """All images of a list of files as one uint8 tensor (N, 3, size, size)."""
    if not len(images):
        return torch.empty(0, 3, images.size, images.size, dtype=torch.uint8)
    loader = DataLoader(ImageDataset(images), batch_size=64, num_workers=workers)
    return torch.cat([x for x, _ in decoded(loader)])


def make_resident(images: Images, budget: int, workers: int) -> Images:
    """Decode files that fit in ``budget`` bytes; leave everything else as it is."""
    if isinstance(images, FileImages) and images.nbytes <= budget:
        return decode_all(images, workers)
    return images


def make_stream(
    data: LabelledSet | UnlabelledSet,
    name: str,
    phase: str,
    seed: int,
    batch_size: int,
    prepare: Preparation,
    augment: Augment | None,
    runtime: Runtime,
    workers: int,
    views: int = 0,
    partners: Tensor | None = None,
) -> TrainingStream:
    """A resident stream for tensors, a file stream for files."""
    resident = isinstance(data.x, Tensor)
    device = runtime.device if resident else torch.device("cpu")
    order = Order(len(data), stable_seed(seed, phase, name), device, partners)
    if resident:
        return ResidentStream(data, order, batch_size, prepare, augment, runtime, views)
    return FileStream(data, order, batch_size, prepare, augment, runtime, workers, views)
