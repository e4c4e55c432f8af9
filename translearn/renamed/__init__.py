"""Names of earlier releases read as those of today, so that what 0.1 wrote stays readable."""

import functools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from translearn.config import Config, conf_dir, plain
from translearn.renamed.names import RENAMED


def present_target(target: str) -> str:
    """What a ``_target_`` of any release is called now."""
    parts = target.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if name in RENAMED.targets:
            return ".".join([RENAMED.targets[name], *parts[end:]])
    return target


def present(config: Mapping[str, Any]) -> Config:
    """A stored configuration of any release, by the names of this one."""
    named = {key: _present_value(key, value) for key, value in config.items()}
    if isinstance(named.get("method"), Mapping):
        named["method"] = present_method(named["method"])
    if isinstance(named.get("run"), Mapping):
        names = {old: new for old, (new, _) in RENAMED.run.items()}
        named["run"] = {names.get(key, key): value for key, value in named["run"].items()}
    if isinstance(named.get("data"), Mapping):
        name = named["data"].get("name")
        named["data"] = {**named["data"], "name": RENAMED.data.get(name, name)}
    return named


def present_words(words: Sequence[str]) -> list[str]:
    """Words of a command line, data configs by the names of this release; each is told once."""
    return [_present_word(word) for word in words]


def _present_word(word: str) -> str:
    key, sign, value = word.partition("=")
    if key.lstrip("+") != "data" or not sign:
        return word
    names = value.split(",")
    for name in names:
        if name in RENAMED.data:
            warn_once(f"data={name}", f"data={RENAMED.data[name]}")
    return f"{key}={','.join(RENAMED.data.get(name, name) for name in names)}"


def present_component(config: Mapping[str, Any]) -> Config:
    """The config of one component, as its new place needs it to mean the same."""
    target = str(config.get("_target_"))
    added = RENAMED.options.get(target, {})
    named = {name: _present_value(name, value) for name, value in {**added, **config}.items()}
    for part, (of, names) in RENAMED.parts.get(present_target(target), {}).items():
        old = [key for key in names if key in named and not isinstance(named[key], Mapping)]
        options = {names[key]: named.pop(key) for key in old}
        if options:
            named[part] = {"_target_": of, **named.get(part, {}), **options}
    return named


def _present_value(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return present_component(value)
    return present_target(value) if key == "_target_" else value


def present_method(method: Mapping[str, Any]) -> Config:
    """The config of a method, with its options where its parts have them now."""
    name = str(method.get("name"))
    groups, keys = RENAMED.choices.get(name, ()), RENAMED.keys.get(name, {})
    if all(isinstance(method.get(group), Mapping) for group in groups):
        return dict(method)
    parts = _inline_parts(name)
    for group in groups:
        parts[group] = _chosen_parts(group, method[group])
    for old, new in keys.items():
        *path, option = new.split(".")
        node: Any = parts
        for step in path:
            node = node.get(step, {})
        if old in method and option in node:  # else the part was not chosen
            node[option] = method[old]
    return {**{key: value for key, value in method.items() if key not in keys}, **parts}


def _inline_parts(name: str) -> Config:
    """The parts that stand in the method's own yaml."""
    node = plain(OmegaConf.load(Path(conf_dir()) / "method" / f"{name}.yaml"))
    parts = {key: part for key, part in node.items() if isinstance(part, dict)}
    return {key: part for key, part in parts.items() if "_target_" in part}


def _chosen_parts(group: str, chosen: str | Sequence[str]) -> Config:
    """The yaml of a part, or name -> the yaml of each where several may be chosen."""
    folder = Path(conf_dir()) / "method" / group
    for name in [chosen] if isinstance(chosen, str) else chosen:
        if not str(name).isidentifier():  # a stored word must not lead to any file
            raise ValueError(f"there is no {group}={name}")
    if isinstance(chosen, str):
        return plain(OmegaConf.load(folder / f"{chosen}.yaml"))
    return {name: plain(OmegaConf.load(folder / f"{name}.yaml")) for name in chosen}


def refused(key: str) -> str | None:
    """What to say of a key of ``run`` that means something else now; None: it is none."""
    group, _, option = key.rpartition(".")
    if group != "run" or option not in RENAMED.run:
        return None
    new, why = RENAMED.run[option]
    return f"{key} is run.{new} now\n{why}"


def may_have_moved(option: str) -> bool:
    """Whether some component of an earlier release had an option of this name elsewhere."""
    parts = [part for parts in RENAMED.parts.values() for part in parts.values()]
    names = [*RENAMED.keys.values(), *RENAMED.choices.values(), *(names for _, names in parts)]
    return any(option in known for known in names)


def moved(method: str, key: str, value: str) -> str | None:
    """How an option of 0.1 on a method's command line is written now; None: it is none."""
    option = key.removeprefix("method.")
    if option == key:
        return None
    if option in RENAMED.choices.get(method, ()):
        return f"method/{option}={value}"
    new = RENAMED.keys.get(method, {}).get(option)
    return None if new is None else f"method.{new}={value}"


def moved_to_part(target: str, group: str, key: str, value: str) -> str | None:
    """How an option of a component of earlier releases is written now; None: it is none."""
    option = key.removeprefix(f"{group}.")
    for part, (_, names) in RENAMED.parts.get(target, {}).items():
        if option != key and option in names and not value.startswith("{"):  # not a part as a whole
            return f"{group}.{part}.{names[option]}={value}"
    return None


def present_weight(method: str, name: str) -> str:
    """What a parameter or buffer of a method is called now."""
    for old, new in RENAMED.weights.get(method, {}).items():
        if name == old or (old.endswith(".") and name.startswith(old)):
            return new + name.removeprefix(old)
    return name


@functools.cache
def warn_once(old: str, new: str) -> None:
    """Tell, once a process, that a name is one of an earlier release."""
    print(f"warning: {old} is called {new} now; the old name still works", file=sys.stderr)
