"""Several views of one image: the augmentation that contrastive pretexts learn to see through."""

import math
from collections.abc import Callable
from math import inf
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from translearn.data.pipeline.augment import Color, Crops, Draw, Jitter
from translearn.ranges import Range, Ratios, Share, Zooms


class Colors(Jitter):
    """The part of ``Views`` that changes colours: recoloured, jittered, greyed.

    Args:
        brightness: as in ``Jitter``.
        contrast: likewise.
        saturation: likewise.
        recolor: probability that black and white become two random values in each channel.
        grey: probability that the colours are averaged away.
    """

    def __init__(
        self,
        *,
        brightness: Share = 0.4,
        contrast: Share = 0.4,
        saturation: Share = 0.4,
        recolor: Share = 0.0,
        grey: Share = 0.2,
    ) -> None:
        super().__init__(brightness=brightness, contrast=contrast, saturation=saturation)
        self.recolor, self.grey = recolor, grey
        self.color = Color()

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, C, H, W) -> the same in other colours, which may leave [0, 1]."""
        if self.recolor:
            changed = draw.uniform(1, 1, 1) < self.recolor
            x = torch.where(changed, self.color(x, draw), x)
        x = super().forward(x, draw)
        if self.grey and x.shape[1] > 1:
            grey = x.mean(dim=1, keepdim=True)
            x = torch.lerp(x, grey, (draw.uniform(1, 1, 1) < self.grey).float())
        return x


class Blur(nn.Module):
    """The part of ``Views`` that blurs: a Gaussian, cut at the edges and normalised there.

    Args:
        size: edge of the images.
        probability: that an image is blurred.
        sigma: least and largest standard deviation, in pixels.
    """

    def __init__(self, size: int, *, probability: Share = 0.5, sigma: Ratios = (0.1, 2.0)) -> None:
        super().__init__()
        self.probability, self.sigma = probability, tuple(sigma)
        self.register_buffer("positions", torch.arange(float(size)), persistent=False)
        self.positions: Tensor

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, C, size, size) -> the same, some of them blurred."""
        if not self.probability:
            return x
        blurred = draw.uniform() < self.probability
        sigma = draw.uniform(low=self.sigma[0], high=self.sigma[1])
        sigma = torch.where(blurred, sigma, self.sigma[0])
        distance = (self.positions[:, None] - self.positions).square()
        weights = (-distance / (2 * sigma.square()).view(-1, 1, 1)).exp()
        weights = weights / weights.sum(dim=2, keepdim=True)
        identity = torch.eye(len(self.positions), device=x.device)
        weights = torch.where(blurred.view(-1, 1, 1), weights, identity)[:, None]
        return weights @ x @ weights.transpose(2, 3)


class Views(Crops):
    """A random crop, turned and sheared, with random colours, greyed and blurred.

    The family of SimCLR (Chen et al. 2020, appendix A) without its hue; every image has draws of
    its own, and the geometry is one bilinear sampling.

    Args:
        size: edge of the square images that come out.
        scale: least and largest area of the crop, as a part of the image; above 1 it is larger than
            the image, which then comes out smaller than it was.
        ratio: least and largest width / height of the crop.
        flip: probability of a flip; 0 for digits and letters.
        degrees: the crop is turned by up to so much to either side.
        shear: x is moved by up to so much times y; .2 leans a digit by 11 degrees.
        beyond: the edge of the image: its last pixels again (``edge``), or black (``zeros``).
        colors: what becomes of the colours.
        blur: how the image is blurred.

    Raises:
        ConfigError: a value is out of its range.
    """

    def __init__(
        self,
        size: int,
        scale: Zooms = (0.2, 1.0),
        ratio: Ratios = (3 / 4, 4 / 3),
        flip: Share = 0.5,
        degrees: Annotated[float, Range(0, 180)] = 0.0,
        shear: Share = 0.0,
        beyond: Literal["edge", "zeros"] = "edge",
        colors: Callable[..., Colors] = Colors,
        blur: Callable[..., Blur] = Blur,
    ) -> None:
        super().__init__(size, scale, ratio, flip)
        self.angle, self.shear = math.radians(degrees), shear
        self.longest = inf if self.scale[1] > 1 else 1.0
        self.padding = {"edge": "border", "zeros": "zeros"}[beyond]
        self.colors, self.blur = colors(), blur(size)

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, C, H, W) -> (B, C, size, size) in [0, 1]."""
        x = self.colors(self.cropped(x, draw), draw)
        blurred: Tensor = self.blur(x, draw)
        return blurred.clamp_(0.0, 1.0)

    def maps(self, draw: Draw) -> Tensor:
        """As in ``Crops``, turned and sheared about the middle of each crop."""
        crops = super().maps(draw)
        angle = draw.uniform(low=-self.angle, high=self.angle)
        shear = draw.uniform(low=-self.shear, high=self.shear)
        cosine, sine = angle.cos(), angle.sin()
        across = torch.stack([cosine, cosine * shear - sine], dim=1)
        down = torch.stack([sine, sine * shear + cosine], dim=1)
        turn = torch.stack([across, down], dim=1)  # the rotation times [[1, shear], [0, 1]]
        return torch.cat([turn @ crops[..., :2], crops[..., 2:]], dim=2)
