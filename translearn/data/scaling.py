"""How numbers are scaled before a network sees them: by training samples, never by labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Step = Literal["none", "l1", "standard", "per_domain"]
AT_ONCE = 512  # samples, in double precision


@dataclass(frozen=True)
class Scaling:
    """(x - shift) * scale, of x or of x over the sum of its absolute values.

    Attributes:
        by_sum: whether a sample is divided by that sum first.
        shift: (D,) of vectors, (C, 1) of signals; None: nothing is shifted or scaled.
        scale: likewise.
    """

    by_sum: bool
    shift: Tensor | None = None
    scale: Tensor | None = None

    def record(self) -> dict[str, Any]:
        """As plain values, which ``of`` reads to the same bits."""
        found = {"shift": self.shift, "scale": self.scale}
        return {"by_sum": self.by_sum} | {
            name: None if value is None else value.flatten().tolist()
            for name, value in found.items()
        }

    @staticmethod
    def of(record: dict[str, Any], shape: Sequence[int]) -> "Scaling":
        """The scaling of samples of a shape, out of what ``record`` gave."""
        form = (-1, *(1 for _ in shape[1:]))
        shift, scale = (
            None if record[name] is None else torch.tensor(record[name]).view(form)
            for name in ("shift", "scale")
        )
        return Scaling(bool(record["by_sum"]), shift, scale)


def over_sum(x: Tensor) -> Tensor:
    """Each of (N, ...) over the sum of its absolute values; zeros stay as they are."""
    total = x.abs().flatten(1).sum(dim=1).clamp_min(torch.finfo(x.dtype).tiny)
    return x / total.view(-1, *(1 for _ in x.shape[1:]))


def fitted(samples: Sequence[Tensor], by_sum: bool) -> Scaling:
    """Mean 0 and deviation 1 of every number of vectors (N, D), or every channel of (N, C, L).

    What is the same in all samples is shifted and not scaled.

    Args:
        samples: one set or several, taken together.
        by_sum: whether they are divided by their sum first.
    """
    parts = [part.double() for x in samples for part in x.split(AT_ONCE)]
    parts = [over_sum(part) for part in parts] if by_sum else parts
    over = [place for place in range(parts[0].ndim) if place != 1]
    count = sum(part.numel() // part.shape[1] for part in parts)
    mean = torch.stack([part.sum(dim=over, keepdim=True) for part in parts]).sum(dim=0) / count
    spread = torch.stack([(part - mean).square().sum(dim=over) for part in parts]).sum(dim=0)
    deviation = (spread / count).sqrt().view(mean.shape)
    least = (1e-8 * mean.abs()).clamp_min(torch.finfo(torch.float32).tiny)
    scale = torch.where(deviation > least, 1.0 / deviation, 1.0)
    return Scaling(by_sum, mean[0].float(), scale[0].float())
