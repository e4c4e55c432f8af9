"""Batch norm with statistics per domain and shared affine weights.

Chang et al. (2019, Domain-Specific Batch Normalization) keep both apart.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from translearn.backbones.base import Backbone
from translearn.errors import ConfigError


class DomainBatchNorm(nn.Module):
    """A batch norm whose running statistics are kept per domain.

    Args:
        original: the layer to start from; its weight and bias are shared, its statistics copied.
            timm's ``BatchNormAct2d`` drops and activates within the layer, and so does this.
        domains: names, the first one active.

    Raises:
        ConfigError: ``original`` averages over all batches (momentum None), or does something
            beside normalising that is not known here.
    """

    def __init__(self, original: _BatchNorm, domains: Sequence[str]) -> None:
        super().__init__()
        if original.momentum is None:
            raise ConfigError(
                "batch norm with momentum=None cannot keep statistics per domain\n"
                "set method.domain_batch_norm=false"
            )
        self.weight, self.bias = original.weight, original.bias
        self.eps, self.momentum = original.eps, original.momentum
        self.domains, self.active = tuple(domains), domains[0]
        self.after = what_follows(original)
        assert original.running_mean is not None and original.running_var is not None
        for domain in domains:
            self.register_buffer(f"{domain}_mean", original.running_mean.clone())
            self.register_buffer(f"{domain}_var", original.running_var.clone())
        self.train(original.training)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise by the batch in training, by the active domain's statistics in evaluation."""
        mean, var = getattr(self, f"{self.active}_mean"), getattr(self, f"{self.active}_var")
        x = F.batch_norm(
            x, mean, var, self.weight, self.bias, self.training, self.momentum, self.eps
        )
        return x if self.after is None else self.after(x)


def what_follows(original: _BatchNorm) -> nn.Module | None:
    """What a subclass does after normalising: None, or timm's drop and activation."""
    if type(original).forward is _BatchNorm.forward:
        return None
    drop, activation = getattr(original, "drop", None), getattr(original, "act", None)
    if isinstance(drop, nn.Module) and isinstance(activation, nn.Module):
        return nn.Sequential(drop, activation)
    raise ConfigError(
        f"{type(original).__name__} cannot keep statistics per domain\n"
        "set method.domain_batch_norm=false"
    )


def keeps_figures(layer: nn.Module) -> bool:
    """Whether a layer is batch norm with running statistics, of one domain or of each."""
    plain = isinstance(layer, _BatchNorm) and layer.running_mean is not None
    return plain or isinstance(layer, DomainBatchNorm)


def per_domain(wanted: bool | None, backbone: Backbone, option: str) -> bool:
    """Whether a method keeps the statistics of a backbone per domain.

    Args:
        wanted: as asked for; None: unless the backbone keeps the statistics that it has.
        backbone: in question.
        option: the key that ``wanted`` comes from.

    Raises:
        ConfigError: both were asked for.
    """
    if wanted and (backbone.frozen_statistics or backbone.learn == "none"):
        cause = "learn=none" if backbone.learn == "none" else "frozen_statistics=true"
        raise ConfigError(
            f"{option}=true needs batch norm that follows the data\n"
            f"leave out {option}=true, or do without backbone.{cause}"
        )
    return not backbone.keeps_statistics if wanted is None else wanted


def convert_to_domain_batch_norm(module: nn.Module, domains: Sequence[str]) -> None:
    """Replace every batch norm inside ``module`` by one with statistics per domain.

    A batch norm without running statistics is left as it is.

    Raises:
        ConfigError: a layer cannot be converted, see DomainBatchNorm.
    """
    for name, child in list(module.named_children()):
        if not isinstance(child, _BatchNorm):
            convert_to_domain_batch_norm(child, domains)
        elif child.running_mean is not None:
            setattr(module, name, DomainBatchNorm(child, domains))


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


@contextmanager
def estimate_statistics(module: nn.Module, domain: str) -> Iterator[None]:
    """Fill the statistics of ``domain`` from all that passes through ``module`` meanwhile.

    In evaluation mode every batch is normalised by its own mean and variance, as in training; at
    the end each layer holds those of all batches taken together: the mean of the samples, and their
    variance within batches and between them. For the first layer, and in a single batch for all
    layers, these are exactly the statistics of all samples.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, DomainBatchNorm)]
    moments = [Moments(layer, domain) for layer in layers]
    hooks = [
        layer.register_forward_pre_hook(own) for layer, own in zip(layers, moments, strict=True)
    ]
    try:
        with use_domain(module, domain):
            yield
        for own in moments:
            own.write()
    finally:
        for hook in hooks:
            hook.remove()


class Moments:
    """Mean and variance of what enters a layer, over batches: a hook before its forward pass.

    Args:
        layer: whose statistics of ``domain`` are set.
        domain: in question.
    """

    def __init__(self, layer: DomainBatchNorm, domain: str) -> None:
        self.mean: Tensor = getattr(layer, f"{domain}_mean")
        self.var: Tensor = getattr(layer, f"{domain}_var")
        self.count = 0
        self.total = torch.zeros_like(self.mean, dtype=torch.float64)
        self.squares = torch.zeros_like(self.total)  # about the mean, summed

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Let the layer normalise this batch by its own statistics, and add them."""
        x = inputs[0].float()
        var, mean = torch.var_mean(x, [d for d in range(x.ndim) if d != 1], correction=0)
        self.mean.copy_(mean)
        self.var.copy_(var)
        self.add(x.numel() // x.shape[1], mean.double(), var.double())

    def add(self, count: int, mean: Tensor, var: Tensor) -> None:
        """Pool with what came before (Chan et al. 1979)."""
        if self.count:
            between = (mean - self.total / self.count).square()
            self.squares += between * (self.count * count / (self.count + count))
        self.squares += var * count
        self.total += mean * count
        self.count += count

    def write(self) -> None:
        """Leave the pooled figures in the layer."""
        self.mean.copy_(self.total / self.count)
        self.var.copy_(self.squares / self.count)
