"""Several views of one image: the augmentation that contrastive pretexts learn to see through."""

import math
from math import inf
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from translearn.data.pipeline.augment import Color, Draw, Photo
from translearn.ranges import Range, Ratios, Share, Zooms


class Views(Photo):
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
        brightness: factors are drawn from [1 - brightness, 1 + brightness].
        contrast: likewise.
        saturation: likewise.
        recolor: probability that black and white become two random values in each channel.
        grey: probability that the colours are averaged away.
        blur: probability of a Gaussian blur.
        sigma: least and largest standard deviation of the blur, in pixels.
        beyond: the edge of the image: its last pixels again (``edge``), or black (``zeros``).

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
        brightness: Share = 0.4,
        contrast: Share = 0.4,
        saturation: Share = 0.4,
        recolor: Share = 0.0,
        grey: Share = 0.2,
        blur: Share = 0.5,
        sigma: Ratios = (0.1, 2.0),
        beyond: Literal["edge", "zeros"] = "edge",
    ) -> None:
        super().__init__(size, scale, ratio, flip, brightness, contrast, saturation)
        self.angle, self.shear = math.radians(degrees), shear
        self.recolor, self.grey, self.blur, self.sigma = recolor, grey, blur, tuple(sigma)
        self.longest = inf if self.scale[1] > 1 else 1.0
        self.padding = {"edge": "border", "zeros": "zeros"}[beyond]
        self.color = Color()
        self.register_buffer("positions", torch.arange(float(size)), persistent=False)
        self.positions: Tensor

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, C, H, W) -> (B, C, size, size) in [0, 1]."""
        shape = [len(x), x.shape[1], self.size, self.size]
        grid = F.affine_grid(self._lean(self._crops(draw), draw), shape, align_corners=False)
        x = F.grid_sample(x, grid, padding_mode=self.padding, align_corners=False)
        if self.recolor:
            changed = draw.uniform(1, 1, 1) < self.recolor
            x = torch.where(changed, self.color(x, draw), x)
        x = self._jitter(x, draw)
        if self.grey and x.shape[1] > 1:
            grey = x.mean(dim=1, keepdim=True)
            x = torch.lerp(x, grey, (draw.uniform(1, 1, 1) < self.grey).float())
        if self.blur:
            blurred = draw.uniform() < self.blur
            sigma = draw.uniform(low=self.sigma[0], high=self.sigma[1])
            x = self._blurred(x, torch.where(blurred, sigma, self.sigma[0]), blurred)
        return x.clamp_(0.0, 1.0)

    def _lean(self, crops: Tensor, draw: Draw) -> Tensor:
        """Turn and shear the affine maps (B, 2, 3) about the middle of their crops."""
        angle = draw.uniform(low=-self.angle, high=self.angle)
        shear = draw.uniform(low=-self.shear, high=self.shear)
        cosine, sine = angle.cos(), angle.sin()
        across = torch.stack([cosine, cosine * shear - sine], dim=1)
        down = torch.stack([sine, sine * shear + cosine], dim=1)
        turn = torch.stack([across, down], dim=1)  # the rotation times [[1, shear], [0, 1]]
        return torch.cat([turn @ crops[..., :2], crops[..., 2:]], dim=2)

    def _blurred(self, x: Tensor, sigma: Tensor, chosen: Tensor) -> Tensor:
        """A Gaussian blur of the chosen images, cut at the edges and normalised there."""
        distance = (self.positions[:, None] - self.positions).square()
        weights = (-distance / (2 * sigma.square()).view(-1, 1, 1)).exp()
        weights = weights / weights.sum(dim=2, keepdim=True)
        identity = torch.eye(self.size, device=x.device)
        weights = torch.where(chosen.view(-1, 1, 1), weights, identity)[:, None]
        return weights @ x @ weights.transpose(2, 3)
