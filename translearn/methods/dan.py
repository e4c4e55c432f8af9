"""Deep adaptation networks (Long et al., ICML 2015): kernels see no difference of the domains."""

import torch
from torch import Tensor

from translearn.methods.parts.adaptation import Adaptation, Outputs
from translearn.methods.parts.losses import full_precision

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the mean squared distance, the kernels' bandwidths


class DAN(Adaptation):
    """A classifier of the source on features whose maximum mean discrepancy is small.

    The options are those of ``Adaptation``. The paper aligns several layers with learned weights of
    the kernels; this method the features, with kernels of equal weight, as later work does.
    """

    answers = ("class", "number")

    def transfer(self, source: Outputs, target: Outputs) -> Tensor:
        """The discrepancy of the features."""
        return discrepancy(source.features, target.features)


def discrepancy(source: Tensor, target: Tensor) -> Tensor:
    """The squared maximum mean discrepancy of (B, d) and (B', d) under a mean of Gaussian kernels.

    mean k(s, s') + mean k(t, t') - 2 mean k(s, t) over all pairs, which is never negative (eq. 1,
    estimated with all pairs). A kernel is exp(-|x - y|^2 / (scale m)) with m the mean squared
    distance of two different samples of this batch; no gradient flows through m.
    """
    with full_precision(source):
        both = torch.cat([source, target]).float()
        both = both - both.mean(dim=0).detach()  # distances stay, and lose fewer digits
        lengths = both.square().sum(dim=1)
        squared = (lengths[:, None] + lengths - 2 * both @ both.T).clamp_min(0)
    mean = squared.detach().sum() / (len(both) * (len(both) - 1))
    mean = mean.clamp_min(torch.finfo(mean.dtype).tiny)
    kernels = torch.stack([(-squared / (scale * mean)).exp() for scale in SCALES]).mean(dim=0)
    within_source = kernels[: len(source), : len(source)].mean()
    within_target = kernels[len(source) :, len(source) :].mean()
    return within_source + within_target - 2 * kernels[: len(source), len(source) :].mean()
