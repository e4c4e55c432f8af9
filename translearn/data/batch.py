"""The two kinds of batch. What is unlabelled has no ``y``: type checkers and Python refuse it."""

from typing import NamedTuple

from torch import Tensor


class Labelled(NamedTuple):
    """Images with labels.

    Attributes:
        x: (N, ...) images, waveforms or feature vectors, or (views, N, ...) as in ``Unlabelled``.
        y: (N,) int64 class indices.
        index: (N,) int64 positions in the seed-shuffled training split.
    """

    x: Tensor
    y: Tensor
    index: Tensor  # type: ignore[assignment]


class Unlabelled(NamedTuple):
    """Images alone.

    Attributes:
        x: (N, ...) images, waveforms or feature vectors; (views, N, ...) where a stream asks for
            several views of each, or for partners.
        index: (N,) int64 positions in the seed-shuffled training split.
    """

    x: Tensor
    index: Tensor  # type: ignore[assignment]


Batch = Labelled | Unlabelled
