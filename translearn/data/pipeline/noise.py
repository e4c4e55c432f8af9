"""Augmentation of signals and of vectors: noise, and values that are masked."""

from typing import ClassVar

import torch
from torch import Tensor

from translearn.data.pipeline.augment import Augment, Draw
from translearn.data.types import Kind
from translearn.ranges import NonNegative, Share


class Signals(Augment):
    """Jitter, scaling and time masking, each signal with draws of its own.

    Um et al. (ICMI 2017) for jitter and scaling; a stretch of time is masked in all channels, as in
    SpecAugment (Park et al. 2019). It sees scaled values, whose deviation is about 1.

    Args:
        jitter: standard deviation of the noise on every value.
        scaling: standard deviation of the factor on every channel, about 1.
        masking: longest stretch that is set to 0, as a part of the signal.

    Raises:
        ConfigError: a value is out of its range.
    """

    kind: ClassVar[Kind] = Kind.signal

    def __init__(
        self, jitter: NonNegative = 0.1, scaling: NonNegative = 0.1, masking: Share = 0.1
    ) -> None:
        super().__init__()
        self.jitter, self.scaling, self.masking = jitter, scaling, masking

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, C, L) -> the same, changed."""
        channels, length = x.shape[1:]
        x = x * (1.0 + self.scaling * draw.normal(channels, 1))
        x = x + self.jitter * draw.normal(channels, length)
        stretch = draw.uniform(1, 1) * self.masking * length
        start = draw.uniform(1, 1) * (length - stretch)
        time = torch.arange(length, device=x.device)
        inside = (time >= start) & (time < start + stretch)
        return x.masked_fill(inside, 0.0)


class Vectors(Augment):
    """Noise, and some of the numbers set to 0, each vector with draws of its own.

    What masking-noise autoencoders see (Vincent et al. 2008). It sees scaled values, whose mean
    is about 0 and whose deviation is about 1.

    Args:
        jitter: standard deviation of the noise on every number.
        masking: probability that a number is set to 0.

    Raises:
        ConfigError: a value is out of its range.
    """

    kind: ClassVar[Kind] = Kind.vector

    def __init__(self, jitter: NonNegative = 0.1, masking: Share = 0.2) -> None:
        super().__init__()
        self.jitter, self.masking = jitter, masking

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """(B, D) -> the same, changed."""
        width = x.shape[1]
        x = x + self.jitter * draw.normal(width)
        return x.masked_fill(draw.uniform(width) < self.masking, 0.0)
