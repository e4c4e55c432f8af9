"""Class descriptions: a vector for the name of a class, from a table, a file or an encoder."""

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from translearn.errors import DataError

log = logging.getLogger(__name__)


Normalise = Literal["none", "unit", "centred", "standard", "range"]


class Semantics(ABC):
    """Base of the configs in ``conf/semantics``. Nothing is read before ``vectors`` asks for it.

    Every subclass accepts the keyword ``root`` (the data root folder) and may ignore it.

    Args:
        normalise: ``none``, ``unit`` (length 1), ``centred`` (the mean taken off, then length 1),
            ``standard`` (each dimension to mean 0 and deviation 1) or ``range`` (each to 0 .. 1).
        names: class -> the name to look its description up by.
        imagenet_names: class -> its name in ImageNet, where that is another one.

    Attributes:
        attributes: names of the dimensions; empty where they mean nothing by themselves.

    Raises:
        ConfigError: there is no such normalisation.
    """

    attributes: tuple[str, ...] = ()

    def __init__(
        self,
        normalise: Normalise = "unit",
        names: Mapping[str, str] | None = None,
        imagenet_names: Mapping[str, str] | None = None,
    ) -> None:
        self.normalise = normalise
        self.names = {str(k): str(v) for k, v in (names or {}).items()}
        self.imagenet_names = {str(k): str(v) for k, v in (imagenet_names or {}).items()}

    @abstractmethod
    def read(self, names: Sequence[str]) -> Tensor:
        """Descriptions (N, D) as they stand in the source; a row of NaN where a name has none.

        Raises:
            DataError: a file is missing or broken; the message names it.
        """

    def vectors(self, classes: Sequence[str]) -> Tensor:
        """Descriptions (C, D) of ``classes``, not normalised.

        Raises:
            DataError: some have none; the message lists them.
        """
        found = self.read([self.names.get(name, name) for name in classes])
        lacking = [name for name, row in zip(classes, found, strict=True) if row.isnan().any()]
        if lacking:
            raise DataError(
                f"{len(lacking)} of {len(classes)} classes have no description: "
                f"{shortened(lacking)}\n"
                "give each the name to look it up by, +semantics.names.CLASS=NAME, or choose "
                "other semantics"
            )
        return found


class Restored(Semantics):
    """Stands for the descriptions that a trained model brings along: zeros of the same shape.

    Args:
        dimensions: of a description.
        attributes: their names, where they have any.
    """

    def __init__(self, dimensions: int, attributes: Sequence[str] = ()) -> None:
        super().__init__("none")
        self.dimensions, self.attributes = dimensions, tuple(attributes)

    def read(self, names: Sequence[str]) -> Tensor:
        """Zeros (N, D)."""
        return torch.zeros(len(names), self.dimensions)


def normalised(vectors: Tensor, how: str, reference: Tensor) -> Tensor:
    """Class vectors (C, D) as ``Semantics`` explains.

    Args:
        vectors: of all classes.
        how: see ``Normalise``.
        reference: (K, D) those whose means, deviations and ranges count: the seen classes.
    """
    if how == "unit":
        return F.normalize(vectors, dim=1)
    if how == "centred":
        return F.normalize(vectors - reference.mean(dim=0), dim=1)
    if how == "standard":
        deviation = reference.std(dim=0, correction=0)
        return (vectors - reference.mean(dim=0)) / deviation.where(deviation > 0, 1.0)
    if how == "range":
        low, high = reference.min(dim=0).values, reference.max(dim=0).values
        return (vectors - low) / (high - low).where(high > low, 1.0)
    return vectors


def words_of(name: str) -> list[str]:
    """The words of a class name: ``001.Black_footed_Albatross`` -> black, footed, albatross."""
    return [word for word in re.split(r"[^a-z0-9]+", re.sub(r"^\d+\.", "", name.lower())) if word]


def compact(name: str) -> str:
    """A class name without what writers of lists differ in: case, spaces, signs, a number first."""
    return "".join(words_of(name))


def shortened(names: Sequence[str]) -> str:
    """At most twelve names."""
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return ", ".join(names[:12]) + more
