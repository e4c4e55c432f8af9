"""Small networks on top of features."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from torch import nn

from translearn.backbones.base import Backbone
from translearn.backbones.normalization import convert_to_domain_batch_norm
from translearn.methods.base import Phase
from translearn.ranges import Range

Bottleneck = Annotated[int, Range(0, 2**20)]
BOTTLENECK = 256  # width of a layer that mixes domains on features that do not learn


def perceptron(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """Linear layers of the given widths with ReLU between them."""
    widths = [inputs, *hidden]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def bottleneck_width(backbone: Backbone, asked: int | None) -> int:
    """The width of a layer of its own on the features; None: one where the backbone is held."""
    if asked is None:
        return BOTTLENECK if backbone.learn == "none" else 0
    return asked


def mixing(inputs: int, width: int) -> nn.Module:
    """A layer of that width whose batch norm keeps statistics per domain; 0: nothing."""
    if not width:
        return nn.Identity()
    layer = nn.Sequential(nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU())
    convert_to_domain_batch_norm(layer, ("source", "target"))
    return layer


def parted(
    phase: Phase, steps: int, learn: Sequence[str], cache: str | None = "backbone"
) -> list[Phase]:
    """A phase of which ``learn`` alone takes the first steps, and all that it trains the rest."""
    alone = replace(
        phase, steps=steps, learn=tuple(learn), cache=cache, score_after=(), part="head"
    )
    return [alone, replace(phase, steps=phase.steps - steps, part="rest")]


def learns(head: nn.Module) -> bool:
    """Whether the phase that is being trained trains this head."""
    return next(head.parameters()).requires_grad
