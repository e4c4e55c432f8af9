"""Image folders of the user's own."""

import os
from collections.abc import Mapping
from pathlib import Path

import torch

from translearn.data.files.images import SUFFIXES, FileImages
from translearn.data.types import Kind, Reader, Samples, Split
from translearn.errors import ConfigError, DataError
from translearn.ranges import Edge
from translearn.system.problems import expanded


class ImageFolder(Reader):
    """A folder with a subfolder for each class, searched with their subfolders.

    Ignored: hidden files, other suffixes, and images that lie beside class folders instead of in
    one. Images are decoded later.

    Args:
        folder: relative paths start at the current folder; ``~`` is expanded.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.

    Raises:
        ConfigError: there is no name of a folder, or the crop is larger than the image.
    """

    def __init__(self, folder: str | None = None, size: Edge = 256, crop: Edge = 224) -> None:
        check_crop(size, crop)
        self.folder, self.size, self.crop = user_folder("folder", folder), size, crop

    def read(self) -> Samples:
        """List the folder.

        Raises:
            DataError: it is missing, or a class has no images.
        """
        by_class = class_files(self.folder)
        everything = labelled_split(by_class, self.size)
        return photos(self.folder.name, tuple(by_class), everything, self.crop)


def photos(name: str, classes: tuple[str, ...], everything: Split, crop: int) -> Samples:
    """Files of images, of which no split is published."""
    return Samples(name, classes, everything, None, Kind.image, (3, crop, crop), "seeded")


def labelled_split(by_class: Mapping[str, list[Path]], size: int) -> Split:
    """The files of all classes, with the position of the class as the label."""
    paths = tuple(path for files in by_class.values() for path in files)
    counts = torch.tensor([len(files) for files in by_class.values()])
    labels = torch.arange(len(by_class)).repeat_interleave(counts)
    return Split(FileImages(paths, size), labels)


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
    return expanded(value).resolve()


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
