"""USPS: 7291 + 2007 digits of envelopes, 16x16 grey, as LIBSVM text.

Hull, "A database for handwritten text recognition research", 1994; the copy of the
LIBSVM data page.
"""

from pathlib import Path

import numpy as np

from translearn.data.files.checksums import open_content
from translearn.data.files.download import DataSet, Resource, require
from translearn.data.sets.mnist import Arrays
from translearn.errors import DataError

ADDRESS = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass"


EDGE = 16


USPS = DataSet(
    name="usps",
    title="USPS, 7291 + 2007 digits of envelopes",
    # sha256: of the text of a real copy, which was packed by somebody else than LIBSVM;
    # md5: of LIBSVM's own file, as torchvision publishes it. Either is accepted.
    resources=(
        Resource(
            "USPS/usps.bz2",
            f"{ADDRESS}/usps.bz2",
            sha256="9a0edcd5b0ba3685318746f8e8fc945bc00e8cac60692e2cea60e4f1b47b49f1",
            md5="ec16c51db3855ca6c91edd34d0e9b197",
            unverified="address (not tried), md5 (torchvision's)",
        ),
        Resource(
            "USPS/usps.t.bz2",
            f"{ADDRESS}/usps.t.bz2",
            sha256="8d8b5579704b88819f3bde76ebc93e284ffee6ba3892c2146a649ff198972be4",
            md5="8ea070ee2aca1ac39742fdd1ef5ed118",
            unverified="address (not tried), md5 (torchvision's)",
        ),
    ),
    by_hand=f"usps.bz2 and usps.t.bz2 of {ADDRESS}/ in USPS",
)


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
        with open_content(path) as file:
            values, labels = load_svmlight_file(file, n_features=EDGE * EDGE, zero_based=False)
        if not len(labels) or labels.min() < 1 or labels.max() > 10:
            raise ValueError("labels must be 1 to 10")
    except (OSError, EOFError, ValueError) as error:
        raise DataError(
            f"{path} is broken: {error}\ndelete it and run tl-data prepare usps"
        ) from error
    grey = np.rint((values.toarray() + 1) * 127.5).clip(0, 255).astype(np.uint8)
    return grey.reshape(-1, EDGE, EDGE), labels.astype(np.int64) - 1
