"""What the options of components may be, as their annotations say it. Imports no torch.

A constructor that takes ``strength: NonNegative`` refuses ``method.strength=-1``: ``components``
checks it before it builds one, and tl-run before anything is imported.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import EnumType
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from translearn.errors import ConfigError


@dataclass(frozen=True)
class Range:
    """The numbers from ``least`` to ``most``, both included, or between ``above`` and ``below``."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: Any) -> bool:
        """Whether a number is in the range."""
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        ends = {"at least": self.least, "above": self.above, "at most": self.most}
        told = [f"{word} {end:.10g}" for word, end in {**ends, "below": self.below}.items()
                if end is not None]  # fmt: skip
        return " and ".join(told)


@dataclass(frozen=True)
class Span(Range):
    """Two numbers of the range, the lesser one first."""

    def holds(self, value: Any) -> bool:
        """Whether a list is [least, largest]."""
        if not isinstance(value, list | tuple) or len(value) != 2:
            return False
        return all(map(super().holds, value)) and bool(value[0] <= value[1])

    def __str__(self) -> str:
        return f"[least, largest], each {super().__str__()}".removesuffix(", each ")


Seed = Annotated[int, Range(0, 2**32 - 1)]  # numpy and scikit-learn take no others
Count = Annotated[int, Range(1, 2**31 - 1)]
Width = Annotated[int, Range(1, 2**20)]  # of a layer
Widths = Sequence[Width]
Edge = Annotated[int, Range(1, 2**14)]  # of an image, in pixels
NonNegative = Annotated[float, Range(0)]
Positive = Annotated[float, Range(above=0)]
Share = Annotated[float, Range(0, 1)]
Part = Annotated[float, Range(0, below=1)]  # which something else is left of
Areas = Annotated[Sequence[float], Span(above=0, most=1)]
Zooms = Annotated[Sequence[float], Span(above=0, most=16)]
Ratios = Annotated[Sequence[float], Span(above=0)]
Learn = Literal["none", "last", "all"]  # the layer groups of a backbone that learn
Headline = Literal["accuracy", "per_class_accuracy", "macro_f1", "r2", "pearson"]  # data.headline
WithSource = Share | Literal["auto"] | None  # method.average_with_source
Middle = Annotated[float, Range(above=0, below=1)]

LISTS = (Sequence, Iterable, list, tuple)
WORDS: Mapping[Any, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "a text",
    NoneType: "null", None: "null",
}  # fmt: skip
MOST_SHOWN = 200  # letters of a value in a message


def refuse_unfit(key: str, value: Any, annotation: Any) -> None:
    """Refuse a value that is not what ``annotation`` says; one item stands for a list of it.

    Raises:
        ConfigError: naming the key and what it takes.
    """
    if fits(value, annotation):
        return
    what = described(annotation)
    text = isinstance(value, bool | int | float) and "a text" in what
    hint = "\nput it in quotes of its own" if text else ""
    shown = str(value) if len(str(value)) <= MOST_SHOWN else f"{str(value)[:MOST_SHOWN]}..."
    raise ConfigError(f"{key}={shown} must be {what}{hint}")


def fits(value: Any, annotation: Any) -> bool:
    """Whether a plain value may be what an annotation says; what is not known here fits."""
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *limits = get_args(annotation)
        return fits(value, base) and all(limit.holds(value) for limit in limits)
    if origin in (Union, UnionType):
        return any(fits(value, choice) for choice in get_args(annotation))
    if origin is Literal:
        return value in get_args(annotation)
    if origin in LISTS:
        items = value if isinstance(value, list | tuple) else [value]
        return all(fits(item, get_args(annotation)[0]) for item in items)
    if annotation is float:
        return type(value) is int or (type(value) is float and math.isfinite(value))
    if annotation in (None, NoneType):
        return value is None
    if isinstance(annotation, EnumType):
        return value in list(annotation)
    return type(value) is annotation if annotation in (int, bool, str) else True


def described(annotation: Any) -> str:
    """An annotation in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated and isinstance(arguments[1], Span):
        return f"a list {arguments[1]}"
    if origin is Annotated:
        return f"{described(arguments[0])}, {' and '.join(map(str, arguments[1:]))}"
    if origin in (Union, UnionType):
        return " or ".join(map(described, arguments))
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin in LISTS:
        return f"a list, each item {described(arguments[0])}"
    if isinstance(annotation, EnumType):
        return f"one of {', '.join(annotation)}"
    return WORDS.get(annotation, str(getattr(annotation, "__name__", annotation)))
