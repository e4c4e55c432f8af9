"""Components named by ``_target_``: checked against their signature, then built.

A component may consist of parts with options of their own, such as the variant of a method. Its
constructor says so by its annotation: ``variant: Callable[..., Variant]`` takes one part,
``closeness: Mapping[str, Callable[..., Closeness]]`` any number by name. It receives the part's
class with the options of its yaml filled in, and calls it with what only the component has. In the
part's constructor the options are keyword-only, and what the component gives is positional.
"""

import importlib
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar, get_args, get_origin

from omegaconf import MISSING

from translearn.config import listed
from translearn.errors import ConfigError, nearest
from translearn.ranges import Headline, Learn, WithSource, refuse_unfit
from translearn.renamed import present_component, present_target, warn_once

Part = TypeVar("Part")


# Options in a component's yaml that the engine acts on, and what they may be.
ENGINE_OPTIONS: Mapping[str, Any] = {
    "data.headline": Headline | None,
    "backbone.learn": Learn | None,
    "method.average_with_source": WithSource,
}


# Keys of a component's yaml that are read by the runner and not by the component itself.
RUNNER_KEYS = (
    "_target_", "name", "phases", "smoke_data", "variants", "download", "needs",
    *(key.partition(".")[2] for key in ENGINE_OPTIONS),
)  # fmt: skip


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
    """Check ``_target_`` and the arguments of a component and of its parts without building them.

    Raises:
        ConfigError: an argument does not exist, is missing, or has a value that its annotation
            does not allow; the nearest name is told.
    """
    if "_target_" not in config:
        raise ConfigError(f"{group} has no _target_; choose one by {group}=<name>")
    found, parts = resolve_class(config["_target_"], base), list(parts)
    config = present_component(config)
    known, any_key = _parameters(found)
    arguments = [*_arguments(config, known), *(part for part in parts if part in known)]
    _check_names(group, arguments, known, any_key, parts)
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise ConfigError(f"{group}.{name} is not set; add {group}.{name}=<value>")
        if name in config and config[name] != MISSING:
            refuse_unfit(f"{group}.{name}", config[name], parameter.annotation)
    for name, of in part_bases(found).items():
        if name in config:
            check_part(f"{group}.{name}", config[name], of)


def check_engine_options(config: Mapping[str, Any]) -> None:
    """Check the options of ``ENGINE_OPTIONS`` in a whole config.

    Raises:
        ConfigError: a value is none that its option takes.
    """
    for key, annotation in ENGINE_OPTIONS.items():
        group, _, option = key.partition(".")
        refuse_unfit(key, config[group].get(option), annotation)


def check_part(key: str, config: Any, base: type[Any]) -> None:
    """Check the config of one part, or of several by name.

    Raises:
        ConfigError: as ``check`` does; or it is a plain value.
    """
    if not isinstance(config, Mapping):
        group = key.replace(".", "/")
        raise ConfigError(f"{key}={config}: it has options of its own; choose by {group}=<name>")
    if "_target_" not in config:
        for name, each in config.items():
            check_part(f"{key}.{name}", each, base)
        return
    options = _options(resolve_class(config["_target_"], base))
    given = _arguments(config, options)
    _check_names(key, given, options, False, ())
    for name in given:
        refuse_unfit(f"{key}.{name}", config[name], options[name].annotation)


def build(config: Mapping[str, Any], base: type[Part], **parts: Any) -> Part:
    """Build a component from its config and the ``parts`` that its constructor asks for by name."""
    found, config = resolve_class(config["_target_"], base), present_component(config)
    known, any_key = _parameters(found)
    bases = part_bases(found)
    given = with_lists(known, {key: config[key] for key in _arguments(config, known)})
    arguments = {
        key: part_of(value, bases[key]) if key in bases else value for key, value in given.items()
    }
    arguments.update({name: part for name, part in parts.items() if name in known or any_key})
    return found(**arguments)


def with_lists(
    known: Mapping[str, inspect.Parameter], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments, a single value as a list of one where the parameter is a list.

    Raises:
        ConfigError: a value is not what the parameter takes.
    """
    for key, value in arguments.items():
        if key in known and value != MISSING:
            refuse_unfit(key, value, known[key].annotation)
    return {
        key: listed(value, known[key].annotation) if key in known else value
        for key, value in arguments.items()
    }


def part_of(config: Mapping[str, Any], base: type[Any]) -> Any:
    """The class that the config of a part names, with its options; a mapping if it holds several.

    Raises:
        ConfigError: it is no such class.
    """
    if "_target_" not in config:
        return {name: part_of(each, base) for name, each in config.items()}
    found: Callable[..., Any] = resolve_class(config["_target_"], base)
    options = _options(found)
    given = {key: config[key] for key in _arguments(config, options)}
    return partial(found, **with_lists(options, given))


def part_bases(found: type) -> dict[str, type[Any]]:
    """The arguments of a constructor that take parts, and the base class of each."""
    parameters = inspect.signature(found).parameters.values()
    bases = {p.name: _made_by(p.annotation) for p in parameters}
    return {name: base for name, base in bases.items() if base is not None}


def _made_by(annotation: Any) -> type[Any] | None:
    """What a constructor makes, by ``Callable[..., Base]`` or a mapping of such."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Mapping:
        return _made_by(arguments[1])
    made = arguments[1] if get_origin(annotation) is Callable else None
    return made if isinstance(made, type) else None


def _check_names(
    group: str,
    arguments: Iterable[str],
    known: Mapping[str, Any],
    any_key: bool,
    parts: Iterable[str],
) -> None:
    for key in arguments:
        if key not in known and not any_key:
            names = [f"{group}.{name}" for name in known if name not in parts]
            raise ConfigError(f"{group}.{key} does not exist{nearest(key, names)}")


def _parameters(found: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], bool]:
    """The named arguments of a constructor, and whether it takes any others (``**arguments``)."""
    parameters = inspect.signature(found).parameters.values()
    gathering = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = {p.name: p for p in parameters if p.kind not in gathering}
    return named, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def _options(found: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword-only arguments of a part, which are its options."""
    named, _ = _parameters(found)
    return {name: p for name, p in named.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}


def _arguments(config: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    return [key for key in config if key in known or key not in RUNNER_KEYS]
