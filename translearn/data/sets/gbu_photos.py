"""AwA2 and CUB as photos, split as Xian et al. (2018) propose, by lists in text files."""

from collections.abc import Sequence
from pathlib import Path

import torch

from translearn.data.arrangements.unseen import zero_shot_tasks
from translearn.data.files.images import FileImages
from translearn.data.sets.folder import check_crop
from translearn.data.types import DataSource, Split, TaskSet
from translearn.errors import ConfigError, DataError, nearest

# folder of the set -> where its photos lie, and how its lists of seen and unseen classes are called
FOLDERS = {
    "AwA2": ("JPEGImages", "trainvalclasses_PS.txt", "testclasses_PS.txt"),
    "CUB_200_2011": ("images", "trainvalclasses.txt", "testclasses.txt"),
}


class GbuPhotos(DataSource):
    """Photos below ``<set>/JPEGImages`` or ``<set>/images``, with the lists of ``<set>/splits_PS``.

    ``test_seen_PS.txt`` has the test images of seen classes, ``image_label_PS.txt`` all others:
    those of seen classes are trained on, those of unseen classes tested.

    Args:
        root: the data root folder.
        set: AwA2 or CUB_200_2011.
        val_fraction: share of the training images cut off for validation.
        split_seed: decides that cut.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.

    Raises:
        ConfigError: there is no such set, or the crop is larger than the image.
    """

    def __init__(
        self,
        root: str,
        set: str = "AwA2",
        val_fraction: float = 0.1,
        split_seed: int = 0,
        size: int = 256,
        crop: int = 224,
    ) -> None:
        if set not in FOLDERS:
            raise ConfigError(f"data.set={set} does not exist{nearest(str(set), FOLDERS)}")
        check_crop(size, crop)
        self.folder, self.set = Path(root).expanduser() / set, set
        self.val_fraction, self.split_seed = val_fraction, split_seed
        self.size, self.crop = size, crop

    def load(self) -> TaskSet:
        """List the files; images are decoded later.

        Raises:
            DataError: a list or the photos are missing.
        """
        photos, *lists = FOLDERS[self.set]
        seen, unseen = (sorted(self.lines(name)) for name in lists)
        others, held = (
            [line.split()[0] for line in self.lines(f"{name}_PS.txt")]
            for name in ("image_label", "test_seen")
        )
        folder = self.folder / photos
        absent = next((path for path in (*held, *others) if not (folder / path).is_file()), None)
        if absent is not None:
            raise DataError(
                f"there is no {folder / absent}, which the lists of {self.folder / 'splits_PS'} "
                f"name\nput the photos of {self.set} into {folder}, or use the published features: "
                "data=awa2, data=cub"
            )
        train = [path for path in others if Path(path).parent.name in seen]
        test = [path for path in others if Path(path).parent.name in unseen]
        return zero_shot_tasks(
            f"{self.set.lower()}_photos", (seen, unseen), self.split(train, seen),
            self.split(held, seen), self.split(test, unseen), self.val_fraction,
            self.split_seed, (3, self.crop, self.crop), "proposed split",
        )  # fmt: skip

    def split(self, paths: Sequence[str], classes: Sequence[str]) -> Split:
        """Photos with the places of their folders among ``classes`` as labels."""
        folder = self.folder / FOLDERS[self.set][0]
        places = {name: place for place, name in enumerate(classes)}
        labels = [places[Path(path).parent.name] for path in paths]
        files = FileImages(tuple(folder / path for path in paths), self.size)
        return Split(files, torch.tensor(labels))

    def lines(self, name: str) -> list[str]:
        """The lines of a list.

        Raises:
            DataError: it is missing.
        """
        path = self.folder / "splits_PS" / name
        if not path.is_file():
            raise DataError(
                f"there is no {path}\nput the lists of the proposed split (Xian et al.) there; "
                "data_root=... or TRANSLEARN_DATA says where"
            )
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
