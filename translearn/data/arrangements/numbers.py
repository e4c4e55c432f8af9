"""A pair of the user's own files of vectors or signals, whose target may lack labels."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from translearn.data.arrangements.pair import SamplesPair, label_count
from translearn.data.files.listing import few
from translearn.data.files.numbers import Numbers
from translearn.data.places import user_place
from translearn.data.scaling import Step
from translearn.data.sets.by_name import open_sets
from translearn.data.sets.numbers import SAMPLES, NumberFile, together
from translearn.data.types import Samples, TaskSet
from translearn.errors import ConfigError, DataError
from translearn.ranges import Count, Part, Seed

log = logging.getLogger(__name__)


class NumberPair(SamplesPair):
    """A file for the source, one for the target, and perhaps one for the target's test.

    A target without labels is all for training, and there are no target metrics unless ``test`` is
    given. Files are read as by ``NumberFile``; their columns are those of the source.

    Args:
        root: ignored; the files are named by the user.
        source: file of labelled samples.
        target: the other file.
        test: file of labelled samples of the target; None: cut from the target by ``split_seed``.
        normalise: see ``scaled``.
        val_fraction: share of the training samples cut off for validation.
        test_fraction: share of a labelled file cut off for the test.
        split_seed: decides both cuts.
        target_labels_per_class: keep only so many target labels of each class, or None.
        options: of the reader, for all files; and ``target_labels``, see ``Pair``.

    Raises:
        ConfigError: a file is not named or named twice, or a value is out of range.
    """

    reader: ClassVar[str]  # the name of the set

    def __init__(
        self,
        root: str = "",
        source: str | None = None,
        target: str | None = None,
        test: str | None = None,
        normalise: Sequence[Step] = ("standard",),
        val_fraction: Part = 0.1,
        test_fraction: Part = 0.2,
        split_seed: Seed = 0,
        target_labels_per_class: Count | None = None,
        **options: Any,
    ) -> None:
        given = {"source": source, "target": target} | ({"test": test} if test else {})
        places = {key: user_place(key, value, SAMPLES) for key, value in given.items()}
        if len(set(places.values())) < len(places):
            told = ", ".join(f"data.{key}" for key in places)
            raise ConfigError(f"{told}: a file is named twice; name another one")
        self.target_labels = label_count(options)
        self.files = {
            key: open_sets([(key, self.reader)], {**options, "file": str(place)})[0]
            for key, place in places.items()
        }
        readers = {key: self.files[key] for key in ("source", "target")}
        title = f"{self.reader}:{{source}}->{{target}}"
        super().__init__(title, readers, val_fraction, split_seed, target_labels_per_class)
        self.test_fraction, self.normalise = test_fraction, normalise

    def read(self) -> dict[str, Samples]:
        """Read the files.

        Raises:
            DataError: one is missing or broken, or they do not fit each other.
        """
        readers = {k: one for k, one in self.files.items() if isinstance(one, NumberFile)}
        files = {key: reader.find() for key, reader in readers.items()}
        source = readers["source"]
        classes = source.classes(source.labelled(files["source"]))
        found = together(files)
        numbers = source.answer == "number"
        if len(classes) < 2 and not numbers:
            raise DataError(f"{found['source'].path} has 1 class, {classes[0]}; it needs two")
        if "test" in found:
            readers["test"].labelled(found["test"])
        elif found["target"].y is None:
            log.warning("%s is read without labels: it has none", found["target"].path)
        for one in () if numbers else found.values():
            refuse_other_classes(one, classes, str(found["source"].path))
        return {key: readers[key].samples(one, classes) for key, one in found.items()}

    def arrange(self, samples: Mapping[str, Samples]) -> TaskSet:
        """Cut both; the test of the target is the file of its own where there is one.

        Raises:
            ConfigError: the label budget, a share or a step is out of range.
        """
        both = {task: samples[task] for task in ("source", "target")}
        if "test" in samples:
            both["target"] = replace(both["target"], test=samples["test"].train, protocol="given")
        return super().arrange(both)


def refuse_other_classes(one: Numbers, classes: Sequence[str], source: str) -> None:
    """Refuse labels that the source does not have.

    Raises:
        DataError: naming them.
    """
    extra = sorted(set(one.y or ()) - set(classes))
    if extra:
        raise DataError(
            f"{one.path} has labels that {source} does not have: {few(extra)}\n"
            f"the classes are {few(list(classes))}"
        )


class VectorPair(NumberPair):
    """Vectors."""

    reader = "vectors"


class SignalPair(NumberPair):
    """Signals."""

    reader = "signals"
