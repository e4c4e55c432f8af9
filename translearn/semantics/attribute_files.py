"""Attribute matrices as their data sets publish them: text files, and Matlab's."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from translearn.data.files.arrays import matrix
from translearn.data.files.checksums import unpacked
from translearn.data.files.download import BROKEN
from translearn.data.files.matlab import cell_strings, check_file, read_mat
from translearn.data.files.texts import text_lines
from translearn.errors import DataError
from translearn.semantics.base import Normalise
from translearn.semantics.tables import Lookup, Named
from translearn.system.problems import expanded

MOST_TEXT = 2**27  # bytes of a matrix in text


class AttributeFiles(Lookup):
    """A text matrix with lists of its rows and columns, as AwA2 and CUB publish them.

    A cell below 0 (AwA writes -1) was never asked for: it gets the mean of its attribute over the
    classes that have a value.

    Args:
        matrix: file of numbers, a row a class.
        classes: file of class names, the last word of each line.
        columns: file of attribute names, likewise.
        root: the data root folder, which the files are relative to.

    Other arguments as in Semantics.
    """

    def __init__(
        self,
        matrix: str,
        classes: str,
        columns: str,
        root: str = "",
        normalise: Normalise = "unit",
        names: Named = None,
        imagenet_names: Named = None,
    ) -> None:
        super().__init__(normalise, names, imagenet_names)
        self.matrix, self.classes, self.columns = (
            expanded(root) / file for file in (matrix, classes, columns)
        )

    def table(self) -> tuple[Sequence[str], Tensor]:
        """The matrix with its missing cells filled.

        Raises:
            DataError: a file is missing, or the three do not fit.
        """
        names, attributes = last_words(self.classes), last_words(self.columns)
        check_file(self.matrix)
        try:
            text = unpacked(self.matrix, MOST_TEXT).decode("utf-8-sig")
            cells = np.loadtxt(text.splitlines(), ndmin=2) if text.strip() else np.empty((0, 0))
        except (*BROKEN, UnicodeDecodeError) as error:
            why = " ".join(str(error).split())
            raise DataError(f"{self.matrix} is no matrix of numbers: {why}") from error
        if not np.isfinite(cells).all():
            raise DataError(f"{self.matrix} has values that are no finite numbers")
        if cells.shape != (len(names), len(attributes)):
            raise DataError(
                f"{self.matrix} has {cells.shape[0]} rows of {cells.shape[1]} numbers; the lists "
                f"beside it have {len(names)} classes and {len(attributes)} attributes"
            )
        self.attributes = tuple(attributes)
        return names, torch.from_numpy(filled(cells)).float()


class GbuAttributes(Lookup):
    """The attribute matrix of ``att_splits.mat`` (Xian et al. 2018), its columns of length 1.

    Args:
        file: the file, relative to ``root``.
        columns: text file of attribute names, or None; where it is missing they are numbered.
        root: the data root folder.

    Other arguments as in Semantics.
    """

    def __init__(
        self,
        file: str,
        columns: str | None = None,
        root: str = "",
        normalise: Normalise = "none",
        names: Named = None,
        imagenet_names: Named = None,
    ) -> None:
        super().__init__(normalise, names, imagenet_names)
        self.file = expanded(root) / file
        self.columns = expanded(root) / columns if columns else None

    def table(self) -> tuple[Sequence[str], Tensor]:
        """The key ``att``, a row a class.

        Raises:
            DataError: the file is missing or broken.
        """
        content = read_mat(self.file, ("att", "allclasses_names"))
        rows = matrix(content["att"], f"{self.file}: att").T
        names = cell_strings(content["allclasses_names"], f"{self.file}: allclasses_names")
        if len(names) != len(rows):
            raise DataError(f"{self.file} has {len(names)} class names and {len(rows)} of att")
        columns = last_words(self.columns) if self.columns and self.columns.is_file() else []
        if len(columns) != rows.shape[1]:
            columns = [f"attribute {number + 1}" for number in range(rows.shape[1])]
        self.attributes = tuple(columns)
        return names, torch.from_numpy(np.ascontiguousarray(rows))


def filled(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cells below 0 replaced by the mean of the others in their column (0 if there is none)."""
    known = cells >= 0
    count = known.sum(axis=0)
    means = np.where(known, cells, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.where(known, cells, means)


def last_words(path: Path) -> list[str]:
    """The last word of each line: names in the numbered and in the plain lists.

    Raises:
        DataError: there is no such file, or it is no text.
    """
    check_file(path)
    return [line.split()[-1] for line in text_lines(path)]
