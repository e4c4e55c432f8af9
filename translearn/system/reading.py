"""Files of others, read within bounds: regular ones of a bounded size, yaml without aliases, json.

Whatever lies there, a reader ends in time: a FIFO is not waited for, an alias of aliases is not
expanded, a tree is not followed into the ground. What is wrong comes as a ValueError that says so
in a line and leaves the name of the file to the caller; what the system refuses is its OSError.
"""

import errno
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

MOST_YAML = 2**21  # bytes of a stored configuration; those of real runs have some 10 kB


MOST_JSON = 2**24


MOST_LOG = 2**28  # of a file of lines


MOST_NODES = 100_000  # of a tree


DEEPEST = 64  # levels of a tree


LARGEST = 2**63  # of a whole number


LONGEST_NUMBER = 400  # characters: the work of reading one grows with their square


KINDS = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"PK\x03\x04": "zip", b"\xfd7zXZ": "xz",
    b"(\xb5/\xfd": "zstd", b"\x89HDF": "HDF5", b"\x93NUMPY": "npy", b"%PDF": "PDF",
    b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"<!DO": "HTML", b"<htm": "HTML",
    b"version https://git-lfs": "Git LFS (a pointer: git lfs pull brings the file)",
}  # fmt: skip


def content(path: Path, most: int) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: it is missing, or may not be read.
        ValueError: it is no regular file, or has more than ``most`` bytes.
    """
    with os.fdopen(opened(path), "rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise ValueError(f"it has more than {most} bytes, which no file of its kind has")
    return found


def opened(path: Path) -> int:
    """A regular file, opened for reading without waiting for a writer; its number.

    Raises:
        OSError: it is missing, or may not be read.
        ValueError: it is no regular file.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):  # a socket, a device without a driver
            raise ValueError("it is no regular file") from error
        raise
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise ValueError("it is no regular file")
    return number


def text(path: Path, most: int = MOST_JSON) -> str:
    """A regular file as UTF-8, without the mark that some editors put before it.

    Raises:
        OSError: it is missing, or may not be read.
        ValueError: it is no regular file, too long, or no UTF-8.
    """
    found = content(path, most)
    try:
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8 text: {error.reason}{begins_as(found)}") from error


def begins_as(start: bytes) -> str:
    """What the first bytes of a file say that it is, as the end of a message; empty if nothing."""
    return next(
        (f"; it begins as {k} does" for sign, k in KINDS.items() if start.startswith(sign)), ""
    )


def json_value(path: Path, most: int = MOST_JSON) -> Any:
    """What a file of JSON holds.

    Raises:
        OSError: it is missing, or may not be read.
        ValueError: it is no JSON, or larger, deeper or longer than any of ours.
    """
    return parsed_json(text(path, most))


def parsed_json(source: str | bytes) -> Any:
    """What a text of JSON holds.

    Raises:
        ValueError: it is no JSON, or larger or deeper than any of ours.
    """
    try:
        value = json.loads(source)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep") from None
    return bounded(value)


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects in the lines of a file; lines that cannot be read are left out.

    A killed process leaves half a line.

    Raises:
        OSError: it is missing, or may not be read.
        ValueError: it is no regular file, or too long.
    """
    found = []
    for line in content(path, MOST_LOG).splitlines():
        try:
            value = parsed_json(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def yaml_value(path: Path) -> Any:
    """What a file of yaml holds, variables as they stand; nothing of Python's own is made.

    Raises:
        OSError: it is missing, or may not be read.
        ValueError: it is no yaml, has aliases, or is larger or deeper than any of ours.
    """
    source = text(path, MOST_YAML)
    try:
        check_events(source)
        return bounded(yaml.load(source, Loader=Loader))
    except yaml.YAMLError as error:
        raise ValueError(f"it is no yaml: {' '.join(str(error).split())[:200]}") from error
    except (TypeError, RecursionError) as error:  # keys that no mapping can have
        raise ValueError(f"it is no plain yaml: {error}") from error


def check_events(source: str) -> None:
    """Refuse a text of yaml before anything is made of it.

    Raises:
        ValueError: it has aliases, or is too deep, too long, or has a number without end.
        YAMLError: it is no yaml.
    """
    depth = 0
    for number, event in enumerate(yaml.parse(source, Loader=Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"it has an alias (*{event.anchor}), which is not followed")
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")
        if number > MOST_NODES:
            raise ValueError(f"it has more than {MOST_NODES} entries")
        if getattr(event, "tag", None):  # numbers without end may hide behind one
            raise ValueError(f"it has a tag ({event.tag}), which is not followed")
        unquoted = isinstance(event, yaml.ScalarEvent) and not event.style
        if unquoted and len(event.value) > LONGEST_NUMBER and event.value[0] in "-+.0123456789":
            raise ValueError("it has a number without end")


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Yaml as OmegaConf understands it: ``1e-3`` is a number, and a date is a text."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?\d+)$"),
    list("-+.0123456789"),
)


Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if not tag.endswith(":timestamp")]
    for first, forms in Loader.yaml_implicit_resolvers.items()
}


def bounded(tree: Any) -> Any:
    """A tree of plain values, as it was given.

    Raises:
        ValueError: it is too deep or too large, holds a number without end, or what is no value.
    """
    for count, (node, depth) in enumerate(nodes(tree)):
        if count > MOST_NODES:
            raise ValueError(f"it has more than {MOST_NODES} entries")
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")
        if isinstance(node, int) and abs(node) >= LARGEST:
            raise ValueError("it has a whole number beyond 64 bits")
        if not isinstance(node, dict | list | str | int | float | None):
            raise ValueError(f"it has a value of the kind {type(node).__name__}")
    return tree


def nodes(tree: Any) -> Iterator[tuple[Any, int]]:
    """Every key and value of a tree, with its depth."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        if isinstance(node, dict):
            waiting.extend((part, depth + 1) for pair in node.items() for part in pair)
        elif isinstance(node, list):
            waiting.extend((part, depth + 1) for part in node)
