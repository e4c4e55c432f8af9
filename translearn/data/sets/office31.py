"""Office-31: 31 classes of office objects in three domains, 4110 photos.

Saenko, Kulis, Fritz and Darrell, "Adapting visual category models to new domains", 2010.
"""

import logging
from dataclasses import replace
from pathlib import Path

from translearn.data.access import limit_labels
from translearn.data.files.download import data_root, missing
from translearn.data.sets.catalog import OFFICE31, OFFICE31_DOMAINS
from translearn.data.sets.folder import check_crop, class_files, labelled_split, split_domain
from translearn.data.types import DataSource, Domain, Split, TaskSet, cut_domain
from translearn.errors import ConfigError, DataError, nearest

log = logging.getLogger(__name__)


PROTOCOLS = ("transductive", "split")


TEST_FRACTION = 0.2  # of each domain, with protocol=split


class Office31(DataSource):
    """Two domains of Office-31, read from ``office31/<domain>/images/<class>/*.jpg``.

    No split is published. ``transductive`` is the literature's protocol: all target images are in
    training without their labels, and the same images are scored (no target validation); the
    source trains on all but ``val_fraction``, and that part is its validation and its test split at
    once. ``split`` cuts 80/20 into train and test per domain, and the validation out of train;
    methods that learn from target labels need it. Results of the two never share a table cell.

    Args:
        root: the data root folder.
        source: amazon, dslr or webcam.
        target: another of them.
        protocol: ``transductive`` or ``split``.
        val_fraction: share of the training images cut off for validation.
        split_seed: decides all cuts.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.
        target_labels_per_class: keep only so many target labels of each class, or None.
    """

    def __init__(
        self,
        root: str,
        source: str = "amazon",
        target: str = "webcam",
        protocol: str = "transductive",
        val_fraction: float = 0.1,
        split_seed: int = 0,
        size: int = 256,
        crop: int = 224,
        target_labels_per_class: int | None = None,
    ) -> None:
        for key, name, choices in (
            ("source", source, OFFICE31_DOMAINS),
            ("target", target, OFFICE31_DOMAINS),
            ("protocol", protocol, PROTOCOLS),
        ):
            if name not in choices:
                raise ConfigError(f"data.{key}={name} does not exist{nearest(str(name), choices)}")
        if source == target:
            raise ConfigError(f"data.source and data.target are both {source}; choose another one")
        if target_labels_per_class is not None and protocol != "split":
            raise ConfigError("data.target_labels_per_class needs data.protocol=split")
        check_crop(size, crop)
        self.root, self.source, self.target, self.protocol = root, source, target, protocol
        self.val_fraction, self.split_seed = val_fraction, split_seed
        self.size, self.crop = size, crop
        self.target_labels_per_class = target_labels_per_class

    def load(self) -> TaskSet:
        """List the files of both domains; images are decoded later.

        Raises:
            DataError: a folder is missing, or the two domains have different classes.
        """
        root = data_root(self.root)
        source, classes = read_office31(root, self.source, self.size)
        target, target_classes = read_office31(root, self.target, self.size)
        if classes != target_classes:
            differing = ", ".join(sorted(set(classes) ^ set(target_classes)))
            raise DataError(
                f"{self.source} and {self.target} below {root / 'office31'} have different "
                f"classes: {differing}\ntl-data verify office31 tells which folder is wrong"
            )
        domains = {
            "source": self.domain(self.source, classes, source, is_target=False),
            "target": self.domain(self.target, classes, target, is_target=True),
        }
        name = f"office31:{self.source}->{self.target}"
        tasks = TaskSet(name, domains, (3, self.crop, self.crop), self.protocol)
        return limit_labels(tasks, self.target_labels_per_class, self.split_seed)

    def domain(
        self, name: str, classes: tuple[str, ...], everything: Split, is_target: bool
    ) -> Domain:
        """Cut one domain as the protocol says."""
        if self.protocol == "split":
            return split_domain(
                name, classes, everything, self.val_fraction, TEST_FRACTION, self.split_seed
            )
        fraction = 0.0 if is_target else self.val_fraction
        cut = cut_domain(name, classes, everything, None, fraction, self.split_seed)
        return replace(cut, test=cut.train if is_target else cut.val)


def read_office31(root: Path, domain: str, size: int) -> tuple[Split, tuple[str, ...]]:
    """All images of a domain in the order of their names, and its classes.

    Raises:
        DataError: the folder is missing.
    """
    folder = root / "office31" / domain / "images"
    if not folder.is_dir():
        absent = [r for r in OFFICE31.resources if r.path.split("/")[1] == domain]
        raise missing(OFFICE31, root, absent)
    by_class = class_files(folder)
    everything = labelled_split(by_class, size)
    published = OFFICE31_DOMAINS[domain][0]
    if len(everything) != published:
        log.warning(
            "%s has %d images and the published %s has %d: the figures cannot be compared",
            folder, len(everything), domain, published,
        )  # fmt: skip
    return everything, tuple(by_class)
