"""Augmentation on the device, batched, with a draw of its own for every image."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.data.access import TrainView
from translearn.data.types import Kind
from translearn.ranges import Areas, Edge, NonNegative, Ratios, Share, Zooms

LUMA = (0.299, 0.587, 0.114)  # grey of red, green and blue (ITU-R BT.601), as PIL has it


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
    """Base of augmentations: float images (B, C, H, W) in [0, 1] -> the same, changed.

    Attributes:
        kind: of the samples that it changes; tasks of another kind stay as they are.
    """

    kind: ClassVar[Kind] = Kind.image

    def __init__(self) -> None:  # without arguments, which a config is checked against
        super().__init__()

    def see(self, view: TrainView) -> None:
        """Take what it needs of the training samples, before the first batch: here nothing."""

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
        """Give background + x (foreground - background)."""
        channels = x.shape[1]
        background, foreground = draw.uniform(channels, 1, 1), draw.uniform(channels, 1, 1)
        return torch.lerp(background, foreground, x)


class ColorNoise(Color):
    """Colour, plus smooth noise of a random strength, plus pixel noise of a random strength.

    Args:
        cells: the smooth noise is drawn on a grid of cells x cells.
        pixel_noise: largest standard deviation of the pixel noise.
    """

    def __init__(self, cells: Edge = 5, pixel_noise: NonNegative = 0.1) -> None:
        super().__init__()
        self.cells, self.pixel_noise = cells, pixel_noise
        self._enlarging: dict[tuple[int, torch.device], Tensor] = {}

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """No clamp: values may leave [0, 1]."""
        count, channels, height, width = x.shape
        x = super().forward(x, draw)
        coarse = draw.uniform(channels, self.cells, self.cells, low=-0.5, high=0.5)
        coarse = coarse * draw.uniform(1, 1, 1)
        # bilinear enlarging as two small matrix products: nine times as fast as F.interpolate
        rows = self._enlarge(height, x.device) @ coarse
        columns = self._enlarge(width, x.device).T.expand(count * channels, -1, -1)
        x = torch.baddbmm(x.flatten(0, 1), rows.flatten(0, 1), columns).view(x.shape)
        strength = draw.uniform(1, 1, 1) * self.pixel_noise
        return x.addcmul_(draw.normal(channels, height, width), strength)

    def _enlarge(self, size: int, device: torch.device) -> Tensor:
        """The matrix (size, cells) that interpolates ``cells`` values linearly."""
        key = (size, device)
        if key not in self._enlarging:
            cells = torch.eye(self.cells, device=device)[None]
            self._enlarging[key] = F.interpolate(cells, size=size, mode="linear")[0].T.contiguous()
        return self._enlarging[key]


class Jitter(nn.Module):
    """Random brightness, contrast and saturation as one affine map of the colours of each image.

    With grey g(x) and its mean m: brightness b x, contrast c x + (1 - c) m, saturation
    s x + (1 - s) g(x) make b c (s x + (1 - s) g(x)) + b (1 - c) m.

    Args:
        brightness: factors are drawn from [1 - brightness, 1 + brightness].
        contrast: likewise; a factor of 0 would leave the mean grey of the image.
        saturation: likewise; a factor of 0 would leave the image without colour.
    """

    def __init__(self, *, brightness: Share, contrast: Share, saturation: Share) -> None:
        super().__init__()
        self.strengths = brightness, contrast, saturation
        # a buffer, since a tensor made in a step would be copied to the device in every step
        self.register_buffer("luma", torch.tensor(LUMA), persistent=False)
        self.luma: Tensor

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, C, H, W) -> the same in other colours, which may leave [0, 1]."""
        channels = x.shape[1]
        brightness, contrast, saturation = (
            draw.uniform(1, 1, low=1.0 - strength, high=1.0 + strength)
            for strength in self.strengths
        )
        grey = torch.full((channels,), 1.0 / channels, device=x.device)
        luma = self.luma if channels == len(LUMA) else grey
        colours = saturation * torch.eye(channels, device=x.device) + (1.0 - saturation) * luma
        mean = (x.mean(dim=(2, 3)) @ luma).view(-1, 1, 1)
        offset = (brightness * (1.0 - contrast) * mean).expand(-1, channels, 1)
        mixed = torch.baddbmm(offset, brightness * contrast * colours, x.flatten(2))
        return mixed.view(x.shape)


