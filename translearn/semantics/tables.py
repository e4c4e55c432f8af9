"""Descriptions that stand in a table: in the yaml itself, or in arrays."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from translearn.data.files.arrays import matrix, read_npz
from translearn.data.files.matlab import check_file
from translearn.errors import ConfigError, DataError
from translearn.semantics.base import Normalise, Semantics, compact
from translearn.system.problems import expanded

Named = Mapping[str, str] | None


class Lookup(Semantics):
    """Base of what is read as a whole: class name -> row. Names match by their letters alone.

    Arguments as in Semantics.
    """

    def table(self) -> tuple[Sequence[str], Tensor]:
        """Class names and their rows (C, D); sets ``attributes``."""
        raise NotImplementedError

    def read(self, names: Sequence[str]) -> Tensor:
        """The rows of ``names``, NaN where there is none.

        Raises:
            DataError: a name has two.
        """
        known, rows = self.table()
        places = {compact(name): place for place, name in enumerate(known)}
        for place, name in enumerate(known):
            last = places[compact(name)]
            if not torch.equal(rows[place], rows[last]) and compact(name) in map(compact, names):
                raise DataError(
                    f"{known[place]!r} and {known[last]!r} are one name, and have two descriptions"
                )
        found = torch.full((len(names), rows.shape[1]), torch.nan)
        for position, name in enumerate(names):
            if compact(name) in places:
                found[position] = rows[places[compact(name)]]
        return found


class Table(Lookup):
    """A table in the yaml: attributes, and for each class their values.

    Args:
        attributes: names of the columns.
        classes: class -> its values.
        root: ignored.

    Other arguments as in Semantics.

    Raises:
        ConfigError: a row has not as many values as there are attributes.
    """

    def __init__(
        self,
        attributes: Sequence[str],
        classes: Mapping[str, Sequence[float]],
        root: str = "",
        normalise: Normalise = "none",
        names: Named = None,
        imagenet_names: Named = None,
    ) -> None:
        super().__init__(normalise, names, imagenet_names)
        self.attributes = tuple(map(str, attributes))
        for name, values in classes.items():
            if len(values) != len(self.attributes):
                raise ConfigError(
                    f"semantics.classes.{name} has {len(values)} values and there are "
                    f"{len(self.attributes)} semantics.attributes"
                )
        self.classes = {str(name): [float(v) for v in row] for name, row in classes.items()}

    def table(self) -> tuple[Sequence[str], Tensor]:
        """What stands in the yaml."""
        return list(self.classes), torch.tensor(list(self.classes.values()))


class Arrays(Lookup):
    """Two arrays of an ``.npz``: class names, and their rows.

    Args:
        file: the file, relative to ``root`` or absolute.
        vectors: key of the rows (C, D).
        classes: key of the names (C,).
        root: the data root folder.

    Other arguments as in Semantics.
    """

    def __init__(
        self,
        file: str | None,
        vectors: str = "vectors",
        classes: str = "classes",
        root: str = "",
        normalise: Normalise = "unit",
        names: Named = None,
        imagenet_names: Named = None,
    ) -> None:
        super().__init__(normalise, names, imagenet_names)
        if not file:
            raise ConfigError("semantics.file is not set; add semantics.file=<an .npz file>")
        self.file, self.keys = expanded(root) / file, (classes, vectors)

    def table(self) -> tuple[Sequence[str], Tensor]:
        """The two arrays.

        Raises:
            DataError: the file or a key is missing, or they do not fit.
        """
        check_file(self.file)
        about = "set semantics.vectors and semantics.classes"
        names, values = read_npz(self.file, self.keys, about)
        rows = matrix(values, f"{self.file}: {self.keys[1]}")
        if names.shape != rows.shape[:1] or names.dtype.kind not in "USiu":
            raise DataError(
                f"{self.file}: {self.keys[0]} is no list of {len(rows)} names: it has the shape "
                f"{names.shape} and the type {names.dtype}"
            )
        return [_text(name) for name in names], torch.from_numpy(rows)


def _text(name: object) -> str:
    return name.decode("utf-8", errors="replace") if isinstance(name, bytes) else str(name)
