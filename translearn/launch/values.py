"""Values of components checked by the annotations of their classes, before anything is imported.

The classes are read as text: importing them would import torch, and take seconds.
"""

import ast
import functools
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from translearn.config import Config
from translearn.errors import ConfigError

WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
LISTS = ("Sequence", "list", "tuple", "Iterable")
WHOLE = {"seed": "int | None"}  # keys of no component


def refuse_wrong_types(config: Config) -> None:
    """Refuse a value that the class it is for cannot take, such as ``method.strength=abc``.

    Raises:
        ConfigError: naming the option and what it takes.
    """
    for key, type_of in WHOLE.items():
        refuse_wrong_type(key, config[key], ast.parse(type_of, mode="eval").body)
    for path, node in components(config):
        for name, annotation in constructor(str(node["_target_"])).items():
            if name in node:
                refuse_wrong_type(f"{path}.{name}", node[name], annotation)


def components(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every part of a config that names a class, with its place."""
    if "_target_" in node:
        yield path, node
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from components(value, f"{path}.{name}" if path else name)


@functools.cache
def constructor(target: str) -> Mapping[str, ast.expr]:
    """Argument -> annotation, of a class given by its import path and of what it inherits.

    Empty for what is no class of this package: building it then tells what is wrong. To find one
    of another package would run its code, which only ``components`` may decide to trust.
    """
    if not target.startswith("translearn."):
        return {}
    module, _, name = target.rpartition(".")
    try:
        spec = importlib.util.find_spec(module)
        tree = ast.parse(Path(spec.origin).read_text("utf-8") if spec and spec.origin else "")
    except (ImportError, OSError, ValueError, SyntaxError):
        return {}
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        return {}
    for node in classes[name].body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments = [*node.args.args, *node.args.kwonlyargs]
            return {a.arg: a.annotation for a in arguments if a.annotation is not None}
    bases = [base.id for base in classes[name].bases if isinstance(base, ast.Name)]
    return constructor(origin(tree, module, bases[0])) if bases else {}


def origin(tree: ast.Module, module: str, name: str) -> str:
    """The import path of a name that a module uses."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and any(a.name == name for a in node.names):
            return f"{node.module}.{name}"
    return f"{module}.{name}"


def refuse_wrong_type(key: str, value: Any, annotation: ast.expr) -> None:
    """Refuse a value of another type than ``annotation``; one item stands for a list of it.

    Raises:
        ConfigError: naming the key and what it takes.
    """
    if value == MISSING or fits(value, annotation):
        return
    hint = "\nput it in quotes of its own" if "a text" in described(annotation) else ""
    raise ConfigError(f"{key}={value} must be {described(annotation)}{hint}")


def fits(value: Any, annotation: ast.expr) -> bool:
    """Whether a plain value may be what an annotation says; what is not known here fits."""
    match annotation:
        case ast.Constant(value=None):
            return value is None
        case ast.BinOp(left=left, right=right):
            return fits(value, left) or fits(value, right)
        case ast.Name(id="int"):
            return type(value) is int
        case ast.Name(id="float"):
            return type(value) in (int, float)
        case ast.Name(id="bool" | "str" as kind):
            return type(value).__name__ == kind
        case ast.Subscript(value=ast.Name(id=kind), slice=item) if kind in LISTS:
            items = value if isinstance(value, list) else [value]
            inner = item.elts[0] if isinstance(item, ast.Tuple) else item
            return all(fits(one, inner) for one in items)
    return True


def described(annotation: ast.expr) -> str:
    """An annotation in words."""
    match annotation:
        case ast.Constant(value=None):
            return "null"
        case ast.BinOp(left=left, right=right):
            return f"{described(left)} or {described(right)}"
        case ast.Name(id=name):
            return WORDS.get(name, name)
        case ast.Subscript(value=ast.Name(id=kind), slice=item) if kind in LISTS:
            inner = item.elts[0] if isinstance(item, ast.Tuple) else item
            return f"a list, each item {described(inner)}"
    return ast.unparse(annotation)
