"""tl-run with bf16's rounding at the speed of fp32, for a processor without bf16 arithmetic.

    python benchmarks/rounded.py experiment=digits_dann seed=0 run.threads=1 run.precision=bf16

Under autocast every convolution and linear layer computes in fp32 on operands rounded to bf16; its
output and its gradients are rounded, as hardware that accumulates in fp32 does it. PyTorch's own
kernels do the same sums there, six times as slowly. All else is PyTorch's bf16.
"""

import sys
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from translearn.train import main


def rounded(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """``function(input, weight, bias, ...)`` with operands, output and gradients in bf16."""

    def compute(x: Tensor, weight: Tensor, bias: Tensor | None = None, *args, **options) -> Tensor:
        if not torch.is_autocast_enabled("cpu"):
            return function(x, weight, bias, *args, **options)
        with torch.autocast("cpu", enabled=False):
            # the gradient passes the same casts on its way back, and is rounded by them
            x, weight = x.bfloat16().float(), weight.bfloat16().float()
            bias = None if bias is None else bias.bfloat16().float()
            return function(x, weight, bias, *args, **options).bfloat16()

    return compute


if __name__ == "__main__":
    F.conv2d, F.linear = rounded(F.conv2d), rounded(F.linear)
    sys.exit(main())
