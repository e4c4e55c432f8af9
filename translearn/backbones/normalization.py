"""Batch norm with statistics per domain and shared affine weights (Chang et al. 2019 keep both apart)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DomainBatchNorm(nn.Module):
    """A batch norm whose running statistics are kept per domain.

    Args:
        original: the layer to start from; its weight and bias are shared, its statistics copied.
        domains: names, the first one active.
    """

    def __init__(self, original: nn.BatchNorm1d | nn.BatchNorm2d, domains: Sequence[str]) -> None:
        super().__init__()
        self.weight, self.bias = original.weight, original.bias
        self.eps, self.momentum = original.eps, original.momentum
        self.domains, self.active = tuple(domains), domains[0]
        assert original.running_mean is not None and original.running_var is not None
        for domain in domains:
            self.register_buffer(f"{domain}_mean", original.running_mean.clone())
            self.register_buffer(f"{domain}_var", original.running_var.clone())

    def forward(self, x: Tensor) -> Tensor:
        """Normalise by the batch in training, by the active domain's statistics in evaluation."""
        mean, var = getattr(self, f"{self.active}_mean"), getattr(self, f"{self.active}_var")
        momentum = 0.1 if self.momentum is None else self.momentum
        return F.batch_norm(
            x, mean, var, self.weight, self.bias, self.training, momentum, self.eps
        )


def convert_to_domain_batch_norm(module: nn.Module, domains: Sequence[str]) -> None:
    """Replace every batch norm inside ``module`` by one with statistics per domain."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            setattr(module, name, DomainBatchNorm(child, domains))
        else:
            convert_to_domain_batch_norm(child, domains)


@contextmanager
def use_domain(module: nn.Module, domain: str) -> Iterator[None]:
    """Make ``domain`` the active one in every DomainBatchNorm of ``module``."""
    layers = [layer for layer in module.modules() if isinstance(layer, DomainBatchNorm)]
    before = [layer.active for layer in layers]
    for layer in layers:
        layer.active = domain
    try:
        yield
    finally:
        for layer, domain_before in zip(layers, before, strict=True):
            layer.active = domain_before


__all__ = ["DomainBatchNorm", "convert_to_domain_batch_norm", "torch", "use_domain"]
