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
        keys: options, such as ``method.neighbours``.
        choices: values that became choices of a group, such as ``method.cluster=scan``.
        metrics: names of figures in results.
    """

    targets: Mapping[str, str]
    keys: Mapping[str, str]
    choices: Mapping[str, str]
    metrics: Mapping[str, str]


RENAMED = Renamed(
    targets={
        "translearn.data.augment": "translearn.data.pipeline.augment",
        "translearn.data.speech": "translearn.data.pipeline.speech",
        "translearn.data.views": "translearn.data.pipeline.views",
        "translearn.data.class_splits": "translearn.data.arrangements.other_classes",
        "translearn.data.digit_tasks": "translearn.data.arrangements.tasks",
        "translearn.data.pairs": "translearn.data.arrangements.pairs",
        "translearn.data.unseen": "translearn.data.arrangements.unseen",
        "translearn.data.unseen_photos": "translearn.data.arrangements.unseen_photos",
        "translearn.data.digits": "translearn.data.sets.digits",
        "translearn.data.folder": "translearn.data.sets.folder",
        "translearn.data.fsdd": "translearn.data.sets.fsdd",
        "translearn.data.gbu": "translearn.data.sets.gbu",
        "translearn.data.gbu_photos": "translearn.data.sets.gbu_photos",
        "translearn.data.office31": "translearn.data.sets.office31",
        "translearn.methods.zeroshot.ZeroShot": "translearn.methods.zeroshot.zeroshot.ZeroShot",
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
    return {key: _present_value(key, value) for key, value in config.items()}


def _present_value(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return present(value)
    return present_target(value) if key == "_target_" else value


@functools.cache
def warn_once(old: str, new: str) -> None:
    """Tell, once a process, that a name is one of an earlier release."""
    print(f"warning: {old} is called {new} now; the old name still works", file=sys.stderr)
