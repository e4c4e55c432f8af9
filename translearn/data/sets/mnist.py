"""MNIST: 60000 + 10000 handwritten digits, 28x28 grey.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from translearn.data.files.checksums import unpacked
from translearn.data.files.download import BROKEN, require
from translearn.data.sets.catalog import MNIST
from translearn.data.sets.digit_images import Arrays, DigitReader, digit_samples, pad
from translearn.data.types import Samples
from translearn.errors import DataError

MOST_BYTES = 2**28  # of an idx file; that of the training images has 47 MB


class Mnist(DigitReader):
    """MNIST as uint8 (N, 1, size, size), padded with black to 32. Arguments as in DigitReader."""

    needs = (MNIST,)

    def read(self) -> Samples:
        """Read both splits.

        Raises:
            DataError: files are missing or broken.
        """
        train, test = load_mnist(self.root, self.download)
        margin = (self.size - 28) // 2
        return digit_samples("mnist", pad(train, margin), pad(test, margin))


def load_mnist(root: str | Path, download: bool = True) -> tuple[Arrays, Arrays]:
    """Read the published training and test split.

    Returns:
        (images, labels) of each: uint8 (N, 28, 28) and int64 (N,).

    Raises:
        DataError: files are missing or broken.
    """
    train_x, train_y, test_x, test_y = (read_idx(p) for p in require(MNIST, root, download))
    return pair(train_x, train_y, root), pair(test_x, test_y, root)


def pair(images: NDArray[np.uint8], labels: NDArray[np.uint8], root: str | Path) -> Arrays:
    """Images with their labels, which must be as many."""
    fits = images.shape[1:] == (28, 28) and labels.shape == images.shape[:1]
    if not fits or not len(labels) or labels.max() > 9:
        raise DataError(
            f"MNIST in {root} has images {images.shape} and labels {labels.shape}\n"
            "tl-data verify mnist tells which file is wrong"
        )
    return images, labels.astype(np.int64)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file of bytes, plain or gzipped: two zeros, type 8, rank, sizes, then the bytes.

    Raises:
        DataError: it is not such a file; the message names it.
    """
    try:
        content = unpacked(path, MOST_BYTES)
        rank = content[3]
        if content[:3] != b"\x00\x00\x08":
            raise ValueError("it does not start as an idx file of bytes")
        shape = np.frombuffer(content, ">u4", rank, offset=4).astype(int)
        data = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
        return data.reshape(shape)
    except (*BROKEN, IndexError) as error:
        raise DataError(
            f"{path} is broken: {error}\ndelete it and run tl-data prepare mnist"
        ) from error
