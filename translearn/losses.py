"""Pieces of losses that several methods share."""

import math
from typing import Any

import torch
from torch import Tensor


class _ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * -ctx.strength, None


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    """Identity forward; the gradient comes back times ``-strength``.

    The gradient reversal layer of Ganin et al., "Domain-adversarial training of neural networks"
    (JMLR 2016), eqs. 16 and 17.
    """
    reversed_x = _ReverseGradient.apply(x, strength)
    assert isinstance(reversed_x, Tensor)
    return reversed_x


def adversarial_ramp(progress: float) -> float:
    """The paper's strength lambda(p) = 2 / (1 + exp(-10 p)) - 1, from 0 towards 1."""
    return 2.0 / (1.0 + math.exp(-10.0 * progress)) - 1.0
