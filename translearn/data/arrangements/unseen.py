"""Zero-shot data: some classes are seen in training, images of the others only in the test."""

from collections.abc import Sequence
from dataclasses import replace

from translearn.data.arrangements.other_classes import keep_classes
from translearn.data.arrangements.pairs import CLASSES, mnist
from translearn.data.sets.digits import FRAME, TEST_SIZE, grey_digits
from translearn.data.types import (
    DataSource,
    Domain,
    Kind,
    Shape,
    Split,
    TaskSet,
    cut_domain,
    permutation,
)
from translearn.errors import ConfigError, nearest

Unseen = int | Sequence[object]


class UnseenClasses(DataSource):
    """Base of the data sets from which classes are held out.

    The source has the seen classes; the target has the unseen ones, and no training images.

    Args:
        unseen: names of the unseen classes, or how many are drawn by ``class_seed``; with all of
            them there is no source.
        class_seed: draws them.
        val_fraction: share of the seen training images cut off for validation.
        split_seed: decides that cut, and that of the test where none is published.
    """

    def __init__(
        self,
        unseen: Unseen = 3,
        class_seed: int = 0,
        val_fraction: float = 0.1,
        split_seed: int = 0,
    ) -> None:
        self.unseen, self.class_seed = unseen, class_seed
        self.val_fraction, self.split_seed = val_fraction, split_seed

    def hold_out(
        self,
        name: str,
        classes: Sequence[str],
        train: Split,
        test: Split,
        test_unseen: Split,
        shape: Shape,
        protocol: str,
    ) -> TaskSet:
        """Source and target of splits whose labels count ``classes``; each keeps its own."""
        unseen = chosen_classes(self.unseen, classes, self.class_seed)
        seen = [label for label in range(len(classes)) if label not in unseen]
        return zero_shot_tasks(
            name, ([classes[i] for i in seen], [classes[i] for i in unseen]),
            keep_classes(train, seen) if seen else None,
            keep_classes(test, seen) if seen else None,
            keep_classes(test_unseen, unseen), self.val_fraction, self.split_seed, shape, protocol,
        )  # fmt: skip


class DigitsAttributes(UnseenClasses):
    """scikit-learn's digits (embedded): seven are seen, three are known by description alone.

    The seen digits keep the test images of ``data=digits``; of the unseen ones all images are
    tested. Arguments as in UnseenClasses; ``root`` is ignored.
    """

    embedded = True

    def __init__(
        self,
        root: str = "",
        unseen: Unseen = 3,
        class_seed: int = 0,
        val_fraction: float = 0.1,
        split_seed: int = 0,
    ) -> None:
        super().__init__(unseen, class_seed, val_fraction, split_seed)

    def load(self) -> TaskSet:
        """Build both tasks from scikit-learn's file.

        Raises:
            ConfigError: ``unseen`` names no digits, or too many.
        """
        digits = grey_digits()
        assert digits.y is not None
        order = permutation(len(digits), self.split_seed)
        train, test = digits.select(order[TEST_SIZE:]), digits.select(order[:TEST_SIZE])
        shape = (1, FRAME, FRAME)
        return self.hold_out("digits_attributes", CLASSES, train, test, digits, shape, "seeded")


class MnistAttributes(UnseenClasses):
    """MNIST with unseen digits, tested on its published test images. Arguments as in UnseenClasses.

    Args:
        root: the data root folder.
        download: whether missing files are downloaded.
    """

    def __init__(
        self,
        root: str,
        unseen: Unseen = 3,
        class_seed: int = 0,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        download: bool = True,
    ) -> None:
        super().__init__(unseen, class_seed, val_fraction, split_seed)
        self.root, self.download = root, download

    def load(self) -> TaskSet:
        """Read MNIST.

        Raises:
            ConfigError: ``unseen`` names no digits, or too many.
            DataError: files are missing or broken.
        """
        train, test, _ = mnist(self.root, FRAME, self.download)
        shape = (1, FRAME, FRAME)
        return self.hold_out("mnist_attributes", CLASSES, train, test, test, shape, "published")


def chosen_classes(unseen: Unseen, classes: Sequence[str], seed: int) -> list[int]:
    """The labels of the unseen classes, rising.

    Raises:
        ConfigError: a name is no class, or source or target is left with one class.
    """
    if isinstance(unseen, int):
        labels = permutation(len(classes), seed).tolist()[:unseen] if unseen > 0 else []
    else:
        for name in unseen:
            if str(name) not in classes:
                raise ConfigError(f"data.unseen: no class {name}{nearest(str(name), classes)}")
        labels = [classes.index(str(name)) for name in unseen]
    if len(set(labels)) < 2 or len(set(labels)) == len(classes) - 1:
        raise ConfigError(
            f"data.unseen={unseen}: of {len(classes)} classes choose 2 to {len(classes) - 2}, "
            "or all of them"
        )
    return sorted(set(labels))


def zero_shot_tasks(
    name: str,
    classes: tuple[Sequence[str], Sequence[str]],
    train: Split | None,
    test_seen: Split | None,
    test_unseen: Split,
    val_fraction: float,
    split_seed: int,
    shape: Shape,
    protocol: str,
    kind: Kind = Kind.image,
) -> TaskSet:
    """A source of seen classes (unless there are none) and a target of unseen ones.

    The target's training split is empty: nothing of its images can reach training.
    """
    empty = test_unseen.select(permutation(0, 0))
    domains = {}
    if train is not None:
        source = cut_domain(
            f"{name}/seen", tuple(classes[0]), train, test_seen, val_fraction, split_seed
        )
        domains["source"] = replace(source, kind=kind)
    target = tuple(classes[1])
    domains["target"] = Domain(f"{name}/unseen", target, empty, None, test_unseen, kind)
    return TaskSet(name, domains, shape, protocol)
