"""A pair of the user's own image folders, whose target may lack labels."""

import logging
from collections.abc import Mapping
from pathlib import Path

from translearn.data.arrangements.pair import SamplesPair
from translearn.data.files.images import FileImages
from translearn.data.sets.folder import (
    check_crop,
    class_files,
    image_files,
    labelled_split,
    photos,
    subfolder_names,
    suffixes,
    user_folder,
)
from translearn.data.types import Samples, Split
from translearn.errors import ConfigError, DataError
from translearn.ranges import Count, Edge, Part, Seed

log = logging.getLogger(__name__)


class FolderPair(SamplesPair):
    """Images in ``source/<class>/...`` and ``target/<class>/...``, or a target without labels.

    A target whose subfolders have the names of the source's classes is labelled; if only some
    names agree, it is refused. A target without any such name, flat or nested, is unlabelled: all
    of it is for training, and there are no target metrics. A source without subfolders is
    unlabelled too; then the target's subfolders, if it has any, are the classes. Folders are read
    as by ``ImageFolder``.

    Args:
        root: ignored; the folders are named by the user.
        source: folder with one subfolder per class, or with images and no subfolder: unlabelled.
        target: the other folder.
        val_fraction: share of the training images cut off for validation.
        test_fraction: share of a labelled folder cut off for the test.
        split_seed: decides both cuts.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.
        target_labels_per_class: keep only so many target labels of each class, or None.

    Raises:
        ConfigError: a folder is not named or named twice, or a value is out of range.
    """

    def __init__(
        self,
        root: str = "",
        source: str | None = None,
        target: str | None = None,
        val_fraction: Part = 0.1,
        test_fraction: Part = 0.2,
        split_seed: Seed = 0,
        size: Edge = 256,
        crop: Edge = 224,
        target_labels_per_class: Count | None = None,
    ) -> None:
        self.source, self.target = user_folder("source", source), user_folder("target", target)
        if self.source == self.target:
            raise ConfigError("data.source and data.target are the same folder; choose another one")
        check_crop(size, crop)
        super().__init__("folder:{source}->{target}", {}, val_fraction, split_seed,
                         target_labels_per_class)  # fmt: skip
        self.test_fraction, self.size, self.crop = test_fraction, size, crop

    def read(self) -> dict[str, Samples]:
        """List both folders.

        Raises:
            DataError: a folder is missing or empty, or the class folders do not agree.
        """
        if not subfolder_names(self.source) and image_files(self.source):
            by_class = class_files(self.target) if subfolder_names(self.target) else None
            source: Mapping[str, list[Path]] | None = None
            target: Mapping[str, list[Path]] | None = by_class
        else:
            source = by_class = class_files(self.source)
            check_two_classes(self.source, by_class)
            target = match_classes(self.source, by_class, self.target)
        classes = tuple(by_class or ())
        return {
            "source": self.samples(self.source, source, classes),
            "target": self.samples(self.target, target, classes),
        }

    def samples(
        self, folder: Path, by_class: Mapping[str, list[Path]] | None, classes: tuple[str, ...]
    ) -> Samples:
        """The labelled images of a folder, or where there are no classes all of them, unlabelled.

        Raises:
            DataError: there are none.
        """
        if by_class is not None:
            return photos(folder.name, classes, labelled_split(by_class, self.size), self.crop)
        images = image_files(folder)
        if not images:
            raise DataError(f"the target folder {folder} has no images{suffixes()}")
        log.warning("%s has no subfolder named as a class: unlabelled, no figures for it", folder)
        everything = Split(FileImages(tuple(images), self.size), None)
        return photos(folder.name, classes, everything, self.crop)


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


def shortened(names: list[str]) -> str:
    """At most eight names."""
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) or "none") + more
