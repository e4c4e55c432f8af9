"""Batch nuclear-norm maximisation (Cui et al., CVPR 2020): sure and diverse predictions."""

import torch
from torch import Tensor

from translearn.methods.parts.adaptation import Adaptation, Outputs
from translearn.methods.parts.losses import full_precision


class BNM(Adaptation):
    """A classifier of the source whose predictions on a target batch have a large nuclear norm.

    The norm is large where each prediction is sure and where the batch uses many classes. The
    options are those of ``Adaptation``.
    """

    def transfer(self, source: Outputs, target: Outputs) -> Tensor:
        """Minus the nuclear norm of the target's predictions, over the size of the batch."""
        return -nuclear_norm(target.logits.softmax(dim=1)) / len(target.logits)


def nuclear_norm(p: Tensor) -> Tensor:
    """The sum of the singular values of (B, classes), in float32 (eq. 7 of the paper)."""
    with full_precision(p):
        values: Tensor = torch.linalg.svdvals(p.float())
    return values.sum()
