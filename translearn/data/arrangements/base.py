"""What arrangements of sets share: sets are read, and what was read is cut into tasks."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from translearn.data.files.download import DataSet
from translearn.data.files.listing import few
from translearn.data.types import DataSource, Reader, Samples, TaskSet
from translearn.errors import ConfigError
from translearn.ranges import Part, Seed

TEST_FRACTION = 0.2  # of a set without a published split


class Arrangement(DataSource):
    """Sets made into tasks; nothing but ``arrange`` cuts, draws classes or hides labels.

    Args:
        title: what tables call it; a name in braces stands for what that set is called.
        readers: of the sets, by the names that ``arrange`` knows them by.
        val_fraction: share of each training split cut off for validation.
        split_seed: decides all cuts.
    """

    test_fraction: float = TEST_FRACTION

    def __init__(
        self, title: str, readers: Mapping[str, Reader], val_fraction: Part, split_seed: Seed
    ) -> None:
        self.title, self.readers = title, dict(readers)
        self.val_fraction, self.split_seed = val_fraction, split_seed

    @property
    def needs(self) -> tuple[DataSet, ...]:
        """The published files that the sets are read from."""
        found = (data_set for reader in self.readers.values() for data_set in reader.needs)
        return tuple(dict.fromkeys(found))

    def load(self) -> TaskSet:
        """Read the sets and arrange them.

        Raises:
            ConfigError: the sets do not fit the arrangement.
            DataError: files are missing or broken.
        """
        samples = self.read()
        listings = {name: one.listing for name, one in samples.items() if one.listing is not None}
        tasks = self.arrange(samples)
        origins = dict.fromkeys(key for one in self.readers.values() for key in one.origins)
        return replace(tasks, listings=listings, notes=lacking(tasks), origins=tuple(origins))

    def read(self) -> dict[str, Samples]:
        """Read every set.

        Raises:
            DataError: files are missing or broken.
        """
        return {name: reader.read() for name, reader in self.readers.items()}

    @abstractmethod
    def arrange(self, samples: Mapping[str, Samples]) -> TaskSet:
        """Cut what was read into tasks.

        Raises:
            ConfigError: the sets do not fit each other or the options.
        """

    def named(self, samples: Mapping[str, Samples]) -> str:
        """The title, with the names of the sets in it."""
        title = self.title
        for place, one in samples.items():
            title = title.replace(f"{{{place}}}", one.name)
        return title


def lacking(tasks: TaskSet) -> tuple[str, ...]:
    """A sentence for each labelled split that lacks classes, with their names."""
    found = []
    for task, domain in tasks.tasks.items():
        for name, split in (("train", domain.train), ("val", domain.val), ("test", domain.test)):
            if split is None or split.y is None or not len(split) or domain.answer != "class":
                continue
            present = set(split.y.tolist())
            absent = [c for label, c in enumerate(domain.classes) if label not in present]
            if absent:
                found.append(f"{task}/{name} has no sample of {few(absent)}")
    return tuple(found)


def joint_protocol(samples: Sequence[Samples]) -> str:
    """How the splits of several sets are made: ``published`` where all are."""
    others = sorted({one.protocol for one in samples} - {"published"})
    return "+".join(others) or "published"


def check_count(option: str, value: object, count: int, classes: int) -> None:
    """Refuse a share of classes that leaves one class alone on either side.

    Raises:
        ConfigError: as said.
    """
    if not 2 <= count <= classes - 2:
        raise ConfigError(f"data.{option}={value}: choose 2 to {classes - 2}")
