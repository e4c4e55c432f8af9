"""Another task, same domain: some classes of a set are the source, the others the target."""

from collections.abc import Sequence

import torch
from torch import Tensor

from translearn.data.access import limit_labels
from translearn.data.arrangements.pairs import CLASSES, mnist
from translearn.data.files.download import data_root
from translearn.data.sets.catalog import OFFICE31_DOMAINS
from translearn.data.sets.digits import FRAME, TEST_SIZE, grey_digits
from translearn.data.sets.folder import check_crop
from translearn.data.sets.office31 import TEST_FRACTION, read_office31
from translearn.data.types import DataSource, Split, TaskSet, cut_domain, permutation
from translearn.errors import ConfigError, nearest

LOW, HIGH = tuple(range(5)), tuple(range(5, 10))


class ClassSplit(DataSource):
    """Base of the data sets whose classes are shared out between source and target.

    Args:
        val_fraction: share of the training images cut off for validation.
        split_seed: decides the splits.
        target_labels_per_class: keep only so many target labels of each class, or None.
    """

    def __init__(
        self,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        target_labels_per_class: int | None = None,
    ) -> None:
        self.val_fraction, self.split_seed = val_fraction, split_seed
        self.target_labels_per_class = target_labels_per_class

    def divide(
        self,
        name: str,
        classes: Sequence[str],
        train: Split,
        test: Split,
        shares: tuple[Sequence[int], Sequence[int]],
        input_shape: tuple[int, int, int],
        protocol: str,
    ) -> TaskSet:
        """Give source and target their share of the classes (labels), and cut the validation."""
        domains = {}
        for task, kept in zip(("source", "target"), shares, strict=True):
            names = tuple(classes[label] for label in kept)
            domains[task] = cut_domain(
                f"{name}/{task}", names, keep_classes(train, kept), keep_classes(test, kept),
                self.val_fraction, self.split_seed,
            )  # fmt: skip
        tasks = TaskSet(name, domains, input_shape, protocol)
        return limit_labels(tasks, self.target_labels_per_class, self.split_seed)


class DigitsSplit(ClassSplit):
    """scikit-learn's digits (embedded): 0 to 4 are the source, 5 to 9 the target.

    Arguments as in ClassSplit; ``root`` is ignored.
    """

    embedded = True

    def __init__(
        self,
        root: str = "",
        val_fraction: float = 0.1,
        split_seed: int = 0,
        target_labels_per_class: int | None = None,
    ) -> None:
        super().__init__(val_fraction, split_seed, target_labels_per_class)

    def load(self) -> TaskSet:
        """Build both tasks from scikit-learn's file, on the same test images as ``data=digits``."""
        digits = grey_digits()
        order = permutation(len(digits), self.split_seed)
        train, test = digits.select(order[TEST_SIZE:]), digits.select(order[:TEST_SIZE])
        shape = (1, FRAME, FRAME)
        return self.divide("digits_split", CLASSES, train, test, (LOW, HIGH), shape, "seeded")


class MnistSplit(ClassSplit):
    """MNIST: 0 to 4 are the source, 5 to 9 the target, each with the published test images.

    Arguments as in ClassSplit.

    Args:
        root: the data root folder.
        download: whether missing files are downloaded.
    """

    def __init__(
        self,
        root: str,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        target_labels_per_class: int | None = None,
        download: bool = True,
    ) -> None:
        super().__init__(val_fraction, split_seed, target_labels_per_class)
        self.root, self.download = root, download

    def load(self) -> TaskSet:
        """Read MNIST.

        Raises:
            DataError: files are missing or broken.
        """
        train, test, _ = mnist(self.root, FRAME, self.download)
        shape = (1, FRAME, FRAME)
        return self.divide("mnist_split", CLASSES, train, test, (LOW, HIGH), shape, "published")


class Office31Classes(ClassSplit):
    """One domain of Office-31: classes drawn by a seed are the source, the others the target.

    Images are cut 80/20 into training and test by ``split_seed``. Other arguments as in ClassSplit.

    Args:
        root: the data root folder.
        domain: amazon, dslr or webcam.
        source_classes: how many of the 31 classes are the source's.
        class_seed: draws them.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.
    """

    def __init__(
        self,
        root: str,
        domain: str = "webcam",
        source_classes: int = 16,
        class_seed: int = 7,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        size: int = 256,
        crop: int = 224,
        target_labels_per_class: int | None = None,
    ) -> None:
        if domain not in OFFICE31_DOMAINS:
            raise ConfigError(
                f"data.domain={domain} does not exist{nearest(str(domain), OFFICE31_DOMAINS)}"
            )
        check_crop(size, crop)
        super().__init__(val_fraction, split_seed, target_labels_per_class)
        self.root, self.domain, self.size, self.crop = root, domain, size, crop
        self.source_classes, self.class_seed = source_classes, class_seed

    def load(self) -> TaskSet:
        """List the files of the domain; images are decoded later.

        Raises:
            ConfigError: ``source_classes`` leaves source or target without two classes.
            DataError: the folder is missing.
        """
        everything, classes = read_office31(data_root(self.root), self.domain, self.size)
        if not 2 <= self.source_classes <= len(classes) - 2:
            raise ConfigError(
                f"data.source_classes={self.source_classes}: choose 2 to {len(classes) - 2}"
            )
        drawn = permutation(len(classes), self.class_seed).tolist()
        shares = (sorted(drawn[: self.source_classes]), sorted(drawn[self.source_classes :]))
        order = permutation(len(everything), self.split_seed)
        size = int(len(everything) * TEST_FRACTION)
        train, test = everything.select(order[size:]), everything.select(order[:size])
        name, shape = f"office31_classes:{self.domain}", (3, self.crop, self.crop)
        return self.divide(name, classes, train, test, shares, shape, "split")


def keep_classes(split: Split, kept: Sequence[int]) -> Split:
    """The images of the classes ``kept``, labelled by the place of their class in it."""
    assert split.y is not None
    places = torch.full((max(int(split.y.max()), *kept) + 1,), -1)
    places[list(kept)] = torch.arange(len(kept))
    labels: Tensor = places[split.y]
    index = (labels >= 0).nonzero().flatten()
    return Split(split.x[index], labels[index])
