"""AwA2 and CUB as photos, split as Xian et al. (2018) propose, by lists in text files."""

from collections.abc import Sequence
from pathlib import Path

import torch

from translearn.data.files.images import FileImages, OnBad
from translearn.data.files.pixels import AlphaName
from translearn.data.files.texts import text_lines
from translearn.data.sets.folder import MAX_PIXELS, check_crop, reading_of
from translearn.data.types import Kind, Reader, Samples, Split
from translearn.errors import DataError
from translearn.ranges import Count, Edge
from translearn.system.problems import expanded

# folder of the set -> where its photos lie, and how its lists of seen and unseen classes are called
FOLDERS = {
    "AwA2": ("JPEGImages", "trainvalclasses_PS.txt", "testclasses_PS.txt"),
    "CUB_200_2011": ("images", "trainvalclasses.txt", "testclasses.txt"),
}


class GbuPhotos(Reader):
    """Photos below ``<set>/JPEGImages`` or ``<set>/images``, with the lists of ``<set>/splits_PS``.

    ``test_seen_PS.txt`` has the test images of seen classes, ``image_label_PS.txt`` all others:
    those of seen classes are trained on, those of unseen classes tested.

    Args:
        set: AwA2 or CUB_200_2011.
        root: the data root folder.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.
        alpha, max_pixels, on_bad: as of ``ImageFolder``.

    Raises:
        ConfigError: the crop is larger than the image.
    """

    def __init__(
        self,
        set: str,
        root: str,
        size: Edge = 256,
        crop: Edge = 224,
        alpha: AlphaName = "white",
        max_pixels: Count = MAX_PIXELS,
        on_bad: OnBad = "error",
    ) -> None:
        check_crop(size, crop)
        self.folder, self.set = expanded(root) / set, set
        self.size, self.crop = size, crop
        self.reading = reading_of(alpha, max_pixels, on_bad)

    def read(self) -> Samples:
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
        odd = [path for path in (*held, *others) if Path(path).is_absolute() or ".." in path]
        strange = {Path(path).parent.name for path in held} - set(seen)
        if odd or strange:
            raise DataError(
                f"the lists of {self.folder / 'splits_PS'} do not fit each other: "
                f"{(odd or sorted(strange))[0]} is no photo of a seen class"
            )
        absent = next((path for path in (*held, *others) if not (folder / path).is_file()), None)
        if absent is not None:
            raise DataError(
                f"there is no {folder / absent}, which the lists of {self.folder / 'splits_PS'} "
                f"name\nput the photos of {self.set} into {folder}, or use the published features: "
                "data=awa2, data=cub"
            )
        train = [path for path in others if Path(path).parent.name in seen]
        new = [path for path in others if Path(path).parent.name in unseen]
        classes = (*seen, *unseen)
        return Samples(
            f"{self.set.lower()}_photos", classes, self.split(train, classes),
            self.split([*held, *new], classes), Kind.image, (3, self.crop, self.crop),
            "proposed split", unseen=tuple(unseen),
        )  # fmt: skip

    def split(self, paths: Sequence[str], classes: Sequence[str]) -> Split:
        """Photos with the places of their folders among ``classes`` as labels."""
        folder = self.folder / FOLDERS[self.set][0]
        places = {name: place for place, name in enumerate(classes)}
        labels = [places[Path(path).parent.name] for path in paths]
        files = FileImages(tuple(folder / path for path in paths), self.size, self.reading)
        return Split(files, torch.tensor(labels))

    def lines(self, name: str) -> list[str]:
        """The lines of a list.

        Raises:
            DataError: it is missing, or no list.
        """
        path = self.folder / "splits_PS" / name
        if not path.is_file():
            raise DataError(
                f"there is no {path}\nput the lists of the proposed split (Xian et al.) there; "
                "data_root=... or TRANSLEARN_DATA says where"
            )
        return text_lines(path)
