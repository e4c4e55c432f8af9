"""What of a method a phase trains."""

from collections.abc import Iterator, Sequence

from translearn.backbones.layers import Layer, resolve_layer
from translearn.errors import ConfigError
from translearn.methods.base import Method, Phase


def learners(method: Method, names: Sequence[str]) -> Iterator[Layer]:
    """The sub-modules (or single parameters) that ``Phase.learn`` names.

    Raises:
        ConfigError: a name is not a sub-module.
    """
    for name in names:
        try:
            yield resolve_layer(method, name)
        except AttributeError:
            children = ", ".join(child for child, _ in method.named_children())
            raise ConfigError(f"no sub-module {name!r} to learn; there are {children}") from None


def train_only(method: Method, names: Sequence[str]) -> None:
    """Let these learn, as far as ``backbone.learn`` allows it, and nothing else.

    Raises:
        ConfigError: a name is not a sub-module.
    """
    method.requires_grad_(False)
    for module in learners(method, names):
        module.requires_grad_(True)
    method.backbone.hold()


def learned(method: Method, phase: Phase) -> list[str]:
    """The names of what a phase trains: without a backbone that stays as it is."""
    still = method.backbone.learn == "none"
    return [name for name in phase.learn if not (still and name.split(".")[0] == "backbone")]
