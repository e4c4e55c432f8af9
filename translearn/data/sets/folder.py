"""Image folders of the user's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from translearn.data.files.images import FileImages, OnBad, Reading
from translearn.data.files.label_table import Row
from translearn.data.files.pixels import Alpha, AlphaName
from translearn.data.places import user_place
from translearn.data.sets.layouts import Found, Layout, LayoutName, find_images
from translearn.data.types import Kind, Reader, Samples, Split
from translearn.errors import ConfigError, nearest
from translearn.ranges import Count, Edge

IMAGES = "folder of images"  # what its options name

MAX_PIXELS = Reading().max_pixels


class ImageFolder(Reader):
    """A folder with a subfolder for each class, searched with their subfolders.

    Or ``train``, ``val`` and ``test`` above class folders, or a table of paths and labels. Images
    are decoded later.

    Args:
        folder: relative paths start at the current folder; ``~`` is expanded. Or a table.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.
        layout: auto, classes, splits or csv.
        alpha: what stands behind transparent pixels: white, black, or ignore.
        max_pixels: a larger image is refused.
        on_bad: of files that cannot be read: error, or skip, which counts them.

    Raises:
        ConfigError: there is no name of a folder, or a value is out of range.
    """

    def __init__(
        self,
        folder: str | None = None,
        size: Edge = 256,
        crop: Edge = 224,
        layout: LayoutName = "auto",
        alpha: AlphaName = "white",
        max_pixels: Count = MAX_PIXELS,
        on_bad: OnBad = "error",
    ) -> None:
        check_crop(size, crop)
        self.place, self.size, self.crop = user_place("folder", folder, IMAGES), size, crop
        self.layout = Layout(one_of("layout", layout, list(Layout)))
        self.reading = reading_of(alpha, max_pixels, on_bad)

    def read(self) -> Samples:
        """List the folder.

        Raises:
            ConfigError: the layout does not fit what is there.
            DataError: it is missing, or a class has no images.
        """
        found = self.find().labelled()
        return self.samples(found, found.classes)

    def find(self) -> Found:
        """What is there, as ``find_images`` has it."""
        return find_images(self.place, self.layout)

    def samples(self, found: Found, classes: tuple[str, ...]) -> Samples:
        """The images found: with their labels, or all for training where they have none."""
        name = self.place.stem if self.place.is_file() else self.place.name
        shape, folder = (3, self.crop, self.crop), found.listing.folder
        if not found.rows:
            files = tuple(folder / name for name in found.listing.files)
            train = Split(FileImages(files, self.size, self.reading), None)
            return Samples(name, classes, train, None, Kind.image, shape, "seeded",
                           listing=found.listing)  # fmt: skip
        parts = {
            split: labelled_split(folder, rows, classes, self.size, self.reading)
            for split in ("train", "val", "test")
            if (rows := [row for row in found.rows if row.split == split])
        }
        return Samples(
            name, classes, parts["train"], parts.get("test"), Kind.image, shape,
            "given" if len(parts) > 1 else "seeded", val=parts.get("val"), listing=found.listing,
        )  # fmt: skip


def labelled_split(
    folder: Path, rows: Sequence[Row], classes: Sequence[str], size: int, reading: Reading
) -> Split:
    """Files below a folder, with the position of their class as the label."""
    place = {name: number for number, name in enumerate(classes)}
    files = FileImages(tuple(folder / row.path for row in rows), size, reading)
    return Split(files, torch.tensor([place[row.label] for row in rows], dtype=torch.int64))


def check_crop(size: int, crop: int) -> None:
    """Refuse a crop that is larger than the image.

    Raises:
        ConfigError: ``crop`` is not in 1 to ``size``.
    """
    if not 1 <= crop <= size:
        raise ConfigError(f"data.crop={crop} must be at least 1 and at most data.size={size}")


def reading_of(alpha: object, max_pixels: object, on_bad: object) -> Reading:
    """The options of reading, checked.

    Raises:
        ConfigError: naming the one that is out of range.
    """
    if type(max_pixels) is not int or max_pixels < 1:
        raise ConfigError(f"data.max_pixels={max_pixels} must be a whole number above 0")
    skip = one_of("on_bad", on_bad, ["error", "skip"]) == "skip"
    return Reading(Alpha(one_of("alpha", alpha, list(Alpha))), max_pixels, skip)


def reading_by(options: Mapping[str, object]) -> Reading:
    """How the images of a run were read, by the options of its data.

    Raises:
        ConfigError: naming the one that is out of range.
    """
    known = ("alpha", "max_pixels", "on_bad")
    given = {name: options[name] for name in known if options.get(name) is not None}
    return reading_of(**{"alpha": "white", "max_pixels": MAX_PIXELS, "on_bad": "error"} | given)


def one_of(key: str, value: object, choices: Sequence[str]) -> str:
    """The value of ``data.<key>``.

    Raises:
        ConfigError: it is none of the choices.
    """
    if value not in choices:
        raise ConfigError(f"data.{key}={value} does not exist{nearest(str(value), choices)}")
    return str(value)
