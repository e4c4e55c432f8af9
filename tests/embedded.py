"""The embedded data sets, built without a config."""

from translearn.data.arrangements.other_classes import OtherClasses
from translearn.data.arrangements.pair import Pair
from translearn.data.arrangements.tasks import SeveralTasks
from translearn.data.arrangements.unseen import Unseen


def digits(**options):
    """As data=digits_photos."""
    return Pair(source="digits", target="digits_photos", title="digits_photos", **options)


def digits_split(**options):
    """As data=digits_split."""
    return OtherClasses(set="digits", title="digits_split", **options)


def digits_attributes(unseen=3, **options):
    """As data=digits_attributes."""
    return Unseen(set="digits", unseen=unseen, title="digits_attributes", **options)


def digits_parity(**options):
    """As data=digits_parity."""
    sets, names = ["digits", "digits_photos", "digits_8x8"], ["source", "target", "parity"]
    return SeveralTasks(tasks=sets, names=names, title="digits_parity", **options)
