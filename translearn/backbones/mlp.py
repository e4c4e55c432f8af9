"""A perceptron for vectors."""

import itertools
import math
from typing import Literal

from torch import nn

from translearn.backbones.stack import Stack
from translearn.errors import ConfigError
from translearn.ranges import Part, Width, Widths

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}


class MLP(Stack):
    """Dense layers one after the other, each a layer group; the last one gives the features.

    Samples of another shape are taken as the vectors of all their values.

    Args:
        input_shape: of a sample.
        sizes: widths of the layers.
        activation: after each of them.
        batch_norm: whether it stands before each activation.
        dropout: share of the values that are left out after each activation.

    Raises:
        ConfigError: there is no layer, or a value is out of range.
    """

    input_dimensions = (1, 2, 3)
    head_hidden = ()

    def __init__(
        self,
        input_shape: tuple[int, ...],
        sizes: Widths = (256, 128),
        activation: Literal["relu", "sigmoid", "tanh", "gelu"] = "relu",
        batch_norm: bool = False,
        dropout: Part = 0.0,
    ) -> None:
        if not sizes:
            raise ConfigError("backbone.sizes=[] must hold a width or more")

        def dense(inputs: int, outputs: Width) -> nn.Sequential:
            normal = [nn.BatchNorm1d(outputs)] if batch_norm else []
            drop = [nn.Dropout(dropout)] if dropout else []
            linear = nn.Linear(inputs, outputs, bias=not batch_norm)
            return nn.Sequential(nn.Flatten(), linear, *normal, ACTIVATIONS[activation](), *drop)

        pairs = itertools.pairwise([math.prod(input_shape), *sizes])
        super().__init__(
            input_shape, **{f"dense{i}": dense(*pair) for i, pair in enumerate(pairs, start=1)}
        )
