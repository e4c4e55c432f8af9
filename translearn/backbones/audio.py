"""A small convolutional network for spectrograms."""

from typing import Annotated

from torch import nn

from translearn.backbones.stack import Stack
from translearn.ranges import Range


class Audio(Stack):
    """Four 3x3 convolutions with batch norm, each followed by max-pooling.

    The features keep where in time and frequency something was heard: 480 of a spectrogram of 40
    mels and 63 frames.

    Args:
        input_shape: (C, mels, frames) of the spectrograms.
        width: factor on the channels of every layer.

    Raises:
        ConfigError: ``width`` leaves a layer without channels, or the spectrograms are too small.
    """

    made_for = "40x63, the mels and frames of a second of speech"

    def __init__(
        self, input_shape: tuple[int, int, int], width: Annotated[float, Range(1 / 16, 64)] = 1.0
    ) -> None:
        channels = [round(base * width) for base in (16, 32, 64, 80)]

        def block(inputs: int, outputs: int) -> nn.Sequential:
            convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            return nn.Sequential(convolution, nn.MaxPool2d(2), nn.BatchNorm2d(outputs), nn.ReLU())

        sizes = zip([input_shape[0], *channels], channels, strict=False)
        blocks = {f"conv{i}": block(*size) for i, size in enumerate(sizes, start=1)}
        super().__init__(input_shape, **blocks)
