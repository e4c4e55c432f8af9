"""SVHN: 73257 + 26032 house-number digits in colour, 32x32, as MATLAB files.

Netzer et al., "Reading digits in natural images with unsupervised feature learning", 2011.
The 531131 images of its "extra" part are not used.
"""

from pathlib import Path

import numpy as np

from translearn.data.files.download import DataSet, Resource, require
from translearn.data.sets.mnist import Arrays
from translearn.errors import DataError

ADDRESS = "https://ufldl.stanford.edu/housenumbers"  # torchvision asks the same host by http


SVHN = DataSet(
    name="svhn",
    title="SVHN, 73257 + 26032 house-number digits",
    resources=(
        Resource(
            "SVHN/train_32x32.mat",
            f"{ADDRESS}/train_32x32.mat",
            md5="e26dedcc434d2e4c54c9b2d4a06d8373",
            unverified="address (not tried), md5 (torchvision's)",
        ),
        Resource(
            "SVHN/test_32x32.mat",
            f"{ADDRESS}/test_32x32.mat",
            md5="eb5a983be6a315427106f1b164d9cef3",
            unverified="address (not tried), md5 (torchvision's)",
        ),
    ),
    by_hand=f"train_32x32.mat and test_32x32.mat of {ADDRESS}/ in SVHN",
)


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
    import scipy.io  # slow to import; tl-data does without

    try:
        content = scipy.io.loadmat(  # type: ignore[attr-defined,no-untyped-call]
            path, variable_names=("X", "y")
        )
        images, labels = content["X"], content["y"].reshape(-1).astype(np.int64) % 10
        if images.dtype != np.uint8 or images.shape != (32, 32, 3, len(labels)):
            raise ValueError(f"X is {images.dtype} {images.shape} beside {len(labels)} labels")
    # loadmat answers a broken file with nearly every kind of exception
    except Exception as error:
        raise DataError(
            f"{path} is broken: {error}\ndelete it and run tl-data prepare svhn"
        ) from error
    return np.moveaxis(images, -1, 0), labels
