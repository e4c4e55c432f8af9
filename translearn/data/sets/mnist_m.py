"""MNIST-M: 59001 + 9001 MNIST digits over photos, 32x32 in colour, rebuilt bit for bit.

Ganin and Lempitsky, "Unsupervised domain adaptation by backpropagation", 2015. Image i is MNIST's
image i, padded to 32x32 and blended with a crop c of a BSDS500 training photo: 255 - c where the
digit is above 0, else c. The published crops stand in ``assets/mnist_m_crops.npz``.
"""

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from translearn.data.files.download import require
from translearn.data.files.images import refuse_large
from translearn.data.sets.catalog import BSDS500, MNIST
from translearn.data.sets.digit_images import Arrays, DigitReader, digit_samples, pad
from translearn.data.sets.mnist import load_mnist
from translearn.data.types import Samples
from translearn.errors import DataError

log = logging.getLogger(__name__)


TABLE = Path(__file__).parent / "assets" / "mnist_m_crops.npz"


EDGE = 32


MOST_PIXELS = 10**6  # of a photo; those of BSDS500 have 154401


# sha256 of the published uint8 images (N, 32, 32, 3).
SHA256 = {
    "train": "3c689850ded80df111260294d02c79ee0a6e602a9fd634c4e08e1339628f8d33",
    "test": "47415b066fe8a39de3f0e86f65a72d4c4078f1e2557a388ca0a7cfd8dfe90b14",
}


class MnistM(DigitReader):
    """MNIST-M as uint8 (N, 3, size, size); its digits have MNIST's margin, and 28 crops it away.

    ``protocol`` is ``rebuilt`` where it is not the published one. Arguments as in DigitReader.
    """

    needs = (MNIST, BSDS500)

    def read(self) -> Samples:
        """Read both splits.

        Raises:
            DataError: files are missing or broken.
        """
        train, test, published = load_mnist_m(self.root, self.download)
        margin = (self.size - EDGE) // 2
        protocol = "published" if published else "rebuilt"
        samples = digit_samples("mnistm", pad(train, margin), pad(test, margin), protocol)
        (_, labels), _ = load_mnist(self.root, self.download)
        return replace(samples, made_of=len(labels))


def load_mnist_m(root: str | Path, download: bool = True) -> tuple[Arrays, Arrays, bool]:
    """Rebuild the published training and test split.

    Returns:
        (images, labels) of each: uint8 (N, 32, 32, 3) and int64 (N,); and whether both are the
        published ones bit for bit. Where they are not, a warning says why.

    Raises:
        DataError: files are missing or broken, or MNIST is not the published one.
    """
    digits = dict(zip(("train", "test"), load_mnist(root, download), strict=True))
    folder = require(BSDS500, root, download)[0]
    with np.load(TABLE) as table:  # of the package
        photos = [read_photo(folder / f"{name}.jpg") for name in table["bsds_train_names"]]
        splits, published = {}, True
        for split, (images, labels) in digits.items():
            image, y, x = (table[f"{split}_{key}"] for key in ("image", "y", "x"))
            labels = labels[: len(image)]
            if not np.array_equal(labels, table[f"{split}_label"]):
                raise DataError(
                    f"MNIST-M is made of the published MNIST, and {root} holds another\n"
                    "tl-data verify mnist tells which file is wrong"
                )
            try:
                blended = blend(images[: len(image)], photos, image, y, x)
            except (IndexError, ValueError) as error:
                raise DataError(
                    f"the photos in {folder} are not those of BSDS500: one is too small\n"
                    "tl-data verify bsds500 tells whether they differ"
                ) from error
            splits[split] = (blended, labels)
            published &= hashlib.sha256(blended.data).hexdigest() == SHA256[split]
    if not published:
        log.warning(
            "MNIST-M differs from the published one: this machine's JPEG decoder or a file in %s "
            "differs (tl-data verify mnist_mnistm); results say protocol=rebuilt",
            folder,
        )
    return splits["train"], splits["test"], published


def read_photo(path: Path) -> NDArray[np.uint8]:
    """Decode one photo to uint8 (H, W, 3).

    Raises:
        DataError: it is missing or broken; the message names it.
    """
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            refuse_large(image, MOST_PIXELS)
            return np.array(image.convert("RGB"))
    except Exception as error:  # pillow and its decoders each have their own
        raise DataError(
            f"cannot read the photo {path}: {error}\n"
            "delete its folder and run tl-data prepare bsds500, or run data=print_hand"
        ) from error


def blend(
    digits: NDArray[np.uint8],
    photos: list[NDArray[np.uint8]],
    image: NDArray[np.integer],
    y: NDArray[np.integer],
    x: NDArray[np.integer],
) -> NDArray[np.uint8]:
    """Blend digits (N, 28, 28) with the crops of ``photos[image]`` at row ``y`` and column ``x``.

    Returns:
        uint8 (N, 32, 32, 3).
    """
    margin = (EDGE - digits.shape[1]) // 2
    # 255 - c is c with all bits flipped, so the hard mask is an exclusive or with 255.
    mask = np.zeros((len(digits), EDGE, EDGE, 1), np.uint8)
    mask[:, margin:-margin, margin:-margin, 0] = (digits > 0) * np.uint8(255)
    crops = np.empty((len(digits), EDGE, EDGE, 3), np.uint8)
    for number, photo in enumerate(photos):
        rows = np.flatnonzero(image == number)
        windows = sliding_window_view(photo, (EDGE, EDGE), axis=(0, 1))  # (H', W', 3, 32, 32)
        crops[rows] = windows[y[rows], x[rows]].transpose(0, 2, 3, 1)
    crops ^= mask
    return crops
