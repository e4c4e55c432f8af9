"""Batch norm with statistics per domain and shared affine weights.

Chang et al. (2019, Domain-Specific Batch Normalization) keep both apart.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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
        self.after = _what_follows(original)
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


def _what_follows(original: _BatchNorm) -> nn.Module | None:
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


def per_domain(wanted: bool | None, backbone: Backbone, option: str) -> bool:
    """Whether a method keeps the statistics of a backbone per domain.

    Args:
        wanted: as asked for; None: unless the backbone keeps the statistics that it has.
        backbone: in question.
        option: the key that ``wanted`` comes from.

    Raises:
        ConfigError: both were asked for.
    """
    if wanted and backbone.frozen_statistics:
        raise ConfigError(
            f"{option}=true needs batch norm that follows the data\n"
            f"leave out backbone.frozen_statistics=true or {option}=true"
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
