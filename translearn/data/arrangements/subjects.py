"""A pair of subjects whose activities were recorded by the same sensors."""

from collections.abc import Sequence
from typing import Literal

from translearn.data.arrangements.pair import SamplesPair
from translearn.data.scaling import Step
from translearn.data.sets.catalog_numbers import HAR_SUBJECTS, WISDM_SUBJECTS
from translearn.data.sets.number_sets import Activities
from translearn.errors import ConfigError
from translearn.ranges import Count, Part, Seed


class SubjectPair(SamplesPair):
    """Two subjects of UCI-HAR or WISDM, such as AdaTime's scenarios.

    Args:
        root: the data root folder.
        set: har or wisdm.
        source: number of a subject.
        target: number of another one.
        normalise: see ``scaled``.
        val_fraction: share of each training split cut off for validation.
        split_seed: decides that cut.
        target_labels_per_class: keep only so many target labels of each class, or None.

    Raises:
        ConfigError: there is no such subject, or it is named twice.
    """

    def __init__(
        self,
        root: str = "",
        set: Literal["har", "wisdm"] = "har",
        source: Count = 2,
        target: Count = 11,
        normalise: Sequence[Step] = ("per_domain",),
        val_fraction: Part = 0.1,
        split_seed: Seed = 0,
        target_labels_per_class: Count | None = None,
    ) -> None:
        known = {"har": HAR_SUBJECTS, "wisdm": WISDM_SUBJECTS}[set]
        for key, subject in (("source", source), ("target", target)):
            if subject not in known:
                told = ", ".join(map(str, known))
                raise ConfigError(f"data.{key}={subject}: the subjects of {set} are {told}")
        if source == target:
            raise ConfigError(f"data.source and data.target are both {source}; choose another one")
        readers = {
            "source": Activities(set, source, root), "target": Activities(set, target, root)
        }  # fmt: skip
        title = f"{set}:{source}->{target}"
        super().__init__(title, readers, val_fraction, split_seed, target_labels_per_class)
        self.normalise = normalise
