"""The published features and splits of AwA2, CUB, SUN and aPY for zero-shot learning.

Xian, Lampert, Schiele and Akata, "Zero-shot learning: a comprehensive evaluation of the good, the
bad and the ugly", TPAMI 2018: ResNet-101 features and the proposed split, in two Matlab files.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from translearn.data.cuts import keep_classes
from translearn.data.files.arrays import matrix, whole_numbers
from translearn.data.files.download import require
from translearn.data.files.matlab import cell_strings, read_mat
from translearn.data.places import ROOT
from translearn.data.sets.catalog import XLSA17
from translearn.data.types import Kind, Reader, Samples, Split
from translearn.errors import DataError
from translearn.system.problems import expanded

LOCATIONS = ("trainval_loc", "test_seen_loc", "test_unseen_loc")


class GbuFeatures(Reader):
    """Feature vectors of seen and unseen classes, split as published (the "proposed split").

    Read from ``xlsa17/data/<set>/res101.mat`` and ``att_splits.mat``. The training images are those
    of ``trainval_loc``, the test those of ``test_seen_loc`` and ``test_unseen_loc``.

    Args:
        set: AWA2, CUB, SUN or APY.
        root: the data root folder.
    """

    def __init__(self, set: str, root: str) -> None:
        self.folder = expanded(root) / "xlsa17" / "data" / set
        self.root, self.set, self.needs = root, set, (XLSA17[set],)
        self.origins = tuple(f"{ROOT}{one.path}" for one in XLSA17[set].resources)

    def read(self) -> Samples:
        """Read both files.

        Raises:
            DataError: a file is missing, broken, or does not fit the other.
        """
        require(XLSA17[self.set], self.root, download=False)
        features = read_mat(self.folder / "res101.mat", ("features", "labels"))
        splits = read_mat(self.folder / "att_splits.mat", (*LOCATIONS, "allclasses_names"))
        names = cell_strings(splits["allclasses_names"], self.of("allclasses_names"))
        rows = matrix(features["features"], self.of("features")).T
        x = torch.from_numpy(np.ascontiguousarray(rows))
        y = torch.from_numpy(whole_numbers(features["labels"], self.of("labels"))) - 1
        train, seen, unseen = (
            self.rows(y, splits[key], len(x), len(names), key) for key in LOCATIONS
        )
        trained, held, new = (set(y[rows].tolist()) for rows in (train, seen, unseen))
        if trained & new:
            raise DataError(f"{self.folder}: classes of test_unseen_loc are trained on; wrong file")
        if held - trained:
            raise DataError(
                f"{self.folder}: test_seen_loc has classes that trainval_loc lacks; wrong file"
            )
        tested = torch.cat([seen, unseen])
        whole = Samples(
            self.set.lower(), tuple(names), Split(x[train], y[train]), Split(x[tested], y[tested]),
            Kind.vector, (x.shape[1],),
            "proposed split", unseen=tuple(names[label] for label in sorted(new)),
        )  # fmt: skip
        return keep_classes(whole, sorted(trained | new), whole.name)

    def of(self, key: str) -> str:
        """A variable as messages name it."""
        return f"{self.folder}: {key}"

    def rows(self, y: Tensor, location: Any, count: int, classes: int, key: str) -> Tensor:
        """The rows that a location (counted from 1) names.

        Raises:
            DataError: it points outside, or a label does.
        """
        rows = torch.from_numpy(whole_numbers(location, self.of(key))) - 1
        if count != len(y) or int(rows.max()) >= len(y) or int(rows.min()) < 0:
            raise DataError(
                f"{self.folder}: {key} of att_splits.mat does not fit the {count} features and "
                f"{len(y)} labels of res101.mat; take both from one release"
            )
        if int(y[rows].max()) >= classes or int(y[rows].min()) < 0:
            raise DataError(f"{self.folder}: res101.mat has labels beyond {classes} class names")
        return rows
