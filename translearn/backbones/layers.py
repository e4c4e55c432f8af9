"""The layers of a network that others wrote, by their paths, and the groups they fall into."""

from collections.abc import Iterator

from torch import nn

Layer = nn.Module | nn.Parameter


# Containers that hold the stages of a network: their children are groups, not they themselves.
STAGE_CONTAINERS = (
    "features",
    "blocks",
    "stages",
    "layers",
    "encoder",
    "trunk_output",
    "classifier",
)


def layer_groups(model: nn.Module, prefix: str) -> dict[str, tuple[str, ...]]:
    """Layer groups of a network that was written by others, by its own structure.

    Each child is a group under its own path; containers of stages (``STAGE_CONTAINERS``) are
    opened. The first group is called ``stem``. Parameters that a container holds itself (class
    tokens, position embeddings) and layers of nothing but normalisation belong to the group before.

    Args:
        model: the network; its children must be registered from input to output.
        prefix: what the paths begin with, such as ``model.``.
    """
    groups: dict[str, list[str]] = {}
    leading: list[str] = []
    for path in _units(model):
        if not _joins(resolve_layer(model, path)):
            groups["stem" if not groups else path] = [*leading, path]
            leading = []
        elif groups:
            groups[next(reversed(groups))].append(path)
        else:
            leading.append(path)
    return {name: tuple(prefix + path for path in paths) for name, paths in groups.items()}


def _units(module: nn.Module, prefix: str = "") -> Iterator[str]:
    for name, _ in module.named_parameters(recurse=False):
        yield prefix + name
    for name, child in module.named_children():
        if name in STAGE_CONTAINERS and any(True for _ in child.children()):
            yield from _units(child, f"{prefix}{name}.")
        elif any(True for _ in child.parameters()):
            yield prefix + name


def _joins(layer: Layer) -> bool:
    """Whether a layer belongs to the group before it."""
    if isinstance(layer, nn.Parameter):
        return True
    owners = [m for m in layer.modules() if any(True for _ in m.parameters(recurse=False))]
    return all("Norm" in type(owner).__name__ for owner in owners)


def resolve_layer(module: nn.Module, path: str) -> Layer:
    """The sub-module or parameter at a dotted path.

    Raises:
        AttributeError: there is none.
    """
    parent, _, name = path.rpartition(".")
    found = getattr(module.get_submodule(parent), name)
    assert isinstance(found, nn.Module | nn.Parameter), path
    return found
