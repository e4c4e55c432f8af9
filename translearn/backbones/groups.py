"""Choices of layer groups, as options name them, and what groups put out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.errors import ConfigError

Choice = str | Sequence[str]  # all, none, first:2, last:2, or names


def choose_groups(choice: Choice, groups: Sequence[str], key: str) -> tuple[str, ...]:
    """The groups that a choice means, in their own order.

    Args:
        choice: ``all``, ``none``, ``first:N``, ``last:N``, or a list of names.
        groups: the groups to choose from, in order.
        key: the option, for messages.

    Raises:
        ConfigError: it is none of these; the message lists the groups that exist.
    """
    existing = f"the groups are {', '.join(groups) or 'none'}"
    if isinstance(choice, Sequence) and not isinstance(choice, str):
        for name in choice:
            if name not in groups:
                raise ConfigError(f"{key}: no layer group {name!r}; {existing}")
        return tuple(name for name in groups if name in choice)
    if choice in ("all", "none"):
        return tuple(groups) if choice == "all" else ()
    end, _, count = str(choice).partition(":")
    if end not in ("first", "last") or not count.isdecimal():
        raise ConfigError(
            f"{key}={choice}: choose all, none, first:N, last:N or a list of names; {existing}"
        )
    if int(count) > len(groups):
        raise ConfigError(f"{key}={choice}: there are only {len(groups)}; {existing}")
    return tuple(groups[: int(count)] if end == "first" else groups[len(groups) - int(count) :])


@contextmanager
def group_outputs(backbone: Backbone, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Collect what the named groups put out while the ``with`` block computes features.

    A group's output is that of its last layer. Names of groups whose last layer is not called as a
    module, or gives no tensor, stay absent.
    """
    found: dict[str, Tensor] = {}

    def keep(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            found[name] = output

    layers = {name: backbone.group_layers([name])[-1] for name in names}
    handles = [
        layer.register_forward_hook(partial(keep, name))
        for name, layer in layers.items()
        if isinstance(layer, nn.Module)
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
