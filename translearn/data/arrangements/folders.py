"""A pair of the user's own image folders, whose target may lack labels."""

import logging
from typing import Any

from translearn.data.arrangements.pair import SamplesPair
from translearn.data.files.listing import few
from translearn.data.places import user_place
from translearn.data.sets.by_name import open_sets
from translearn.data.sets.folder import IMAGES, ImageFolder
from translearn.data.sets.layouts import Found
from translearn.data.types import Samples
from translearn.errors import ConfigError, DataError
from translearn.ranges import Count, Part, Seed

log = logging.getLogger(__name__)


class FolderPair(SamplesPair):
    """Images in ``source/<class>/...`` and ``target/<class>/...``, or a target without labels.

    A target whose classes have the names of the source's is labelled; if only some names agree, it
    is refused. A target without any such name, flat or nested, is unlabelled: all of it is for
    training, and there are no target metrics. A source without classes is unlabelled too; then the
    target's, if it has any, are the classes. Folders are read as by ``ImageFolder``; splits that
    they have are kept.

    Args:
        root: ignored; the folders are named by the user.
        source: folder with one subfolder per class, or with images and no subfolder: unlabelled.
        target: the other folder.
        val_fraction: share of the training images cut off for validation.
        test_fraction: share of a labelled folder cut off for the test.
        split_seed: decides both cuts.
        target_labels_per_class: keep only so many target labels of each class, or None.
        options: of ``ImageFolder``, for both.

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
        target_labels_per_class: Count | None = None,
        **options: Any,
    ) -> None:
        both = {"source": source, "target": target}
        places = {key: user_place(key, value, IMAGES) for key, value in both.items()}
        if places["source"] == places["target"]:
            raise ConfigError("data.source and data.target are the same folder; choose another one")
        folders = {
            task: open_sets([(task, "folder")], {**options, "folder": str(place)})[0]
            for task, place in places.items()
        }
        super().__init__("folder:{source}->{target}", folders, val_fraction, split_seed,
                         target_labels_per_class)  # fmt: skip
        self.test_fraction = test_fraction

    def read(self) -> dict[str, Samples]:
        """List both folders.

        Raises:
            ConfigError: the layout does not fit what is there.
            DataError: a folder is missing or empty, or the classes do not agree.
        """
        folders = {k: one for k, one in self.readers.items() if isinstance(one, ImageFolder)}
        source, target = (folders[task].find() for task in ("source", "target"))
        if not source.rows and source.every.files:
            source = source.unlabelled()
            target = target.labelled() if target.rows else target.unlabelled()
        else:
            check_two_classes(source)
            target = matched(source.labelled(), target)
        for found in (source, target):
            if not found.rows:
                log.warning(
                    "%s is read without labels: no folder in it is a class", found.listing.folder
                )
        classes = source.classes or target.classes
        return {
            "source": folders["source"].samples(source, classes),
            "target": folders["target"].samples(target, classes),
        }


def check_two_classes(source: Found) -> None:
    """Refuse a source with one class folder.

    Raises:
        DataError: as said.
    """
    count = len(source.classes)
    if count == 1:
        folder, only = source.listing.folder, source.classes[0]
        below = {row.path.split("/")[1] for row in source.rows if row.path.count("/") > 1}
        hint = f"\nor take the folders in it: data.source={folder / only}" if below else ""
        raise DataError(
            f"the source folder {folder} has 1 class, {only}; it needs two or more\n"
            f"make one subfolder of images for each class{hint}"
        )


def matched(source: Found, target: Found) -> Found:
    """The target with its classes, or without them where none has the name of a source's class.

    Raises:
        DataError: only some names agree (or agree but for their case).
    """
    names, classes = set(target.classes), set(source.classes)
    if not {name.casefold() for name in names} & {name.casefold() for name in classes}:
        return target.unlabelled()
    lacking, extra = sorted(classes - names), sorted(names - classes)
    if lacking or extra:
        raise DataError(
            f"the classes of {target.listing.folder} do not match those of "
            f"{source.listing.folder}\n"
            f"missing in the target: {few(lacking)}\n"
            f"only in the target: {few(extra)}\n"
            "give both the same names, or put unlabelled images into folders of other names"
        )
    return target.labelled()
