"""Two image folders of the user's own."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import torch

from translearn.data.access import limit_labels
from translearn.data.files.images import SUFFIXES, FileImages
from translearn.data.types import DataSource, Domain, Split, TaskSet, cut_domain, permutation
from translearn.errors import ConfigError, DataError

log = logging.getLogger(__name__)


class Folder(DataSource):
    """Images in ``source/<class>/...`` and ``target/<class>/...``, or a target without labels.

    A target whose subfolders have the names of the source's classes is labelled; if only some
    names agree, it is refused. A target without any such name, flat or nested, is unlabelled: all
    of it is for training, and there are no target metrics. A source without subfolders is
    unlabelled too; then the target's subfolders, if it has any, are the classes. Ignored: hidden
    files, other suffixes, and images that lie beside class folders instead of in one.

    Args:
        root: ignored; the folders are named by the user.
        source: folder with one subfolder per class, searched with their subfolders, or with images
            and no subfolder: unlabelled.
        target: the other folder. Relative paths start at the current folder; ``~`` is expanded.
        val_fraction: share of the training images cut off for validation.
        test_fraction: share of a labelled folder cut off for the test.
        split_seed: decides both cuts.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.
        target_labels_per_class: keep only so many target labels of each class, or None.
    """

    def __init__(
        self,
        root: str = "",
        source: str | None = None,
        target: str | None = None,
        val_fraction: float = 0.1,
        test_fraction: float = 0.2,
        split_seed: int = 0,
        size: int = 256,
        crop: int = 224,
        target_labels_per_class: int | None = None,
    ) -> None:
        self.source, self.target = user_folder("source", source), user_folder("target", target)
        if self.source == self.target:
            raise ConfigError("data.source and data.target are the same folder; choose another one")
        if not 0 <= test_fraction < 1:
            raise ConfigError(f"data.test_fraction={test_fraction} must be at least 0 and below 1")
        check_crop(size, crop)
        self.val_fraction, self.test_fraction = val_fraction, test_fraction
        self.split_seed, self.size, self.crop = split_seed, size, crop
        self.target_labels_per_class = target_labels_per_class

    def load(self) -> TaskSet:
        """List both folders; images are decoded later.

        Raises:
            DataError: a folder is missing or empty, or the class folders do not agree.
        """
        if not subfolder_names(self.source) and image_files(self.source):
            by_class = class_files(self.target) if subfolder_names(self.target) else {}
            classes = tuple(by_class)
            source = self.unlabelled(self.source, classes)
            target = (
                self.labelled(self.target.name, by_class)
                if by_class
                else self.unlabelled(self.target, ())
            )
        else:
            by_class = class_files(self.source)
            check_two_classes(self.source, by_class)
            classes = tuple(by_class)
            source = self.labelled(self.source.name, by_class)
            matching = match_classes(self.source, by_class, self.target)
            if matching is None:
                target = self.unlabelled(self.target, classes)
            else:
                target = self.labelled(self.target.name, matching)
        domains = {"source": source, "target": target}
        name = f"folder:{self.source.name}->{self.target.name}"
        tasks = TaskSet(name, domains, (3, self.crop, self.crop), "seeded")
        return limit_labels(tasks, self.target_labels_per_class, self.split_seed)

    def unlabelled(self, folder: Path, classes: tuple[str, ...]) -> Domain:
        """A domain of all images of a folder, for training alone.

        Raises:
            DataError: there are none.
        """
        images = image_files(folder)
        if not images:
            raise DataError(f"the target folder {folder} has no images{suffixes()}")
        log.warning("%s has no subfolder named as a class: unlabelled, no figures for it", folder)
        everything = Split(FileImages(tuple(images), self.size), None)
        return cut_domain(folder.name, classes, everything, None, 0.0, self.split_seed)

    def labelled(self, name: str, by_class: Mapping[str, list[Path]]) -> Domain:
        """A domain of labelled files, cut into train, validation and test."""
        return split_domain(
            name,
            tuple(by_class),
            labelled_split(by_class, self.size),
            self.val_fraction,
            self.test_fraction,
            self.split_seed,
        )


def check_two_classes(folder: Path, by_class: Mapping[str, list[Path]]) -> None:
    """Refuse a source with one class folder.

    Raises:
        DataError: as said.
    """
    if len(by_class) < 2:
        raise DataError(
            f"the source folder {folder} has {len(by_class)} class folders; it needs two or more\n"
            "make one subfolder of images for each class"
        )


def split_domain(
    name: str,
    classes: tuple[str, ...],
    everything: Split,
    val_fraction: float,
    test_fraction: float,
    split_seed: int,
) -> Domain:
    """Cut a seeded ``test_fraction`` off for the test, then the validation split off the rest."""
    order = permutation(len(everything), split_seed)
    size = int(len(everything) * test_fraction)
    test = everything.select(order[:size]) if size else None
    train = everything.select(order[size:])
    return cut_domain(name, classes, train, test, val_fraction, split_seed)


def labelled_split(by_class: Mapping[str, list[Path]], size: int) -> Split:
    """The files of all classes, with the position of the class as the label."""
    paths = tuple(path for files in by_class.values() for path in files)
    counts = torch.tensor([len(files) for files in by_class.values()])
    labels = torch.arange(len(by_class)).repeat_interleave(counts)
    return Split(FileImages(paths, size), labels)


def match_classes(
    source: Path, classes: Mapping[str, list[Path]], target: Path
) -> Mapping[str, list[Path]] | None:
    """The target's files by class, or None where no subfolder has the name of a class.

    Raises:
        DataError: the folder is missing, or only some names agree (or agree but for their case).
    """
    names = subfolder_names(target)
    if not {name.casefold() for name in names} & {name.casefold() for name in classes}:
        return None
    lacking = sorted(set(classes) - set(names))
    extra = sorted(set(names) - set(classes))
    if lacking or extra:
        raise DataError(
            f"the class folders of {target} do not match those of {source}\n"
            f"missing in the target: {shortened(lacking)}\n"
            f"only in the target: {shortened(extra)}\n"
            "give both the same names, or put unlabelled images into folders of other names"
        )
    return class_files(target)


def class_files(folder: Path) -> dict[str, list[Path]]:
    """The images of each subfolder, which is a class, sorted.

    Raises:
        DataError: the folder is missing, or a class has no images.
    """
    found = {name: image_files(folder / name) for name in subfolder_names(folder)}
    for name, files in found.items():
        if not files:
            raise DataError(f"the class folder {folder / name} has no images{suffixes()}")
    return found


def subfolder_names(folder: Path) -> list[str]:
    """The visible subfolders, sorted.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}\ncheck data.source and data.target")
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def image_files(folder: Path) -> list[Path]:
    """All visible images in a folder and below, sorted by path."""
    return visible_files(folder, SUFFIXES)


def visible_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files with one of these suffixes in a folder and below, sorted by path."""
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and name.lower().endswith(suffixes):
                found.append(Path(where, name))
    return sorted(found)


def user_folder(key: str, value: str | None) -> Path:
    """The absolute path of ``data.<key>``.

    Raises:
        ConfigError: it is not set.
    """
    if not value:
        raise ConfigError(f"data.{key} is not set; add data.{key}=<folder of images>")
    return Path(value).expanduser().resolve()


def check_crop(size: int, crop: int) -> None:
    """Refuse a crop that is larger than the image.

    Raises:
        ConfigError: ``crop`` is not in 1 to ``size``.
    """
    if not 1 <= crop <= size:
        raise ConfigError(f"data.crop={crop} must be at least 1 and at most data.size={size}")


def suffixes() -> str:
    """What counts as an image, for a message."""
    return f"\nimages are files named {', '.join('*' + suffix for suffix in SUFFIXES)}"


def shortened(names: list[str]) -> str:
    """At most eight names."""
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) or "none") + more
