"""Image files that are decoded to uint8 when they are asked for."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from translearn.data.files.listing import refuse_special, shown
from translearn.data.files.pixels import Alpha, Look, as_shown
from translearn.errors import DataError

# The formats that are read, known by their content. Never EPS, which runs a program, or PSD.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "AVIF")


# What is named so is meant to be an image: if its content is none, it is a broken one.
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm",
    ".pgm", ".pbm", ".pnm", ".avif",
)  # fmt: skip


# Camera raws are TIFF outside, and what a reader of TIFF finds in them is a thumbnail.
RAW = (".dng", ".nef", ".cr2", ".arw", ".orf", ".rw2", ".pef", ".srw", ".nrw")


Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit cannot be named in a message: see Reading


OnBad = Literal["error", "skip"]  # of a file that cannot be read


@dataclass(frozen=True)
class Reading:
    """How image files are read.

    Attributes:
        alpha: what stands behind transparent pixels.
        max_pixels: a larger image is refused.
        skip_bad: leave out files that cannot be read, which are counted, instead of refusing them.
    """

    alpha: Alpha = Alpha.white
    max_pixels: int = 50_000_000
    skip_bad: bool = False


@dataclass(frozen=True)
class FileImages:
    """A list of image files, each decoded to RGB and resized to ``size`` x ``size``.

    Attributes:
        paths: the files.
        size: edge of the decoded square in pixels.
        reading: how they are read.
    """

    paths: tuple[Path, ...]
    size: int
    reading: Reading = Reading()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Tensor | Sequence[int]) -> "FileImages":
        return replace(self, paths=tuple(self.paths[int(i)] for i in index))

    @property
    def nbytes(self) -> int:
        """Bytes of all images once decoded."""
        return len(self.paths) * 3 * self.size * self.size

    def decode(self, position: int) -> Tensor:
        """The image at ``position`` as uint8 (3, size, size).

        Raises:
            DataError: the file is not a readable image; the message names it.
        """
        return self.look(position)[0]

    def error(self, position: int, reason: str) -> "UnreadableError":
        """The error of the file at ``position``."""
        return UnreadableError(self.paths[position], reason, self.reading.skip_bad)

    def look(self, position: int) -> tuple[Tensor, Look]:
        """The same, and what of the file was changed to show it."""
        return look_at(self.paths[position], self.size, self.reading)


def decode_image(path: Path, size: int, reading: Reading = Reading()) -> Tensor:
    """Read one image file as uint8 RGB (3, size, size), bilinear with antialiasing.

    Raises:
        DataError: the file is not a readable image; the message names it.
    """
    return look_at(path, size, reading)[0]


def look_at(path: Path, size: int, reading: Reading) -> tuple[Tensor, Look]:
    """As ``decode_image``, and what was changed to show it.

    Raises:
        DataError: the file is not a readable image; the message names it.
    """
    try:
        refuse_special(path)
        with Image.open(path, formats=FORMATS) as image:
            refuse_large(image, reading.max_pixels)
            image.draft("RGB", (size, size))
            rgb, look = as_shown(image, reading.alpha)
            rgb = rgb.resize((size, size), Image.Resampling.BILINEAR)
    except (MemoryError, UnreadableError):
        raise
    except Exception as error:  # whatever a decoder stumbles over, the file is what is wrong
        raise UnreadableError(path, reason_of(error, path)) from error
    return torch.from_numpy(np.array(rgb, dtype=np.uint8)).permute(2, 0, 1).contiguous(), look


class UnreadableError(DataError):
    """A file of a list that cannot be read.

    Args:
        path: of the file.
        reason: why.
        skip: whether it may be left out.
    """

    def __init__(self, path: Path, reason: str, skip: bool = False) -> None:
        super().__init__(f"cannot read the image {shown(os.fspath(path))}: {reason}\n{ADVICE}")
        self.path, self.reason, self.skip = path, reason, skip


ADVICE = "replace or delete it, or leave out what cannot be read: data.on_bad=skip"


def reason_of(error: Exception, path: Path) -> str:
    """Why a file could not be read, without its name."""
    if isinstance(error, UnidentifiedImageError):
        return f"its content is none of {', '.join(FORMATS)}"
    if isinstance(error, PermissionError):
        return f"{error.strerror}: let this user read it"
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    told = told.replace(repr(os.fspath(path)), "it")
    return shown(" ".join(told.split())) or type(error).__name__


def refuse_large(image: Image.Image, most: int) -> None:
    """Refuse an image of more pixels than are allowed.

    Raises:
        ValueError: naming the option.
    """
    pixels = image.width * image.height
    if pixels > most:
        raise ValueError(
            f"it has {image.width} x {image.height} pixels, above data.max_pixels={most}"
        )


# How files begin that are images beyond doubt.
BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")


def why_no_image(path: Path) -> str:
    """Why a file is left out of the images; empty if it is one, or is meant to be one."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return ""
    if suffix in RAW:
        return "camera raw"
    if not path.is_file():
        return "no regular file"
    return "" if begins_as_image(path) else f"of another kind{suffix and f' ({suffix})'}"


def begins_as_image(path: Path) -> bool:
    """Whether the content of a file is that of an image.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror}\nlet this user read it, or take it away"
        ) from error
    if start.startswith(BEGINNINGS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        return True
    try:
        with Image.open(path, formats=FORMATS):
            return True
    except Exception:  # some formats begin as a text may: their header must be whole too
        return False
