"""Printed digits, rendered once from sans-serif fonts by ``benchmarks/print_digits.py``."""

import hashlib
from pathlib import Path

import numpy as np
import torch

from translearn.data.files.arrays import read_npz
from translearn.data.sets.digit_images import CLASSES
from translearn.data.sets.digits import enlarge
from translearn.data.types import Kind, Reader, Samples, Split
from translearn.errors import DataError

FILE = Path(__file__).parent / "assets" / "print.npz"


# sha256 of the images (7000, 8, 8), then the labels (7000,), both uint8.
SHA256 = "19c50a6f6b23fbee2db4b302fc107d82c44c53f186b8d155ff2c8f100350f8db"


TEST_SIZE = 1000


class PrintedDigits(Reader):
    """7000 printed digits of four font families, read as scikit-learn's handwritten ones were.

    Each is the ink of 4x4 blocks of a 32x32 bitmap, 8x8 counts of 0 to 16, enlarged to 20x20 in a
    28x28 frame, as the set ``digits`` is.
    """

    origins = ("package/translearn/data/sets/assets/print.npz",)

    def read(self) -> Samples:
        """Read the file of the package.

        Raises:
            DataError: it is missing or broken.
        """
        counts, labels = stored(FILE)
        images = enlarge(torch.from_numpy(counts).float() * (255 / 16))
        everything = Split(images, torch.from_numpy(labels).long())
        shape = tuple(images.shape[1:])
        return Samples("print", CLASSES, everything, None, Kind.image, shape, "seeded", TEST_SIZE)


def stored(path: Path = FILE) -> tuple[np.ndarray, np.ndarray]:
    """Counts of ink uint8 (7000, 8, 8) and labels uint8 (7000,).

    Raises:
        DataError: the file is missing or is not the published one.
    """
    try:
        images, labels = read_npz(path, ("images", "labels"))
        found = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    except DataError as error:
        raise DataError(broken(path)) from error
    if found != SHA256:
        raise DataError(broken(path))
    return images, labels


def broken(path: Path) -> str:
    """What to do about it."""
    return (
        f"the printed digits are missing or broken: {path}\n"
        "the file comes with the package: install translearn again, or take data=digits_photos"
    )
