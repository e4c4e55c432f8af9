"""Stored configurations with their variables filled in, within bounds. Imports no torch.

A few variables that each name another twice would grow to more than any memory holds, so what they
grow to is counted before anything is filled in.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from translearn.config import Config, plain
from translearn.system.reading import nodes

MOST_CHARACTERS = 2**18  # of all texts, once filled in


LONGEST = 2000  # characters of a text with variables


VARIABLE = 100  # what one counts: filling it in takes as long as many characters do


MOST_TEXTS = 2000  # with variables


LONGEST_CHAIN = 32  # of variables that name variables


INNERMOST = re.compile(r"\$\{([^${}]*)\}")


OF_NODES = re.compile(r"\s*oc\.(?:select|dict\.keys|dict\.values)\s*:\s*([^,\s]+)")


def filled_in(config: Mapping[str, Any]) -> Config:
    """A configuration with its variables filled in.

    Raises:
        ValueError: one does not exist, they go in a circle, or they grow without bound.
    """
    texts = [t for t, _ in nodes(config) if isinstance(t, str) and "${" in t]
    if len(texts) > MOST_TEXTS or any(len(text) > LONGEST for text in texts):
        raise ValueError("it has more variables than any configuration of ours")
    if any("\\$" in text for text in texts) and any("oc.decode" in text for text in texts):
        raise ValueError("it has variables that make variables")
    Growth(config).of(config, (), 0)
    try:
        return plain(OmegaConf.create(dict(config)))
    except (OmegaConfBaseException, RecursionError, TypeError) as error:
        raise ValueError(" ".join(str(error).split())) from error


class Growth:
    """How many characters the texts of a tree have once its variables are filled in.

    Args:
        tree: a configuration.
    """

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.tree = tree
        self.known: dict[tuple[str, ...], int] = {}

    def of(self, node: Any, place: tuple[str, ...], chain: int) -> int:
        """The characters of a node.

        Args:
            node: of the tree.
            place: its keys.
            chain: how many variables led here.

        Raises:
            ValueError: they are too many, or go in a circle.
        """
        if chain > LONGEST_CHAIN:
            raise ValueError("its variables go in a circle")
        if isinstance(node, dict | list):
            pairs = node.items() if isinstance(node, dict) else enumerate(node)
            size = 1 + sum(self.of(part, (*place, str(key)), chain) for key, part in pairs)
        elif isinstance(node, str) and "${" in node:
            size = len(node) + sum(VARIABLE + self.at(n, chain) for n in named(node, place))
        else:
            size = len(node) if isinstance(node, str) else 1
        if size > MOST_CHARACTERS:
            raise ValueError("its variables grow without bound")
        return size

    def at(self, place: tuple[str, ...], chain: int) -> int:
        """The characters of what lies at a place; 0 where nothing does."""
        if place not in self.known:
            node: Any = self.tree
            for key in place:
                node = _child(node, key)
            self.known[place] = self.of(node, place, chain + 1)
        return self.known[place]


def named(text: str, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The places that the variables in a text name, as seen from the place of the text.

    Raises:
        ValueError: a name is put together out of variables.
    """
    while found := INNERMOST.search(text):
        inside = found[1]
        function, of_node = ":" in inside, OF_NODES.match(inside)
        name = of_node[1] if of_node else inside.strip()
        if "\0" in name and (of_node or not function):
            raise ValueError("it has variables in the names of variables")
        if of_node or not function:
            levels = len(name) - len(name.lstrip("."))
            above = place[: len(place) - levels] if levels else ()
            yield (*above, *re.split(r"[.\[\]]+", name.strip(".]")))
        text = f"{text[: found.start()]}\0{text[found.end() :]}"


def _child(node: Any, key: str) -> Any:
    if isinstance(node, list):
        return node[int(key)] if key.isdecimal() and int(key) < len(node) else None
    return node.get(key) if isinstance(node, dict) else None
