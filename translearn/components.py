"""Components named by ``_target_``: checked against their signature, then built."""

import importlib
import inspect
import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from translearn.errors import ConfigError, nearest
from translearn.renamed import present_target, warn_once

Part = TypeVar("Part")


# Keys of a component's yaml that are read by the runner and not by the component itself.
RUNNER_KEYS = ("_target_", "name", "phases", "smoke_data", "download")


def resolve_class(target: str, base: type[Part]) -> type[Part]:
    """The class that ``_target_`` names.

    Only classes derived from ``base`` are accepted, from translearn or from a package named in the
    environment variable ``TRANSLEARN_TRUST`` (separated by commas): a config is code.

    Raises:
        ConfigError: it is not such a class.
    """
    present = present_target(str(target))
    if present != target:
        warn_once(str(target), present)
        target = present
    trusted = {"translearn", *filter(None, os.environ.get("TRANSLEARN_TRUST", "").split(","))}
    module_name, _, class_name = str(target).rpartition(".")
    if module_name.split(".")[0] not in trusted:
        raise ConfigError(
            f"_target_={target} is outside the trusted packages ({', '.join(sorted(trusted))})\n"
            "name your own package in the environment variable TRANSLEARN_TRUST"
        )
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"_target_={target} cannot be found: {error}") from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ConfigError(f"_target_={target} is not a {base.__name__}")
    if found.__module__.split(".")[0] not in trusted:
        raise ConfigError(f"_target_={target} leads to {found.__module__}, which is not trusted")
    return found


def check(group: str, config: Mapping[str, Any], base: type[Part], parts: Iterable[str]) -> None:
    """Check ``_target_`` and the keyword arguments of a component without building it.

    Raises:
        ConfigError: an argument does not exist, or one is missing; the nearest name is told.
    """
    if "_target_" not in config:
        raise ConfigError(f"{group} has no _target_; choose one by {group}=<name>")
    found, parts = resolve_class(config["_target_"], base), list(parts)
    known, any_key = _parameters(found)
    arguments = [*_arguments(config, known), *(part for part in parts if part in known)]
    for key in arguments:
        if key not in known and not any_key:
            names = [f"{group}.{name}" for name in known if name not in parts]
            raise ConfigError(f"{group}.{key} does not exist{nearest(key, names)}")
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise ConfigError(f"{group}.{name} is not set; add {group}.{name}=<value>")


def build(config: Mapping[str, Any], base: type[Part], **parts: Any) -> Part:
    """Build a component from its config and the ``parts`` that its constructor asks for by name."""
    found = resolve_class(config["_target_"], base)
    known, any_key = _parameters(found)
    arguments = {key: config[key] for key in _arguments(config, known)}
    arguments.update({name: part for name, part in parts.items() if name in known or any_key})
    return found(**arguments)


def _parameters(found: type) -> tuple[dict[str, inspect.Parameter], bool]:
    """The named arguments of a constructor, and whether it takes any others (``**arguments``)."""
    parameters = inspect.signature(found).parameters.values()
    gathering = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = {p.name: p for p in parameters if p.kind not in gathering}
    return named, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def _arguments(config: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    return [key for key in config if key in known or key not in RUNNER_KEYS]
