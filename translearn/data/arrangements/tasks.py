"""Any number of digit tasks at once, for multitask learning."""

import re
from collections.abc import Sequence
from dataclasses import replace

from sklearn.datasets import load_digits
from torch import Tensor, from_numpy, nn

from translearn.data.access import limit_labels
from translearn.data.arrangements.pairs import CLASSES, LOADERS
from translearn.data.pipeline.speech import spectrogram_shape
from translearn.data.sets.digits import TEST_SIZE, Digits
from translearn.data.sets.fsdd import fsdd_folder, read_speakers, recordings
from translearn.data.types import DataSource, Domain, Kind, Split, TaskSet, cut_domain, permutation
from translearn.errors import ConfigError, nearest

SIZE = 28


SPEECH, SPEECH_LENGTH, SPEECH_MELS = "fsdd", 8000, 40  # as data=fsdd has them


STEM_MAPS = 16  # channels of the trunk's input where every task has a stem of its own


NAME = re.compile(r"[a-z][a-z0-9_]*")


class DigitTasks(DataSource):
    """Digit data sets as tasks of one run, each with its published splits.

    Images come at 28x28, grey ones in the colours of the trunk where another set has colours. With
    the spoken digits among them every task has a stem: the trunk then receives ``STEM_MAPS`` maps
    of 28x28, and the recordings of all speakers come as spectrograms.

    Args:
        root: the data root folder.
        tasks: the data sets, any of mnist, mnistm, usps, svhn and fsdd.
        names: a name for each task; None: the data sets' own.
        val_fraction: share of each training split cut off for validation.
        split_seed: decides that cut.
        target_labels_per_class: keep only so many labels of each class of the task ``target``.
        download: whether missing files are downloaded.
    """

    def __init__(
        self,
        root: str,
        tasks: Sequence[str],
        names: Sequence[str] | None = None,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        target_labels_per_class: int | None = None,
        download: bool = True,
    ) -> None:
        for name in tasks:
            if name not in (*LOADERS, SPEECH):
                known = (*LOADERS, SPEECH)
                raise ConfigError(f"data.tasks: no data set {name}{nearest(str(name), known)}")
        self.names = tuple(tasks if names is None else names)
        check_names(self.names, len(tasks))
        if target_labels_per_class is not None and "target" not in self.names:
            raise ConfigError(
                "data.target_labels_per_class needs a task called target\n"
                "name the tasks, such as data.names=[source,target]"
            )
        self.root, self.tasks = root, tuple(tasks)
        self.val_fraction, self.split_seed = val_fraction, split_seed
        self.target_labels_per_class, self.download = target_labels_per_class, download

    def load(self) -> TaskSet:
        """Read every set.

        Raises:
            DataError: files are missing or broken.
        """
        domains: dict[str, Domain] = {}
        channels, protocol = 1, "published"
        for name, data in zip(self.names, self.tasks, strict=True):
            if data == SPEECH:
                domains[name] = self._speech()
                continue
            train, test, published = LOADERS[data](self.root, SIZE, self.download)
            domains[name] = cut_domain(
                data, CLASSES, train, test, self.val_fraction, self.split_seed
            )
            assert isinstance(train.x, Tensor)
            channels = max(channels, train.x.shape[1])
            if not published:
                protocol = "rebuilt"
        shape = (channels, SIZE, SIZE)
        if SPEECH in self.tasks:
            domains = {
                name: replace(domain, input_shape=domain.input_shape or shape)
                for name, domain in domains.items()
            }
            shape = (STEM_MAPS, SIZE, SIZE)
        tasks = TaskSet("+".join(self.tasks), domains, shape, protocol)
        return limit_labels(tasks, self.target_labels_per_class, self.split_seed)

    def _speech(self) -> Domain:
        """The recordings of all speakers."""
        folder = fsdd_folder(self.root, self.download)
        found = recordings(folder)
        train, test = read_speakers(folder, found, list(found), SPEECH_LENGTH)
        domain = cut_domain(SPEECH, CLASSES, train, test, self.val_fraction, self.split_seed)
        shape = spectrogram_shape(SPEECH_MELS, SPEECH_LENGTH)
        return replace(domain, kind=Kind.waveform, input_shape=shape)


class DigitsParity(DataSource):
    """Three embedded tasks: both of ``data=digits``, and whether an 8x8 digit is even or odd.

    The third one has inputs and classes of its own: the digits as scikit-learn stores them.
    Arguments as in Digits.
    """

    embedded = True

    def __init__(
        self,
        root: str = "",
        val_fraction: float = 0.1,
        split_seed: int = 0,
        target_labels_per_class: int | None = None,
    ) -> None:
        self.digits = Digits(root, val_fraction, split_seed, target_labels_per_class)

    def load(self) -> TaskSet:
        """Build the three tasks from scikit-learn's files, on the same test digits."""
        pair = self.digits.load()
        stored = load_digits()
        small = from_numpy((stored.images * (255 / 16)).round().astype("uint8"))[:, None]
        both = Split(small, from_numpy(stored.target % 2).long())
        order = permutation(len(both), self.digits.split_seed)
        parity = cut_domain(
            "digits_8x8", ("even", "odd"), both.select(order[TEST_SIZE:]),
            both.select(order[:TEST_SIZE]), self.digits.val_fraction, self.digits.split_seed,
        )  # fmt: skip
        parity = replace(parity, input_shape=(1, 8, 8))
        return replace(pair, name="digits_parity", tasks={**pair.tasks, "parity": parity})


def check_names(names: Sequence[str], count: int) -> None:
    """Refuse names that cannot stand in metrics and modules.

    Raises:
        ConfigError: as said, or they are too few, too many or not different.
    """
    if len(names) != count or len(set(names)) != count or count < 2:
        raise ConfigError("data.tasks needs two data sets or more, and data.names a name for each")
    for name in names:
        if not NAME.fullmatch(str(name)) or hasattr(nn.ModuleDict, name):
            raise ConfigError(f"data.names: {name!r} cannot name a task; use small letters")
