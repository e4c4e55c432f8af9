"""Zero-shot photos: a folder of the user's, Office-31."""

from pathlib import Path

from translearn.data.arrangements.other_classes import keep_classes
from translearn.data.arrangements.unseen import (
    Unseen,
    UnseenClasses,
    chosen_classes,
    zero_shot_tasks,
)
from translearn.data.files.download import data_root
from translearn.data.sets.catalog import OFFICE31_DOMAINS
from translearn.data.sets.folder import check_crop, class_files, labelled_split, user_folder
from translearn.data.sets.office31 import TEST_FRACTION, read_office31
from translearn.data.types import Split, TaskSet, permutation
from translearn.errors import ConfigError, nearest


class PhotoFolder(UnseenClasses):
    """A folder of class folders. Seen images are cut 80/20; of unseen classes all are tested.

    Other arguments as in UnseenClasses.

    Args:
        root: ignored; the folder is named by the user.
        folder: with one subfolder per class, searched with their subfolders.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.
    """

    def __init__(
        self,
        root: str = "",
        folder: str | None = None,
        unseen: Unseen = 2,
        class_seed: int = 0,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        size: int = 256,
        crop: int = 224,
    ) -> None:
        super().__init__(unseen, class_seed, val_fraction, split_seed)
        check_crop(size, crop)
        self.size, self.crop, self.folder = size, crop, self.named_folder(folder)

    def named_folder(self, folder: str | None) -> Path:
        """The folder as the user gave it."""
        return user_folder("folder", folder)

    def load(self) -> TaskSet:
        """List the folder; images are decoded later.

        Raises:
            ConfigError: ``unseen`` names no classes, or too many.
            DataError: the folder is missing, or a class has no images.
        """
        by_class = class_files(self.folder)
        name = f"folder_zeroshot:{self.folder.name}"
        return self.photos(name, labelled_split(by_class, self.size), tuple(by_class))

    def photos(self, name: str, everything: Split, classes: tuple[str, ...]) -> TaskSet:
        """Cut the seen images into training and test."""
        unseen = chosen_classes(self.unseen, classes, self.class_seed)
        seen = [label for label in range(len(classes)) if label not in unseen]
        names = [classes[i] for i in seen], [classes[i] for i in unseen]
        train = test = None
        if seen:
            images = keep_classes(everything, seen)
            order = permutation(len(images), self.split_seed)
            size = int(len(images) * TEST_FRACTION)
            train, test = images.select(order[size:]), images.select(order[:size])
        return zero_shot_tasks(
            name, names, train, test, keep_classes(everything, unseen),
            self.val_fraction, self.split_seed, (3, self.crop, self.crop), "seeded",
        )  # fmt: skip


class Office31ZeroShot(PhotoFolder):
    """One domain of Office-31, of whose 31 classes some are unseen. Other arguments as above.

    Args:
        root: the data root folder.
        domain: amazon, dslr or webcam.
    """

    def __init__(
        self,
        root: str,
        domain: str = "webcam",
        unseen: Unseen = 10,
        class_seed: int = 0,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        size: int = 256,
        crop: int = 224,
    ) -> None:
        if domain not in OFFICE31_DOMAINS:
            raise ConfigError(
                f"data.domain={domain} does not exist{nearest(str(domain), OFFICE31_DOMAINS)}"
            )
        self.root, self.domain = root, domain
        super().__init__(root, "", unseen, class_seed, val_fraction, split_seed, size, crop)

    def named_folder(self, folder: str | None) -> Path:
        """The domain's own."""
        return data_root(self.root) / "office31" / self.domain / "images"

    def load(self) -> TaskSet:
        """List the files of the domain; images are decoded later.

        Raises:
            ConfigError: ``unseen`` names no classes, or too many.
            DataError: the folder is missing.
        """
        everything, classes = read_office31(data_root(self.root), self.domain, self.size)
        return self.photos(f"office31_zeroshot:{self.domain}", everything, classes)
