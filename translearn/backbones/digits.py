"""Small convolutional networks for digits."""

from typing import Annotated

from torch import nn

from translearn.backbones.stack import Stack
from translearn.ranges import Range


class LeNet(Stack):
    """The MNIST network of the DANN paper (Ganin et al. 2016, figure 4a); max-pool before ReLU.

    Args:
        input_shape: (C, H, W) of the images.
    """

    def __init__(self, input_shape: tuple[int, int, int]) -> None:
        super().__init__(
            input_shape,
            conv1=nn.Sequential(nn.Conv2d(input_shape[0], 32, 5), nn.MaxPool2d(2), nn.ReLU()),
            conv2=nn.Sequential(nn.Conv2d(32, 48, 5), nn.MaxPool2d(2), nn.ReLU()),
        )


class Wide(Stack):
    """Three convolutions with batch norm, 64 channels wide; 1024 features of a 28x28 image.

    Args:
        input_shape: (C, H, W) of the images.
        width: factor on the channels of every layer.
        dense: features of a dense layer with batch norm at the end; 0: none.

    Raises:
        ConfigError: ``width`` leaves a layer without channels, or ``dense`` is below 0.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        width: Annotated[float, Range(1 / 32, 64)] = 1.0,
        dense: Annotated[int, Range(0, 2**20)] = 0,
    ) -> None:
        first, second = round(32 * width), round(64 * width)

        def convolution(inputs: int, outputs: int, size: int, pool: bool) -> nn.Sequential:
            layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, size, bias=False)]
            if pool:
                layers.append(nn.MaxPool2d(2))
            return nn.Sequential(*layers, nn.BatchNorm2d(outputs), nn.ReLU())

        layers = {
            "conv1": convolution(input_shape[0], first, 5, pool=True),
            "conv2": convolution(first, second, 3, pool=False),
            "conv3": convolution(second, second, 3, pool=True),
        }
        if dense:
            rows, columns = (max(1, ((edge - 4) // 2 - 4) // 2) for edge in input_shape[1:])
            layers["dense"] = nn.Sequential(
                nn.Flatten(),
                nn.Linear(second * rows * columns, dense, bias=False),
                nn.BatchNorm1d(dense),
                nn.ReLU(),
            )
        super().__init__(input_shape, **layers)
