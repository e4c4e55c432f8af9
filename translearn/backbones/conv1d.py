"""A small convolutional network for signals: channels over time."""

from typing import Annotated

from torch import Tensor, nn

from translearn.backbones.stack import Stack
from translearn.ranges import Count, Part, Range


class Conv1d(Stack):
    """The three blocks of AdaTime (Ragab et al., TKDD 2023): 64, 128 and 128 channels.

    Each is a convolution over time, batch norm, ReLU and max-pooling. The features are the averages
    of the last block's channels over time.

    Args:
        input_shape: (C, L) of the signals.
        width: factor on the channels of every block.
        kernel: values that the first convolution sees at once; the others see 8.
        dropout: share of the values that are left out after the first block.

    Raises:
        ConfigError: ``width`` leaves a block without channels, or the signals are too short.
    """

    input_dimensions = (2,)
    head_hidden = ()
    made_for = "windows of 128 values in time"

    def __init__(
        self,
        input_shape: tuple[int, ...],
        width: Annotated[float, Range(1 / 64, 64)] = 1.0,
        kernel: Count = 5,
        dropout: Part = 0.5,
    ) -> None:
        channels = [round(base * width) for base in (64, 128, 128)]

        def block(inputs: int, outputs: int, size: int, *after: nn.Module) -> nn.Sequential:
            convolution = nn.Conv1d(inputs, outputs, size, padding=size // 2, bias=False)
            pool = nn.MaxPool1d(2, padding=1)
            return nn.Sequential(convolution, nn.BatchNorm1d(outputs), nn.ReLU(), pool, *after)

        super().__init__(
            input_shape,
            conv1=block(input_shape[0], channels[0], kernel, nn.Dropout(dropout)),
            conv2=block(channels[0], channels[1], 8),
            conv3=block(channels[1], channels[2], 8, AverageOverTime()),
        )


class AverageOverTime(nn.Module):
    """The mean of each channel, whose gradient is deterministic on a GPU too."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L) -> (B, C)."""
        return x.mean(dim=2)
