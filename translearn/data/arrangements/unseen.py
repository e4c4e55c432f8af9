"""Zero-shot data: some classes are seen in training, images of the others only in the test."""

from collections.abc import Mapping, Sequence
from typing import Any

from translearn.data.arrangements.base import Arrangement
from translearn.data.arrangements.other_classes import labels_of
from translearn.data.cuts import cut_domain, cut_test, keep_classes, split_of_classes
from translearn.data.sets.by_name import open_sets
from translearn.data.types import Domain, Samples, TaskSet, permutation
from translearn.errors import ConfigError
from translearn.ranges import Count, Part, Seed


class Unseen(Arrangement):
    """The source has the seen classes of a set; the target has the unseen ones, and no training.

    Published splits are kept: the target is tested on its share of the test. Where none is
    published, the seen images are cut 80/20 by ``split_seed``, and all images of unseen classes are
    tested.

    Args:
        root: the data root folder.
        set: the name of a set.
        unseen: names of the unseen classes, or how many are drawn by ``class_seed``; with all of
            them there is no source. None: those that the set publishes.
        class_seed: draws them.
        val_fraction: share of the seen training images cut off for validation.
        split_seed: decides all cuts.
        title: what tables call it, with ``{set}`` for the set's name; None: that name.
        download: whether missing files are downloaded.
        options: of the set, such as ``size``; see its reader.

    Raises:
        ConfigError: the set or an option does not exist.
    """

    def __init__(
        self,
        root: str = "",
        set: str | None = None,
        unseen: Count | Sequence[object] | None = None,
        class_seed: Seed = 0,
        val_fraction: Part = 0.1,
        split_seed: Seed = 0,
        title: str | None = None,
        download: bool = True,
        **options: Any,
    ) -> None:
        offered = {"root": root, "split_seed": split_seed, "download": download}
        readers = {"set": open_sets([("set", set)], {**offered, **options})[0]}
        super().__init__(title or "{set}", readers, val_fraction, split_seed)
        self.unseen, self.class_seed = unseen, class_seed

    def arrange(self, samples: Mapping[str, Samples]) -> TaskSet:
        """Share out the classes, then cut what is seen.

        Raises:
            ConfigError: ``unseen`` names no classes, or leaves too few.
        """
        name, whole = self.named(samples), samples["set"]
        unseen = self.unseen_labels(whole)
        seen = [label for label in range(len(whole.classes)) if label not in unseen]
        tested = whole.test or whole.train
        protocol = "seeded" if whole.test is None else whole.protocol
        domains = {"source": self.source(whole, seen, f"{name}/seen")} if seen else {}
        held = split_of_classes(tested, unseen)
        domains["target"] = Domain(
            f"{name}/unseen", tuple(whole.classes[label] for label in unseen),
            held.select(permutation(0, 0)), None, held, whole.kind,
        )  # fmt: skip
        return TaskSet(name, domains, whole.shape, protocol)

    def source(self, whole: Samples, seen: Sequence[int], name: str) -> Domain:
        """The seen classes, cut into training, validation and test."""
        if whole.test_size is not None:  # a test of its own: the same images whatever is seen
            whole = cut_test(whole, self.test_fraction, self.split_seed)
        parted = cut_test(keep_classes(whole, seen, name), self.test_fraction, self.split_seed)
        return cut_domain(parted, self.val_fraction, self.split_seed)

    def unseen_labels(self, whole: Samples) -> list[int]:
        """The labels of the unseen classes, rising."""
        classes = whole.classes
        if self.unseen is None and not whole.unseen:
            raise ConfigError(f"data.unseen is not set; give names of classes of {whole.name}")
        if self.unseen is not None and whole.unseen:
            raise ConfigError(
                f"data.unseen: {whole.name} publishes its unseen classes; leave it out"
            )
        unseen = whole.unseen if self.unseen is None else self.unseen
        if isinstance(unseen, int):
            labels = permutation(len(classes), self.class_seed).tolist()[: max(unseen, 0)]
        else:
            labels = labels_of("unseen", unseen, classes)
        if len(labels) < 2 or len(labels) == len(classes) - 1:
            raise ConfigError(
                f"data.unseen={self.unseen}: of {len(classes)} classes choose 2 to "
                f"{len(classes) - 2}, or all of them"
            )
        return sorted(labels)