class Crops(Augment):
    """Random resized crops, some of them mirrored: what augmentations of photos and views begin by.

    A crop is sampled bilinearly without antialiasing, in one pass over the batch that needs no
    number back from the device. That suits images stored a little larger than ``size``: from 256
    to 224 a crop is reduced by 1.14 at most.

    Args:
        size: edge of the square images that come out.
        scale: least and largest area of the crop, as a part of the image.
        ratio: least and largest width / height of the crop, drawn evenly on a log scale. A side
            that would be longer than ``longest`` is cut to it.
        flip: probability of a flip.

    Attributes:
        longest: side of a crop, as a part of the image's.
        padding: what lies beyond the edge of the image, as ``grid_sample`` names it.
    """

    longest: float = 1.0
    padding: str = "border"

    def __init__(self, size: int, scale: Zooms, ratio: Ratios, flip: Share) -> None:
        super().__init__()
        self.size, self.flip = size, flip
        self.scale, self.log_ratio = tuple(scale), tuple(math.log(r) for r in ratio)

    def maps(self, draw: Draw) -> Tensor:
        """Affine maps (B, 2, 3) from the crop to the image; both span [-1, 1]."""
        area = draw.uniform(low=self.scale[0], high=self.scale[1])
        root = (draw.uniform(low=self.log_ratio[0], high=self.log_ratio[1]) / 2).exp()
        sides = area.sqrt() * root, area.sqrt() / root
        width, height = (side.clamp_(max=self.longest) for side in sides)
        mirror = 1.0 - 2.0 * (draw.uniform() < self.flip)
        left, top = draw.uniform(low=-1.0), draw.uniform(low=-1.0)
        zero = torch.zeros_like(width)
        across = torch.stack([width * mirror, zero, left * (1.0 - width)], dim=1)
        down = torch.stack([zero, height, top * (1.0 - height)], dim=1)
        return torch.stack([across, down], dim=1)

    def cropped(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, C, H, W) -> (B, C, size, size)."""
        shape = [len(x), x.shape[1], self.size, self.size]
        grid = F.affine_grid(self.maps(draw), shape, align_corners=False)
        return F.grid_sample(x, grid, padding_mode=self.padding, align_corners=False)


class Photo(Crops):
    """Random resized crop, horizontal flip and colour jitter, each image with draws of its own.

    Brightness, contrast and saturation follow in this order with torchvision's formulas, and values
    are clamped once at the end, not after each.

    Args:
        size: as in ``Crops``.
        scale: likewise.
        ratio: likewise.
        flip: likewise.
        brightness: as in ``Jitter``.
        contrast: likewise.
        saturation: likewise.

    Raises:
        ConfigError: a value is out of its range.
    """

    def __init__(
        self,
        size: int,
        scale: Areas = (0.35, 1.0),
        ratio: Ratios = (3 / 4, 4 / 3),
        flip: Share = 0.5,
        brightness: Share = 0.3,
        contrast: Share = 0.3,
        saturation: Share = 0.3,
    ) -> None:
        super().__init__(size, scale, ratio, flip)
        self.jitter = Jitter(brightness=brightness, contrast=contrast, saturation=saturation)

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, C, H, W) -> (B, C, size, size) in [0, 1]."""
        jittered: Tensor = self.jitter(self.cropped(x, draw), draw)
        return jittered.clamp_(0.0, 1.0)


def center_crop(x: Tensor, size: int) -> Tensor:
    """The middle size x size of images (B, C, H, W)."""
    top, left = (x.shape[-2] - size) // 2, (x.shape[-1] - size) // 2
    return x[..., top : top + size, left : left + size]
