"""SVHN: 73257 + 26032 house-number digits in colour, 32x32, as MATLAB files.

Netzer et al., "Reading digits in natural images with unsupervised feature learning", 2011.
The 531131 images of its "extra" part are not used.
"""

from pathlib import Path

import numpy as np

from translearn.data.files import matlab
from translearn.data.files.arrays import whole_numbers
from translearn.data.files.download import require
from translearn.data.sets.catalog import SVHN
from translearn.data.sets.digit_images import Arrays, DigitReader, digit_samples, resize
from translearn.data.types import Samples
from translearn.errors import DataError


class Svhn(DigitReader):
    """SVHN as uint8 (N, 3, size, size). Arguments as in DigitReader."""

    needs = (SVHN,)

    def read(self) -> Samples:
        """Read both splits.

        Raises:
            DataError: files are missing or broken.
        """
        train, test = load_svhn(self.root, self.download)
        return digit_samples("svhn", resize(train, self.size), resize(test, self.size))


def load_svhn(root: str | Path, download: bool = True) -> tuple[Arrays, Arrays]:
    """Read the published training and test split.

    Returns:
        (images, labels) of each: uint8 (N, 32, 32, 3) and int64 (N,).

    Raises:
        DataError: files are missing or broken.
    """
    train, test = (read_mat(path) for path in require(SVHN, root, download))
    return train, test


def read_mat(path: Path) -> Arrays:
    """Read one file: ``X`` uint8 (32, 32, 3, N) and ``y`` (N, 1), where 10 means the digit 0.

    Raises:
        DataError: it is not such a file; the message names it.
    """
    try:
        content = matlab.read_mat(path, ("X", "y"))
        images, labels = content["X"], whole_numbers(content["y"], "y")
        if labels.min() < 0 or labels.max() > 10:
            raise ValueError(f"y has labels of {labels.min()} to {labels.max()}, not 1 to 10")
        if images.dtype != np.uint8 or images.shape != (32, 32, 3, len(labels)):
            raise ValueError(f"X is {images.dtype} {images.shape} beside {len(labels)} labels")
    except (DataError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path} is broken: {error}\ndelete it and run tl-data prepare svhn"
        ) from error
    return np.moveaxis(images, -1, 0), labels % 10
