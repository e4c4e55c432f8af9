"""Augmentation on the device, batched, with a draw of its own for every image."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Draw:
    """Random numbers for a global batch, of which this rank keeps its rows.

    Args:
        generator: the device generator, seeded for the step.
        total: images of the global batch.
        rows: this rank's part.
    """

    def __init__(self, generator: torch.Generator, total: int, rows: slice) -> None:
        self.generator, self.total, self.rows = generator, total, rows

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers (rows, *shape) in [low, high)."""
        drawn = torch.empty(self.total, *shape, device=self.generator.device)
        return drawn.uniform_(low, high, generator=self.generator)[self.rows]

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers (rows, *shape)."""
        drawn = torch.empty(self.total, *shape, device=self.generator.device)
        return drawn.normal_(generator=self.generator)[self.rows]


class Augment(nn.Module):
    """Base of augmentations: float images (B, C, H, W) in [0, 1] -> the same, changed."""

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """Change a batch."""
        raise NotImplementedError


class NoAugment(Augment):
    """Leaves images as they are."""

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """The images themselves."""
        return x


class Color(Augment):
    """Maps black and white of each image and channel to two random values."""

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """x -> background + x (foreground - background)."""
        channels = x.shape[1]
        background, foreground = draw.uniform(channels, 1, 1), draw.uniform(channels, 1, 1)
        return torch.lerp(background, foreground, x)


class ColorNoise(Color):
    """Colour, plus smooth noise of a random strength, plus pixel noise of a random strength.

    Args:
        cells: the smooth noise is drawn on a grid of cells x cells.
        pixel_noise: largest standard deviation of the pixel noise.
    """

    def __init__(self, cells: int = 5, pixel_noise: float = 0.1) -> None:
        super().__init__()
        self.cells, self.pixel_noise = cells, pixel_noise

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """No clamp: values may leave [0, 1]."""
        size = x.shape[-2:]
        channels = x.shape[1]
        x = super().forward(x, draw)
        coarse = draw.uniform(channels, self.cells, self.cells, low=-0.5, high=0.5)
        coarse = coarse * draw.uniform(1, 1, 1)
        x = x + F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
        strength = draw.uniform(1, 1, 1) * self.pixel_noise
        return x.addcmul_(draw.normal(channels, *size), strength)


def center_crop(x: Tensor, size: int) -> Tensor:
    """The middle size x size of images (B, C, H, W)."""
    top, left = (x.shape[-2] - size) // 2, (x.shape[-1] - size) // 2
    return x[..., top : top + size, left : left + size]
