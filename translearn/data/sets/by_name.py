"""The sets that an arrangement may take by name, such as ``data.source=mnist``."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from translearn.data.sets.catalog import OFFICE31_DOMAINS, XLSA17
from translearn.data.sets.catalog_numbers import AMAZON_SHA256, SURF_SHA256
from translearn.data.sets.diabetes import Diabetes
from translearn.data.sets.digits import Digits, DigitsOverPhotos, EvenOrOdd
from translearn.data.sets.folder import ImageFolder
from translearn.data.sets.fsdd import SpokenDigits
from translearn.data.sets.gbu import GbuFeatures
from translearn.data.sets.gbu_photos import FOLDERS, GbuPhotos
from translearn.data.sets.mnist import Mnist
from translearn.data.sets.mnist_m import MnistM
from translearn.data.sets.moons import Moons
from translearn.data.sets.number_sets import Activities, AmazonReviews, OfficeCaltech10
from translearn.data.sets.numbers import SignalFile, VectorFile
from translearn.data.sets.office31 import Office31
from translearn.data.sets.printed import PrintedDigits
from translearn.data.sets.svhn import Svhn
from translearn.data.sets.usps import Usps
from translearn.data.types import Reader
from translearn.errors import ConfigError, nearest
from translearn.ranges import refuse_unfit

READERS: dict[str, Callable[..., Reader]] = {
    "digits": Digits,
    "digits_photos": DigitsOverPhotos,
    "digits_8x8": EvenOrOdd,
    "print": PrintedDigits,
    "mnist": Mnist,
    "mnistm": MnistM,
    "usps": Usps,
    "svhn": Svhn,
    "fsdd": SpokenDigits,
    "office31": Office31,
    **{domain: functools.partial(Office31, domain) for domain in OFFICE31_DOMAINS},
    **{name: functools.partial(GbuFeatures, name) for name in XLSA17},
    **{name: functools.partial(GbuPhotos, name) for name in FOLDERS},
    **{domain: functools.partial(AmazonReviews, domain) for domain in AMAZON_SHA256},
    **{f"surf_{domain}": functools.partial(OfficeCaltech10, domain) for domain in SURF_SHA256},
    "har": functools.partial(Activities, "har"),
    "wisdm": functools.partial(Activities, "wisdm"),
    "diabetes_younger": Diabetes,
    "diabetes_older": functools.partial(Diabetes, True),
    "moons": Moons,
    "moons_turned": functools.partial(Moons, True),
    "folder": ImageFolder,
    "vectors": VectorFile,
    "signals": SignalFile,
}


# What every arrangement offers, and some readers ask for.
OFFERED = ("root", "download", "split_seed")


def open_sets(names: Sequence[tuple[str, str | None]], options: Mapping[str, Any]) -> list[Reader]:
    """The readers of sets by name, each with the options that it knows.

    Args:
        names: pairs of an option and the name it has, such as ``("source", "mnist")``.
        options: of the readers; None stands for a reader's own default.

    Raises:
        ConfigError: there is no such set, an option belongs to none of them, or is out of range.
    """
    for key, name in names:
        if name is None:
            raise ConfigError(f"data.{key} is not set; choose from {', '.join(READERS)}")
        if name not in READERS:
            raise ConfigError(f"data.{key}={name} does not exist{nearest(str(name), READERS)}")
    classes = [READERS[str(name)] for _, name in names]
    known = [inspect.signature(reader).parameters for reader in classes]
    for option, value in options.items():
        if value is not None and option not in OFFERED and not any(option in k for k in known):
            choices = {f"data.{name}" for parameters in known for name in parameters}
            sets = ", ".join(str(name) for _, name in names)
            suggestion = nearest(f"data.{option}", choices)
            raise ConfigError(f"data.{option} is no option of {sets}{suggestion}")
    given = {option: value for option, value in options.items() if value is not None}
    for parameters in known:
        for option in given.keys() & parameters.keys():
            refuse_unfit(f"data.{option}", given[option], parameters[option].annotation)
    return [
        reader(**{option: value for option, value in given.items() if option in parameters})
        for reader, parameters in zip(classes, known, strict=True)
    ]
