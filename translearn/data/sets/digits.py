"""The embedded sets: scikit-learn's digits, the same digits over its sample photos, and small."""

import functools

import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_images
from torch import Tensor
from torch.nn import functional as F

from translearn.data.sets.digit_images import CLASSES
from translearn.data.types import Kind, Reader, Samples, Split
from translearn.ranges import Seed

TEST_SIZE = 360  # the same test digits in every arrangement


DIGIT, FRAME = 20, 28  # edge of the enlarged digit and of the image, in pixels


MASK_ABOVE = 96  # of 255: what counts as ink, as hard as MNIST-M's mask


STORED = "package/sklearn/datasets/data/digits.csv.gz"


PHOTOS = tuple(f"package/sklearn/datasets/images/{name}.jpg" for name in ("china", "flower"))


class Digits(Reader):
    """Real handwritten digits from scikit-learn's wheel: the 8x8 digits, 20x20 in a 28x28 frame."""

    origins = (STORED,)

    def read(self) -> Samples:
        """Read scikit-learn's file."""
        return embedded("digits", grey_digits())


class DigitsOverPhotos(Reader):
    """The same digits blended over crops of two photos by MNIST-M's rule.

    255 - c where there is ink, else c.

    Args:
        split_seed: decides the crops.
    """

    origins = (STORED, *PHOTOS)

    def __init__(self, split_seed: Seed = 0) -> None:
        self.split_seed = split_seed

    def read(self) -> Samples:
        """Read scikit-learn's files and blend them."""
        digits = grey_digits()
        assert isinstance(digits.x, Tensor)
        blended = blend(digits.x, photos(), self.split_seed)
        return embedded("digits_photos", Split(blended, digits.y))


class EvenOrOdd(Reader):
    """The digits as scikit-learn stores them, 8x8, of two classes: even and odd."""

    origins = (STORED,)

    def read(self) -> Samples:
        """Read scikit-learn's file."""
        small, digits = stored()
        both = Split(small.round().to(torch.uint8)[:, None], digits % 2)
        return embedded("digits_8x8", both, ("even", "odd"))


def embedded(name: str, everything: Split, classes: tuple[str, ...] = CLASSES) -> Samples:
    """All of scikit-learn's digits, of which no split is published."""
    assert isinstance(everything.x, Tensor)
    shape = tuple(everything.x.shape[1:])
    return Samples(name, classes, everything, None, Kind.image, shape, "seeded", TEST_SIZE)


def grey_digits() -> Split:
    """scikit-learn's 1797 digits, enlarged: uint8 (N, 1, 28, 28) with their labels."""
    small, digits = stored()
    return Split(enlarge(small.float()), digits.clone())


@functools.cache
def stored() -> tuple[Tensor, Tensor]:
    """scikit-learn's 1797 digits (N, 8, 8) in [0, 255] and their labels, never to be changed.

    They are kept: its text file takes longer to read than to train on for a step, and both domains
    of a run are made of it.
    """
    digits = load_digits()
    return torch.from_numpy(digits.images * (255 / 16)), torch.from_numpy(digits.target).long()


def enlarge(images: Tensor) -> Tensor:
    """(N, 8, 8) in [0, 255] -> uint8 (N, 1, 28, 28), the digit 20x20 in the middle."""
    large = F.interpolate(
        images[:, None], size=(DIGIT, DIGIT), mode="bilinear", align_corners=False
    )
    margin = (FRAME - DIGIT) // 2
    return F.pad(large, (margin,) * 4).round().to(torch.uint8)


def photos() -> list[Tensor]:
    """scikit-learn's sample photos as uint8 (3, H, W)."""
    return [torch.from_numpy(np.array(p)).permute(2, 0, 1) for p in load_sample_images().images]


def blend(grey: Tensor, pictures: list[Tensor], seed: int) -> Tensor:
    """Digits (N, 1, 28, 28) over random crops of pictures of one size: uint8 (N, 3, 28, 28)."""
    windows = torch.stack(pictures).unfold(2, FRAME, 1).unfold(3, FRAME, 1)  # (P, 3, H', W', ...)
    highest = (len(pictures), *windows.shape[2:4])
    # a row a digit: the same draws as one after the other
    drawn = np.random.default_rng(seed).integers(highest, size=(len(grey), 3))
    picture, top, left = torch.from_numpy(drawn).unbind(dim=1)
    crops = windows[picture, :, top, left]
    return torch.where(grey > MASK_ABOVE, 255 - crops, crops)
