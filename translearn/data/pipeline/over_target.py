"""Images of the source pasted over unlabelled images of the target."""

import torch
from torch import Tensor

from translearn.data.access import TrainView
from translearn.data.pipeline.augment import Augment, Draw
from translearn.errors import ConfigError
from translearn.ranges import NonNegative, Share

FARTHEST = 0.8  # a background is rolled by 1 - FARTHEST to FARTHEST of its edge


class OverTarget(Augment):
    """The image as a mask m: x = t + m (fill - t), over a training image t of the target.

    No label is seen, and no image of a test. A background is rolled on the torus and mirrored in
    half of the cases, so that what it shows itself is cut and off centre. The fill is one random
    colour, or the background inverted.

    Args:
        size: edge of the images.
        gain: the mask is multiplied by exp(gain u), u from [0, 1), and cut at 1: thicker strokes.
        invert: share of the images that are filled with 1 - t.

    Raises:
        ConfigError: a value is out of its range.
    """

    def __init__(self, size: int, *, gain: NonNegative = 2.0, invert: Share = 0.0) -> None:
        super().__init__()
        self.size, self.gain, self.invert = size, gain, invert
        self.register_buffer("backgrounds", None, persistent=False)
        self.backgrounds: Tensor

    def see(self, view: TrainView) -> None:
        """Keep the target's training images (N, C, size, size), without labels.

        Raises:
            ConfigError: there are none, or they are of another size or not kept in memory.
        """
        images = view.unlabelled("target").x if "target" in view else None
        if not isinstance(images, Tensor) or tuple(images.shape[2:]) != (self.size, self.size):
            raise ConfigError(
                f"augment=over_target pastes over target images of {self.size} x {self.size} "
                "pixels that are kept in memory, and this data has none\nchoose another augment"
            )
        self.backgrounds = images

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, C, size, size) in [0, 1], white on black -> the same, on backgrounds."""
        target = self._behind(draw).to(x).div_(255).expand(-1, x.shape[1], -1, -1)
        mask = (x * (self.gain * draw.uniform(1, 1, 1)).exp()).clamp_(max=1.0)
        fill = draw.uniform(x.shape[1], 1, 1)
        if self.invert:
            fill = torch.where(draw.uniform(1, 1, 1) < self.invert, 1.0 - target, fill)
        return torch.lerp(target, fill.expand_as(target), mask)

    def _behind(self, draw: Draw) -> Tensor:
        """One background (B, C, size, size) for each image."""
        which = (draw.uniform() * len(self.backgrounds)).long()
        places = torch.arange(self.size, device=which.device)
        mirrored = (draw.uniform(1) < 0.5).long() * (self.size - 1 - 2 * places)
        rows, columns = (
            (places + (self.size * draw.uniform(1, low=1 - FARTHEST, high=FARTHEST)).long() + turn)
            % self.size
            for turn in (0, mirrored)
        )
        picked = self.backgrounds[which.to(self.backgrounds.device)].to(which.device)
        batch = torch.arange(len(which), device=which.device)[:, None, None]
        return picked.movedim(1, -1)[batch, rows[:, :, None], columns[:, None]].movedim(-1, 1)
