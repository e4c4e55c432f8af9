"""Image files that are decoded to uint8 when they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from translearn.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")


SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


@dataclass(frozen=True)
class FileImages:
    """A list of image files, each decoded to RGB and resized to ``size`` x ``size``.

    Attributes:
        paths: the files.
        size: edge of the decoded square in pixels.
    """

    paths: tuple[Path, ...]
    size: int

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Tensor | Sequence[int]) -> "FileImages":
        return FileImages(tuple(self.paths[int(i)] for i in index), self.size)

    @property
    def nbytes(self) -> int:
        """Bytes of all images once decoded."""
        return len(self.paths) * 3 * self.size * self.size

    def decode(self, position: int) -> Tensor:
        """The image at ``position`` as uint8 (3, size, size).

        Raises:
            DataError: the file is not a readable image; the message names it.
        """
        return decode_image(self.paths[position], self.size)


def decode_image(path: Path, size: int) -> Tensor:
    """Read one image file as uint8 RGB (3, size, size), bilinear with antialiasing.

    Raises:
        DataError: the file is not a readable image; the message names it.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.draft("RGB", (size, size))
            rgb = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read the image {path}: {error}\nreplace or delete it") from error
    return torch.from_numpy(np.array(rgb, dtype=np.uint8)).permute(2, 0, 1).contiguous()
