"""The published features and splits of AwA2, CUB, SUN and aPY for zero-shot learning.

Xian, Lampert, Schiele and Akata, "Zero-shot learning: a comprehensive evaluation of the good, the
bad and the ugly", TPAMI 2018: ResNet-101 features and the proposed split, in two Matlab files.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from translearn.data.arrangements.unseen import zero_shot_tasks
from translearn.data.files.download import require
from translearn.data.files.matlab import cell_strings, read_mat
from translearn.data.sets.catalog import XLSA17
from translearn.data.types import DataSource, Kind, Split, TaskSet
from translearn.errors import ConfigError, DataError, nearest

LOCATIONS = ("trainval_loc", "test_seen_loc", "test_unseen_loc")


class GbuFeatures(DataSource):
    """Feature vectors of seen and unseen classes, split as published (the "proposed split").

    Read from ``xlsa17/data/<set>/res101.mat`` and ``att_splits.mat``. The training images are those
    of ``trainval_loc``; a validation part of the same classes may be cut from it.

    Args:
        root: the data root folder.
        set: AWA2, CUB, SUN or APY.
        val_fraction: share of the training images cut off for validation.
        split_seed: decides that cut.

    Raises:
        ConfigError: there is no such set.
    """

    def __init__(
        self, root: str, set: str = "AWA2", val_fraction: float = 0.0, split_seed: int = 0
    ) -> None:
        if set not in XLSA17:
            raise ConfigError(f"data.set={set} does not exist{nearest(str(set), XLSA17)}")
        self.folder = Path(root).expanduser() / "xlsa17" / "data" / set
        self.root, self.set = root, set
        self.val_fraction, self.split_seed = val_fraction, split_seed

    def load(self) -> TaskSet:
        """Read both files.

        Raises:
            DataError: a file is missing, broken, or does not fit the other.
        """
        require(XLSA17[self.set], self.root, download=False)
        features = read_mat(self.folder / "res101.mat", ("features", "labels"))
        splits = read_mat(self.folder / "att_splits.mat", (*LOCATIONS, "allclasses_names"))
        names = cell_strings(splits["allclasses_names"])
        x = torch.from_numpy(np.ascontiguousarray(features["features"].T, dtype=np.float32))
        y = torch.from_numpy(numbers(features["labels"]))  # counted from 0
        train, seen, unseen = (self.part(x, y, splits[key], len(names), key) for key in LOCATIONS)
        assert train.y is not None and unseen.y is not None
        labels = [sorted(set(part.y.tolist())) for part in (train, unseen) if part.y is not None]
        if not set(labels[0]).isdisjoint(labels[1]):
            raise DataError(f"{self.folder}: classes of test_unseen_loc are trained on; wrong file")
        shown = [names[i] for i in labels[0]], [names[i] for i in labels[1]]
        return zero_shot_tasks(
            self.set.lower(), shown, within(train, labels[0]), within(seen, labels[0]),
            within(unseen, labels[1]), self.val_fraction, self.split_seed, (x.shape[1],),
            "proposed split", Kind.vector,
        )  # fmt: skip

    def part(self, x: Tensor, y: Tensor, location: Any, classes: int, key: str) -> Split:
        """The rows that a location (counted from 1) names.

        Raises:
            DataError: it points outside, or a label does.
        """
        rows = torch.from_numpy(numbers(location))
        if len(x) != len(y) or int(rows.max()) >= len(y) or int(rows.min()) < 0:
            raise DataError(
                f"{self.folder}: {key} of att_splits.mat does not fit the {len(x)} features and "
                f"{len(y)} labels of res101.mat; take both from one release"
            )
        if int(y[rows].max()) >= classes or int(y[rows].min()) < 0:
            raise DataError(f"{self.folder}: res101.mat has labels beyond {classes} class names")
        return Split(x[rows], y[rows])


def numbers(cells: Any) -> Any:
    """Matlab's numbers, counted from 1, as int64 counted from 0."""
    return np.asarray(cells).reshape(-1).astype(np.int64) - 1


def within(part: Split, labels: list[int]) -> Split:
    """The same images, labelled by the place of their class among ``labels``.

    Raises:
        DataError: a class is not among them.
    """
    assert part.y is not None
    if not set(part.y.tolist()) <= set(labels):
        raise DataError("test_seen_loc has classes that trainval_loc lacks; wrong att_splits.mat")
    return Split(part.x, torch.searchsorted(torch.tensor(labels), part.y))
