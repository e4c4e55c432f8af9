"""USPS: 7291 + 2007 digits of envelopes, 16x16 grey, as LIBSVM text.

Hull, "A database for handwritten text recognition research", 1994; the copy of the
LIBSVM data page.
"""

import io
from pathlib import Path

import numpy as np

from translearn.data.files.checksums import unpacked
from translearn.data.files.download import BROKEN, require
from translearn.data.sets.catalog import USPS
from translearn.data.sets.digit_images import Arrays, DigitReader, digit_samples, resize
from translearn.data.types import Samples
from translearn.errors import DataError

EDGE = 16


MOST_TEXT = 2**27  # bytes of a split


class Usps(DigitReader):
    """USPS as uint8 (N, 1, size, size), enlarged. Arguments as in DigitReader."""

    needs = (USPS,)

    def read(self) -> Samples:
        """Read both splits.

        Raises:
            DataError: files are missing or broken.
        """
        train, test = load_usps(self.root, self.download)
        return digit_samples("usps", resize(train, self.size), resize(test, self.size))


def load_usps(root: str | Path, download: bool = True) -> tuple[Arrays, Arrays]:
    """Read the published training and test split.

    Returns:
        (images, labels) of each: uint8 (N, 16, 16), ink bright, and int64 (N,).

    Raises:
        DataError: files are missing or broken.
    """
    train, test = (read_usps(path) for path in require(USPS, root, download))
    return train, test


def read_usps(path: Path) -> Arrays:
    """Read one file: a line is ``label index:value ...``, labels 1 to 10, values -1 to 1.

    Grey levels are rounded (torchvision cuts them off), so that a copy whose values are written
    with fewer digits gives the same images.

    Raises:
        DataError: it is not such a file; the message names it.
    """
    from sklearn.datasets import load_svmlight_file  # a second to import; tl-data does without

    try:
        text = io.BytesIO(unpacked(path, MOST_TEXT))
        values, labels = load_svmlight_file(text, n_features=EDGE * EDGE, zero_based=False)
        if not set(labels.tolist()) <= set(range(1, 11)) or not len(labels):
            raise ValueError("labels must be 1 to 10")
        if not (abs(values.data) <= 1).all():
            raise ValueError("values must be -1 to 1")
    except (*BROKEN, IndexError, OverflowError) as error:
        why = " ".join(str(error).split())[:100]
        raise DataError(
            f"{path} is broken: {why}\ndelete it and run tl-data prepare usps"
        ) from error
    grey = np.rint((values.toarray() + 1) * 127.5).clip(0, 255).astype(np.uint8)
    return grey.reshape(-1, EDGE, EDGE), labels.astype(np.int64) - 1
