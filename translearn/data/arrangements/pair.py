"""Two sets with the same classes: the source and the target of a domain adaptation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from translearn.data.access import limit_labels, limit_samples
from translearn.data.arrangements.base import Arrangement, joint_protocol
from translearn.data.arrangements.scaled import scaled
from translearn.data.cuts import cut_domain, cut_test
from translearn.data.scaling import Step
from translearn.data.sets.by_name import open_sets
from translearn.data.types import Domain, Kind, Reader, Samples, Shape, TaskSet
from translearn.errors import ConfigError, DataError
from translearn.ranges import Count, Part, Seed, refuse_unfit


class SamplesPair(Arrangement):
    """Base of the pairs: ``source`` and ``target``, whatever they are read from.

    Published splits are kept. A set without one is cut 80/20 into training and test by
    ``split_seed``; one without labels is all for training.

    Args:
        title: what tables call it, with ``{source}`` and ``{target}`` for the sets' names.
        readers: of ``source`` and ``target``.
        val_fraction: share of each training split cut off for validation.
        split_seed: decides all cuts.
        target_labels_per_class: keep only so many target labels of each class, or None.

    Attributes:
        normalise: how numbers are scaled, see ``scaled``.
        target_labels: keep only so many labelled target samples, where labels are numbers.
    """

    normalise: Sequence[Step] = ()
    target_labels: int | None = None

    def __init__(
        self,
        title: str,
        readers: Mapping[str, Reader],
        val_fraction: Part,
        split_seed: Seed,
        target_labels_per_class: Count | None,
    ) -> None:
        super().__init__(title, readers, val_fraction, split_seed)
        self.target_labels_per_class = target_labels_per_class

    def arrange(self, samples: Mapping[str, Samples]) -> TaskSet:
        """Cut both.

        Raises:
            ConfigError: the label budget or ``val_fraction`` is out of range.
        """
        shape = common_shape(samples)
        domains = {task: self.domain(task, one) for task, one in samples.items()}
        protocol = self.protocol_of(samples)
        tasks = scaled(TaskSet(self.named(samples), domains, shape, protocol), self.normalise)
        return self.limited(tasks)

    def limited(self, tasks: TaskSet) -> TaskSet:
        """Keep the target labels of the budget: of each class, or of so many samples.

        Raises:
            ConfigError: it is out of range, or one for the other kind of labels.
        """
        numbers = tasks.tasks["target"].answer == "number"
        other = self.target_labels_per_class if numbers else self.target_labels
        if other is not None:
            names = ("data.target_labels_per_class", "data.target_labels")
            wrong, right = names if numbers else names[::-1]
            raise ConfigError(f"{wrong}={other}: these labels take {right} instead")
        if numbers:
            return limit_samples(tasks, self.target_labels, self.split_seed)
        return limit_labels(tasks, self.target_labels_per_class, self.split_seed)

    def domain(self, task: str, samples: Samples) -> Domain:
        """Cut the set of one task."""
        if samples.train.y is None:
            return cut_domain(samples, 0.0, self.split_seed)
        parted = cut_test(samples, self.test_fraction, self.split_seed)
        return cut_domain(parted, self.val_fraction, self.split_seed)

    def protocol_of(self, samples: Mapping[str, Samples]) -> str:
        """How the splits are made."""
        return joint_protocol(list(samples.values()))


class Pair(SamplesPair):
    """Any two sets whose classes agree, such as MNIST and USPS.

    ``transductive`` is the literature's protocol for sets without a published split: all target
    images are in training without their labels, and the same images are scored (no target
    validation); the source trains on all but ``val_fraction``, and that part is its validation and
    its test split at once. ``split`` cuts 80/20 into train and test, and the validation out of
    train; methods that learn from target labels need it. Results of the two never share a table
    cell.

    Args:
        root: the data root folder.
        source: the name of a set.
        target: the name of another one.
        protocol: ``transductive`` or ``split``; None: published splits, or ``split``.
        val_fraction: share of each training split cut off for validation.
        split_seed: decides all cuts.
        target_labels_per_class: keep only so many target labels of each class, or None.
        title: what tables call it; None: the names of both.
        download: whether missing files are downloaded.
        normalise: of vectors and signals, see ``scaled``.
        options: of the sets, such as ``size``; see their readers. And ``target_labels``: keep only
            so many labelled target samples, where labels are numbers.

    Raises:
        ConfigError: a set or an option does not exist, or source and target are the same.
    """

    def __init__(
        self,
        root: str = "",
        source: str | None = None,
        target: str | None = None,
        protocol: Literal["transductive", "split"] | None = None,
        val_fraction: Part = 0.1,
        split_seed: Seed = 0,
        target_labels_per_class: Count | None = None,
        title: str | None = None,
        download: bool = True,
        normalise: Sequence[Step] = (),
        **options: Any,
    ) -> None:
        offered = {"root": root, "split_seed": split_seed, "download": download}
        self.target_labels = label_count(options)
        readers = open_sets([("source", source), ("target", target)], {**offered, **options})
        if source == target:
            raise ConfigError(f"data.source and data.target are both {source}; choose another one")
        if target_labels_per_class is not None and protocol == "transductive":
            raise ConfigError("data.target_labels_per_class needs data.protocol=split")
        both = dict(zip(("source", "target"), readers, strict=True))
        super().__init__(title or f"{source}_{target}", both, val_fraction, split_seed,
                         target_labels_per_class)  # fmt: skip
        self.protocol, self.normalise = protocol, normalise

    def arrange(self, samples: Mapping[str, Samples]) -> TaskSet:
        """Cut both.

        Raises:
            ConfigError: kinds, classes or sizes differ, or a published split would be cut again.
            DataError: the domains of one set have different classes.
        """
        self._check_classes(samples["source"], samples["target"])
        for task, one in samples.items():
            if self.protocol is not None and one.test is not None:
                raise ConfigError(
                    f"data.protocol={self.protocol}: the split of {one.name} (data.{task}) is "
                    "published\nleave data.protocol out"
                )
        return super().arrange(samples)

    def _check_classes(self, source: Samples, target: Samples) -> None:
        names = f"data.source={source.name} and data.target={target.name}"
        if source.kind is not target.kind:
            raise ConfigError(
                f"{names} are of two kinds, {source.kind} and {target.kind}: choose two of one "
                "kind,\nor learn both by method=multitask with data=tasks"
            )
        differing = sorted(set(source.classes) ^ set(target.classes))
        if source.classes == target.classes:
            return
        few = ", ".join(differing[:8]) or "the same ones in another order"
        shared = [n for n in self.readers["source"].needs if n in self.readers["target"].needs]
        if shared:
            raise DataError(
                f"{source.name} and {target.name} have different classes: {few}\n"
                f"tl-data verify {shared[0].name} tells which folder is wrong"
            )
        raise ConfigError(f"{names} have different classes: {few}\nchoose two sets that agree")

    def domain(self, task: str, samples: Samples) -> Domain:
        """Cut the set of one task as the protocol says."""
        if self.protocol != "transductive":
            return super().domain(task, samples)
        is_target = task == "target"
        cut = cut_domain(samples, 0.0 if is_target else self.val_fraction, self.split_seed)
        return replace(cut, test=cut.train if is_target else cut.val)

    def protocol_of(self, samples: Mapping[str, Samples]) -> str:
        """How the splits are made."""
        return self.protocol or super().protocol_of(samples)


def label_count(options: dict[str, Any]) -> int | None:
    """Take ``target_labels`` out of the options.

    Raises:
        ConfigError: it is no count.
    """
    count: int | None = options.pop("target_labels", None)
    refuse_unfit("data.target_labels", count, Count | None)
    return count


def common_shape(samples: Mapping[str, Samples]) -> Shape:
    """What the backbone receives: the shape of all sets, grey ones in the colours of the others.

    Raises:
        ConfigError: they have different sizes.
    """
    shapes = {task: one.shape for task, one in samples.items()}
    first = next(iter(shapes.values()))
    images = all(one.kind is Kind.image for one in samples.values())
    if len({shape[1:] if images else shape for shape in shapes.values()}) > 1:
        told = ", ".join(f"{task} {'x'.join(map(str, s))}" for task, s in shapes.items())
        raise ConfigError(f"the samples differ in size: {told}\nchange data.size or data.crop")
    return (max(shape[0] for shape in shapes.values()), *first[1:])
