"""The embedded pair: scikit-learn's digits, and the same digits over its sample photos."""

from typing import ClassVar

import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_images
from torch import Tensor
from torch.nn import functional as F

from translearn.data.access import limit_labels
from translearn.data.types import DataSource, Split, TaskSet, cut_domain, permutation

TEST_SIZE = 360


DIGIT, FRAME = 20, 28  # edge of the enlarged digit and of the image, in pixels


MASK_ABOVE = 96  # of 255: what counts as ink, as hard as MNIST-M's mask


class Digits(DataSource):
    """Real handwritten digits from scikit-learn's wheel; nothing is downloaded.

    Source: the 8x8 digits enlarged to 20x20 in a 28x28 frame. Target: the same digits blended over
    crops of two photos by MNIST-M's rule: 255 - c where there is ink, else c.

    Args:
        root: ignored; the data is embedded.
        val_fraction: share of the training images cut off for validation.
        split_seed: decides the splits and the crops.
        target_labels_per_class: keep only so many target labels of each class, or None.
    """

    embedded: ClassVar[bool] = True

    def __init__(
        self,
        root: str = "",
        val_fraction: float = 0.1,
        split_seed: int = 0,
        target_labels_per_class: int | None = None,
    ) -> None:
        self.val_fraction, self.split_seed = val_fraction, split_seed
        self.target_labels_per_class = target_labels_per_class

    def load(self) -> TaskSet:
        """Build both domains from scikit-learn's files."""
        digits = grey_digits()
        grey, labels = digits.x, digits.y
        assert isinstance(grey, Tensor) and labels is not None
        blended = blend(grey, photos(), self.split_seed)
        order = permutation(len(labels), self.split_seed)
        train, test = order[TEST_SIZE:], order[:TEST_SIZE]
        classes = tuple(str(digit) for digit in range(10))
        domains = {}
        for task, name, x in (("source", "digits", grey), ("target", "digits_photos", blended)):
            both = Split(x, labels)
            domains[task] = cut_domain(
                name, classes, both.select(train), both.select(test),
                self.val_fraction, self.split_seed,
            )  # fmt: skip
        tasks = TaskSet("digits", domains, (3, FRAME, FRAME), "seeded")
        return limit_labels(tasks, self.target_labels_per_class, self.split_seed)


def grey_digits() -> Split:
    """scikit-learn's 1797 digits, enlarged: uint8 (N, 1, 28, 28) with their labels."""
    digits = load_digits()
    grey = enlarge(torch.from_numpy(digits.images).float() * (255 / 16))
    return Split(grey, torch.from_numpy(digits.target).long())


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
    """Digits (N, 1, 28, 28) over random crops: uint8 (N, 3, 28, 28)."""
    generator = np.random.default_rng(seed)
    blended = torch.empty(len(grey), 3, FRAME, FRAME, dtype=torch.uint8)
    for position, digit in enumerate(grey):
        picture = pictures[generator.integers(len(pictures))]
        top = int(generator.integers(picture.shape[1] - FRAME + 1))
        left = int(generator.integers(picture.shape[2] - FRAME + 1))
        crop = picture[:, top : top + FRAME, left : left + FRAME]
        blended[position] = torch.where(digit > MASK_ABOVE, 255 - crop, crop)
    return blended
