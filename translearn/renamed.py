"""Names of earlier releases and what they are called now, so that what 0.1 wrote stays readable."""

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]


@dataclass(frozen=True)
class Renamed:
    """What was renamed since 0.1, old to new.

    Attributes:
        targets: modules and classes that a ``_target_`` names; the longest name that fits counts.
        options: old target -> the options that its new place needs to mean the same; those that a
            configuration has go before.
        keys: options, such as ``method.neighbours``.
        choices: values that became choices of a group, such as ``method.cluster=scan``.
        metrics: names of figures in results.
    """

    targets: Mapping[str, str]
    options: Mapping[str, Mapping[str, Any]]
    keys: Mapping[str, str]
    choices: Mapping[str, str]
    metrics: Mapping[str, str]


ARRANGEMENTS = "translearn.data.arrangements"


RENAMED = Renamed(
    targets={
        "translearn.data.augment": "translearn.data.pipeline.augment",
        "translearn.data.speech": "translearn.data.pipeline.speech",
        "translearn.data.views": "translearn.data.pipeline.views",
        "translearn.data.pairs.DigitPair": f"{ARRANGEMENTS}.pair.Pair",
        "translearn.data.digits.Digits": f"{ARRANGEMENTS}.pair.Pair",
        "translearn.data.office31.Office31": f"{ARRANGEMENTS}.pair.Pair",
        "translearn.data.folder.Folder": f"{ARRANGEMENTS}.folders.FolderPair",
        "translearn.data.fsdd.SpokenDigits": f"{ARRANGEMENTS}.speakers.SpeakerPair",
        "translearn.data.digit_tasks.DigitTasks": f"{ARRANGEMENTS}.tasks.SeveralTasks",
        "translearn.data.digit_tasks.DigitsParity": f"{ARRANGEMENTS}.tasks.SeveralTasks",
        **{
            f"translearn.data.class_splits.{name}": f"{ARRANGEMENTS}.other_classes.OtherClasses"
            for name in ("DigitsSplit", "MnistSplit", "Office31Classes")
        },
        **{
            f"translearn.data.{name}": f"{ARRANGEMENTS}.unseen.Unseen"
            for name in (
                "unseen.DigitsAttributes",
                "unseen.MnistAttributes",
                "unseen_photos.PhotoFolder",
                "unseen_photos.Office31ZeroShot",
                "gbu.GbuFeatures",
                "gbu_photos.GbuPhotos",
            )
        },
        "translearn.methods.zeroshot.ZeroShot": "translearn.methods.zeroshot.zeroshot.ZeroShot",
    },
    options={
        "translearn.data.digits.Digits": {
            "title": "digits",
            "source": "digits",
            "target": "digits_photos",
        },
        "translearn.data.office31.Office31": {
            "title": "office31:{source}->{target}",
            "source": "amazon",
            "target": "webcam",
            "protocol": "transductive",
        },
        "translearn.data.digit_tasks.DigitsParity": {
            "title": "digits_parity",
            "tasks": ["digits", "digits_photos", "digits_8x8"],
            "names": ["source", "target", "parity"],
        },
        "translearn.data.class_splits.DigitsSplit": {"title": "digits_split", "set": "digits"},
        "translearn.data.class_splits.MnistSplit": {"title": "mnist_split", "set": "mnist"},
        "translearn.data.class_splits.Office31Classes": {
            "title": "office31_classes:{set}",
            "set": "office31",
            "source_classes": 16,
            "class_seed": 7,
        },
        "translearn.data.unseen.DigitsAttributes": {
            "title": "digits_attributes",
            "set": "digits",
            "unseen": 3,
        },
        "translearn.data.unseen.MnistAttributes": {
            "title": "mnist_attributes",
            "set": "mnist",
            "unseen": 3,
        },
        "translearn.data.unseen_photos.PhotoFolder": {
            "title": "folder_zeroshot:{set}",
            "set": "folder",
            "unseen": 2,
        },
        "translearn.data.unseen_photos.Office31ZeroShot": {
            "title": "office31_zeroshot:{set}",
            "set": "office31",
            "unseen": 10,
        },
        "translearn.data.gbu.GbuFeatures": {"set": "AWA2", "val_fraction": 0.0},
        "translearn.data.gbu_photos.GbuPhotos": {"set": "AwA2"},
    },
    keys={},
    choices={},
    metrics={},
)


def present_target(target: str) -> str:
    """What a ``_target_`` of any release is called now."""
    parts = target.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if name in RENAMED.targets:
            return ".".join([RENAMED.targets[name], *parts[end:]])
    return target


def present(config: Mapping[str, Any]) -> Config:
    """A stored configuration of any release, by the names of this one."""
    added = RENAMED.options.get(str(config.get("_target_")), {})
    return {key: _present_value(key, value) for key, value in {**added, **config}.items()}


def _present_value(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return present(value)
    return present_target(value) if key == "_target_" else value


@functools.cache
def warn_once(old: str, new: str) -> None:
    """Tell, once a process, that a name is one of an earlier release."""
    print(f"warning: {old} is called {new} now; the old name still works", file=sys.stderr)
