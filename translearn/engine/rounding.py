"""Whether a processor's bf16 convolutions are right: some libraries' are not, of some shapes."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd

ALLOWED = 0.1  # of the deviation of the output; rounding to bf16 alone makes .01


def wrong_in_bf16(net: nn.Module) -> str:
    """The first convolution that bf16 autocast on this processor gets wrong, in words.

    Seen with PyTorch 2.14's oneDNN on a processor with AMX: kernels of width 8 over 8 to 15
    channels are off by four deviations. Each shape of ``net`` is tried once, on waves instead of
    its weights, so that the answer hangs on the machine alone.

    Args:
        net: on the CPU.

    Returns:
        Empty if all are right.
    """
    seen = set[str]()
    for layer in net.modules():
        if isinstance(layer, _ConvNd) and not layer.transposed and str(layer) not in seen:
            seen.add(str(layer))
            if not is_right(layer):
                return str(layer)
    return ""


def is_right(layer: _ConvNd) -> bool:
    """Whether a convolution of this shape is the same in bf16, up to rounding."""
    weight = waves(layer.weight.shape)
    edge = [2 * size * step for size, step in zip(layer.kernel_size, layer.dilation, strict=True)]
    x = waves((2, layer.in_channels, *edge))
    convolve: Callable[..., Tensor] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(edge)]
    options = (None, layer.stride, layer.padding, layer.dilation, layer.groups)
    with torch.no_grad():
        exact = convolve(x, weight, *options)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = convolve(x, weight, *options)
    return float((rounded.float() - exact).abs().max()) <= ALLOWED * float(exact.std())


def waves(shape: torch.Size | tuple[int, ...]) -> Tensor:
    """Numbers in [-1, 1] without a pattern that a convolution would cancel; no random ones."""
    count = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(count * count * 0.7 + count).float().view(shape)
