"""What the readers of digit sets share: ten classes, images of one common size."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from translearn.data.types import Kind, Reader, Samples, Split

CLASSES = tuple(str(digit) for digit in range(10))


Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]  # images (N, ...), labels (N,)


class DigitReader(Reader):
    """Base of the published digit sets, each with its training and test split.

    Args:
        root: the data root folder.
        size: edge of the images, 28 or 32.
        download: whether missing files are downloaded.

    Raises:
        ConfigError: it is another size.
    """

    def __init__(self, root: str, size: Literal[28, 32] = 28, download: bool = True) -> None:
        self.root, self.size, self.download = root, size, download


def digit_samples(name: str, train: Split, test: Split, protocol: str = "published") -> Samples:
    """Images of digits with their published splits."""
    assert isinstance(train.x, Tensor)
    return Samples(name, CLASSES, train, test, Kind.image, tuple(train.x.shape[1:]), protocol)


def pad(arrays: Arrays, margin: int) -> Split:
    """Images with a black margin; a negative one crops."""
    images, labels = as_tensors(arrays)
    return Split(F.pad(images, (margin,) * 4).contiguous(), labels)


def resize(arrays: Arrays, size: int) -> Split:
    """Images resized to ``size`` x ``size``, bilinear with antialiasing."""
    images, labels = as_tensors(arrays)
    if images.shape[-1] == size:
        return Split(images, labels)
    parts = []
    for start in range(0, len(images), 8192):  # a whole set as float would be four times as large
        part = images[start : start + 8192].float()
        large = F.interpolate(part, (size, size), mode="bilinear", antialias=True)
        parts.append(large.round().to(torch.uint8))
    return Split(torch.cat(parts), labels)


def as_tensors(arrays: Arrays) -> tuple[Tensor, Tensor]:
    """Arrays (N, H, W) or (N, H, W, 3) as tensors (N, C, H, W), with their labels."""
    images, labels = arrays
    channels_first = images[:, None] if images.ndim == 3 else np.moveaxis(images, -1, 1)
    return torch.from_numpy(np.array(channels_first, order="C")), torch.from_numpy(labels)
