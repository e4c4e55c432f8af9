"""Another task, same domain: some classes of a set are the source, the others the target."""

from collections.abc import Mapping, Sequence
from typing import Any

from translearn.data.access import limit_labels
from translearn.data.arrangements.base import Arrangement, check_count
from translearn.data.cuts import cut_domain, cut_test, keep_classes
from translearn.data.sets.by_name import open_sets
from translearn.data.types import Samples, TaskSet, permutation
from translearn.errors import ConfigError, nearest
from translearn.ranges import Count, Part, Seed

# a folder may be called 1e3, 007, true or null
QUOTES = (
    "\na name that reads as a number, true, false or null needs quotes: "
    "\"data.{option}=['1e3','007']\""
)


class OtherClasses(Arrangement):
    """One set whose classes are shared out between source and target.

    A set without a published split is cut 80/20 into training and test by ``split_seed`` before its
    classes are shared out.

    Args:
        root: the data root folder.
        set: the name of a set.
        source_classes: names of the source's classes, or how many are drawn by ``class_seed``;
            None: the first half.
        class_seed: draws them.
        val_fraction: share of the training images cut off for validation.
        split_seed: decides all cuts.
        target_labels_per_class: keep only so many target labels of each class, or None.
        title: what tables call it, with ``{set}`` for the set's name.
        download: whether missing files are downloaded.
        options: of the set, such as ``size``; see its reader.

    Raises:
        ConfigError: the set or an option does not exist.
    """

    def __init__(
        self,
        root: str = "",
        set: str | None = None,
        source_classes: Count | Sequence[object] | None = None,
        class_seed: Seed = 0,
        val_fraction: Part = 0.1,
        split_seed: Seed = 0,
        target_labels_per_class: Count | None = None,
        title: str | None = None,
        download: bool = True,
        **options: Any,
    ) -> None:
        offered = {"root": root, "split_seed": split_seed, "download": download}
        readers = {"set": open_sets([("set", set)], {**offered, **options})[0]}
        super().__init__(title or "{set}_classes", readers, val_fraction, split_seed)
        self.source_classes, self.class_seed = source_classes, class_seed
        self.target_labels_per_class = target_labels_per_class

    def arrange(self, samples: Mapping[str, Samples]) -> TaskSet:
        """Cut the set, and give source and target their classes.

        Raises:
            ConfigError: a class does not exist, or source or target is left without two.
        """
        name, whole = self.named(samples), samples["set"]
        source = self.source_labels(whole.classes)
        target = [label for label in range(len(whole.classes)) if label not in source]
        parted = cut_test(whole, self.test_fraction, self.split_seed)
        domains = {
            task: cut_domain(
                keep_classes(parted, kept, f"{name}/{task}"), self.val_fraction, self.split_seed
            )
            for task, kept in (("source", source), ("target", target))
        }
        tasks = TaskSet(name, domains, whole.shape, whole.protocol)
        return limit_labels(tasks, self.target_labels_per_class, self.split_seed)

    def source_labels(self, classes: Sequence[str]) -> list[int]:
        """The labels of the source's classes, rising."""
        chosen = self.source_classes
        if chosen is None:
            chosen = list(classes[: len(classes) // 2])
        if isinstance(chosen, int):
            check_count("source_classes", chosen, chosen, len(classes))
            return sorted(permutation(len(classes), self.class_seed).tolist()[:chosen])
        labels = labels_of("source_classes", chosen, classes)
        check_count("source_classes", list(chosen), len(labels), len(classes))
        return labels


def labels_of(option: str, names: Sequence[object], classes: Sequence[str]) -> list[int]:
    """The labels of classes by name, rising, each once.

    Raises:
        ConfigError: a name is no class.
    """
    for name in names:
        if str(name) not in classes:
            quotes = "" if isinstance(name, str) else QUOTES.format(option=option)
            raise ConfigError(
                f"data.{option}: no class {name}{nearest(str(name), classes)}{quotes}"
            )
    return sorted({classes.index(str(name)) for name in names})
