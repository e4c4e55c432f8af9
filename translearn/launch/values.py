"""Values of components checked by the annotations of their classes, before anything is imported.

The classes are read as text: importing them would import torch, and take seconds.
"""

import ast
import contextlib
import functools
import importlib.util
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from omegaconf import MISSING

from translearn.components import RUNNER_KEYS, check_engine_options
from translearn.config import TYPES, Config, RunConfig
from translearn.errors import ConfigError, DataError, nearest
from translearn.ranges import Range, Seed, Span, refuse_unfit
from translearn.renamed import present_component
from translearn.settings import flatten

WHOLE: Mapping[str, Any] = {"seed": Seed | None}  # keys of no component


def refuse_wrong_values(config: Config) -> None:
    """Refuse a value that the class it is for cannot take, such as ``method.strength=abc``.

    Raises:
        ConfigError: naming the option and what it takes.
    """
    for key, annotation in WHOLE.items():
        refuse_unfit(key, config[key], annotation)
    check_engine_options(config)
    RunConfig.of(config["run"])
    for key, value in flatten(config["method"].get("phases", {})).items():
        annotation = TYPES.get(key.rpartition(".")[2], Any)
        refuse_unfit(f"method.phases.{key}", value, annotation)
    for path, node in components(config):
        refuse_wrong_component(path, present_component(node))


def refuse_unfit_data(config: Config) -> None:
    """Refuse options of the data that do not go together, which its constructor knows.

    It reads nothing; but torch is imported for it, so this comes after all that is quicker.

    Raises:
        ConfigError: naming the option.
    """
    from translearn.components import build, check
    from translearn.data.types import DataSource

    check("data", config["data"], DataSource, ["root", "download"])
    with contextlib.suppress(DataError):  # the run will meet it, and keep it in its result
        build(config["data"], DataSource, root=os.path.expanduser(config["data_root"]))


def refuse_wrong_component(path: str, node: Mapping[str, Any]) -> None:
    """Refuse a value of one component, and a name that its class does not know.

    Raises:
        ConfigError: naming the option.
    """
    known = constructor(str(node["_target_"]))
    taken = {**of_sets(), **known} if ANY in known else known
    for name, value in node.items():
        if known and ANY not in known and name not in {*known, *RUNNER_KEYS}:
            close = nearest(name, [f"{path}.{option}" for option in known if option in node])
            raise ConfigError(f"{path}.{name} does not exist{close}")
        if name in taken and value != MISSING:
            refuse_unfit(f"{path}.{name}", value, taken[name])


def components(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every part of a config that names a class, with its place."""
    if "_target_" in node:
        yield path, node
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from components(value, f"{path}.{name}" if path else name)


ANY = "**"  # the key of what a constructor hands on to the sets that its data is made of


@functools.cache
def constructor(target: str) -> Mapping[str, Any]:
    """Argument -> annotation, of a class given by its import path and of what it inherits.

    Empty for what is no class of this package: building it then tells what is wrong. To find one
    of another package would run its code, which only ``components`` may decide to trust.
    """
    module, _, name = target.rpartition(".")
    tree = parsed(module)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        return {}
    for node in classes[name].body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments = [*node.args.args, *node.args.kwonlyargs]
            found = {a.arg: evaluated(a.annotation, module) for a in arguments if a.annotation}
            return {**found, **({ANY: Any} if node.args.kwarg else {})}
    bases = [base.id for base in classes[name].bases if isinstance(base, ast.Name)]
    return constructor(origin(module, bases[0])) if bases else {}


@functools.cache
def parsed(module: str) -> ast.Module:
    """A module of this package, read as text; an empty one for any other."""
    try:
        spec = importlib.util.find_spec(module) if module.startswith("translearn.") else None
        return ast.parse(Path(spec.origin).read_text("utf-8") if spec and spec.origin else "")
    except (ImportError, OSError, ValueError, SyntaxError):
        return ast.parse("")


@functools.cache
def of_sets() -> Mapping[str, Any]:
    """Option -> annotation, of every class in ``data/sets``; either, where two classes differ."""
    folder = Path(__file__).parents[1] / "data" / "sets"
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for module in sorted(f"translearn.data.sets.{path.stem}" for path in folder.glob("*.py")):
        for node in parsed(module).body:
            if isinstance(node, ast.ClassDef):
                for option, annotation in constructor(f"{module}.{node.name}").items():
                    found[option].append(annotation)
    # null stands for a set's own default
    return {option: Union[(*kinds, None)] for option, kinds in found.items()}


class Names(dict[str, Any]):
    """What the annotations of a module may name; ``Any`` for what is more than plain values."""

    def __init__(self, module: str) -> None:
        super().__init__(TYPES_OF_PYTHON)
        self.module = module

    def __missing__(self, name: str) -> Any:
        place, _, name = origin(self.module, name).rpartition(".")
        for node in parsed(place).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return evaluated(node.value, place)
        return Any


TYPES_OF_PYTHON = {
    "Annotated": Annotated, "Any": Any, "Literal": Literal, "Sequence": Sequence,
    "Range": Range, "Span": Span, "int": int, "float": float, "bool": bool, "str": str,
    "list": list, "tuple": tuple, "object": object,
}  # fmt: skip


def evaluated(annotation: ast.expr, module: str) -> Any:
    """An annotation in a module as a type; ``Any`` where it is about more than plain values."""
    try:
        source = compile(ast.Expression(annotation), module, "eval")
        return eval(source, {"__builtins__": {}}, Names(module))  # our own source
    except (TypeError, NameError, SyntaxError):
        return Any


def origin(module: str, name: str) -> str:
    """The import path of a name that a module uses."""
    for node in parsed(module).body:
        if isinstance(node, ast.ImportFrom) and any(a.name == name for a in node.names):
            return f"{node.module}.{name}"
    return f"{module}.{name}"
