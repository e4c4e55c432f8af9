"""MNIST: 60000 + 10000 handwritten digits, 28x28 grey.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from translearn.data.files.checksums import open_content
from translearn.data.files.download import BROKEN, DataSet, Resource, require
from translearn.errors import DataError

ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist"  # torchvision's first mirror


# sha256 of the unpacked files, computed from a real copy.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


MNIST = DataSet(
    name="mnist",
    title="MNIST, 60000 + 10000 handwritten digits",
    resources=tuple(
        Resource(f"MNIST/raw/{name}", f"{ADDRESS}/{name}.gz", sha256)
        for name, sha256 in SHA256.items()
    ),
    by_hand=f"the four idx files of {ADDRESS}/, plain or .gz, in MNIST/raw",
)


Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


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
    if images.ndim != 3 or labels.shape != images.shape[:1]:
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
        with open_content(path) as file:
            content = file.read()
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
