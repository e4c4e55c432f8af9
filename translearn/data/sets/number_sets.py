"""Published sets of vectors and signals: reviews, SURF histograms, and activities by subject."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from translearn.data.files.arrays import matrix, whole_numbers
from translearn.data.files.download import DataSet, Resource, data_root, missing
from translearn.data.files.matlab import read_mat
from translearn.data.files.number_files import in_columns, read_numbers
from translearn.data.files.numbers import Numbers
from translearn.data.sets.catalog_numbers import (
    AMAZON_REVIEWS,
    HAR,
    OFFICE_CALTECH10,
    WISDM,
)
from translearn.data.types import Kind, Reader, Samples, Split
from translearn.errors import DataError
from translearn.ranges import Count

WORDS = tuple(str(number) for number in range(5000))


def files_of(data_set: DataSet, root: str, names: list[str]) -> list[Path]:
    """The paths of some files of a set.

    Raises:
        DataError: one is missing; the message says how to get it.
    """
    folder = data_root(root)
    chosen: list[Resource] = [r for r in data_set.resources if Path(r.path).name in names]
    absent = [resource for resource in chosen if resource.find(folder) is None]
    if absent:
        raise missing(data_set, folder, absent)
    by_name = {Path(resource.path).name: folder / resource.path for resource in chosen}
    return [by_name[name] for name in names]


class AmazonReviews(Reader):
    """Reviews of one domain as counts of 5000 words and pairs of words (Blitzer et al. 2007).

    The files of the DANN paper's section 5.1: the training part has 2000 reviews. As a target it is
    used without its labels, and the test part is scored.

    Args:
        domain: books, dvd, electronics or kitchen.
        root: the data root folder.
    """

    needs = (AMAZON_REVIEWS,)

    def __init__(self, domain: str = "books", root: str = "") -> None:
        self.domain, self.root = domain, root

    def read(self) -> Samples:
        """Read both parts.

        Raises:
            DataError: a file is missing or broken.
        """
        names = [f"{self.domain}_{split}.svmlight" for split in ("train", "test")]
        parts = []
        for path in files_of(AMAZON_REVIEWS, self.root, names):
            found = read_numbers(path, None, None)
            x = in_columns(found, WORDS, (len(WORDS),), "the 5000 words")
            parts.append(split_of(x, labels(found, ("-1", "1"))))
        return Samples(
            self.domain, ("negative", "positive"), parts[0], parts[1], Kind.vector,
            (len(WORDS),), "published", columns=WORDS,
        )  # fmt: skip


class OfficeCaltech10(Reader):
    """SURF histograms of one domain: 800 counts, 10 classes (Gong et al. 2012); no split.

    Args:
        domain: amazon, caltech10, dslr or webcam.
        root: the data root folder.
    """

    needs = (OFFICE_CALTECH10,)

    def __init__(self, domain: str = "amazon", root: str = "") -> None:
        self.domain, self.root = domain, root

    def read(self) -> Samples:
        """Read the file.

        Raises:
            DataError: it is missing or broken.
        """
        (path,) = files_of(OFFICE_CALTECH10, self.root, [f"{self.domain}.mat"])
        content = read_mat(path, ("fts", "labels"))
        x = matrix(content["fts"], f"{path}: fts")
        y = whole_numbers(content["labels"], f"{path}: labels") - 1
        if len(x) != len(y) or not set(y.tolist()) <= set(range(10)):
            raise DataError(f"{path}: labels must be 1 to 10, one for each row of fts; wrong file")
        classes = tuple(str(number) for number in range(1, 11))
        return Samples(
            f"surf_{self.domain}", classes, split_of(x, y), None, Kind.vector, (x.shape[1],),
            "split",
        )  # fmt: skip


class Activities(Reader):
    """Windows of one subject's sensors, split as by AdaTime (Ragab et al., TKDD 2023).

    Args:
        name: har, with 9 channels, or wisdm, with 3.
        subject: its number.
        root: the data root folder.
    """

    def __init__(self, name: str, subject: Count = 2, root: str = "") -> None:
        self.set = {"har": HAR, "wisdm": WISDM}[name]
        self.name, self.subject, self.root, self.needs = name, subject, root, (self.set,)

    def read(self) -> Samples:
        """Read the training and the test file.

        Raises:
            DataError: one is missing or broken.
        """
        channels, classes = {"har": 9, "wisdm": 3}[self.name], tuple("012345")
        parts = []
        for path in files_of(
            self.set, self.root, [f"{split}_{self.subject}.npz" for split in ("train", "test")]
        ):
            found = read_numbers(path, "labels", "samples")
            x = found.x if found.x.shape[1] == channels else found.x.swapaxes(1, -1)
            if x.shape[1:] != (channels, 128):
                raise DataError(f"{path} must have windows of {channels} x 128; wrong file")
            parts.append(split_of(x, labels(found, classes)))
        return Samples(
            f"{self.name}_{self.subject}", classes, parts[0], parts[1], Kind.signal,
            (channels, 128), "published",
        )  # fmt: skip


def labels(found: Numbers, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """The labels of a file as places of their classes.

    Raises:
        DataError: it has others, or not one for each sample.
    """
    if found.y is None or len(found.y) != len(found) or not set(found.y) <= set(classes):
        raise DataError(
            f"{found.path} must have a label for each sample, of {', '.join(classes)}; wrong file"
        )
    return np.array([classes.index(name) for name in found.y])


def split_of(x: NDArray[np.float32], y: NDArray[np.int64]) -> Split:
    """A split of numbers."""
    return Split(torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(y))
