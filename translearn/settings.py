"""Which settings decide a result, and in which of them two configurations differ."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from translearn.config import Config

# Keys that may differ between a run and its continuation: they change where, not what, and no bit
# of a result.
LOCATION_KEYS = (
    "data_root",
    "data.download",
    "output_root",
    "run.resume",
    "run.debug",
    "run.dry",
    "run.figures",
    "run.save_seconds",
    "run.skip_done",
    "run.job_minutes",
    "run.tracker",
    "run.resume_anyway",
    "run.workers",
    "run.resident_mb",
    "run.feature_cache",
    "run.log_every",
)


# Keys that act once the training is over: a run may be continued with another value, as they change
# no bit of the weights; but its result has other figures, so that two of them are two runs.
AFTERWARDS_KEYS = ("run.probe", "data.headline")


# Not settings: the record of how a run was asked for, and what its result is checked against.
RECORD_KEYS = ("overrides", "experiment", "claim")


def flatten(config: Mapping[str, Any], prefix: str = "") -> Config:
    """Nested keys joined by dots."""
    flat: Config = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


TEST_KEYS = ("method.smoke_data", "method.variants")  # read by tests alone


def decides(key: str) -> bool:
    """Whether a key, joined by dots, is a setting that may change a result."""
    return not (key in LOCATION_KEYS or key in TEST_KEYS or key.split(".")[0] in RECORD_KEYS)


def differences(
    stored: Mapping[str, Any], current: Mapping[str, Any], training: bool = False
) -> list[str]:
    """The keys that decide a result and differ, as ``key: stored -> current``.

    Args:
        stored: config of an earlier run.
        current: another config.
        training: only the keys that decide the weights, and so whether a run can be continued.
    """
    old, new = flatten(stored), flatten(current)
    passed_over = AFTERWARDS_KEYS if training else ()
    return [
        f"{key}: {old.get(key)} -> {new.get(key)}"
        for key in sorted(old.keys() | new.keys())
        if decides(key) and key not in passed_over and old.get(key) != new.get(key)
    ]


def fingerprint(config: Mapping[str, Any]) -> str:
    """A hash that two configs share if and only if they have no ``differences``."""
    decisive = {
        key: value for key, value in flatten(config).items() if value is not None and decides(key)
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
