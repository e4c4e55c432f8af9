"""result.json: what a run reports, written last of all. Imports no torch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import isnan
from pathlib import Path
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

from translearn.artifacts.atomic import write_atomic
from translearn.renamed.names import RENAMED
from translearn.settings import fingerprint
from translearn.system.reading import json_value

SCHEMA = 1  # of result.json; files of release 0.1 have none and are read all the same


ENDS = ("done", "failed", "interrupted", "killed")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run reports, however it ended; what it did not come to has its default.

    Attributes:
        schema: of the file.
        status: one of ``ENDS``.
        reason: why it is not done; empty for a run that is.
        experiment: the published setting that it was started with.
        pretrained: whether the backbone's weights came from an earlier training.
        oracle: whether target test labels selected the weights.
        budget: labelled source samples that it was given, ``run.source_samples``.
        fingerprint: of the config; runs that differ in what decides a result differ in it.
        quadrant: which labels the method was given.
        references: the reference rows that fit its data and backbone; none for one of them.
        metrics: flat names such as ``target/test/accuracy``; what has no labels is absent.
        headline: the metric that tables show.
        objective: the ``metric`` that a sweeper may optimise, and its ``value``.
        rules: the rules of selection whose scores it recorded.
        per_class: task -> class -> test accuracy.
        cluster_sizes: task -> how many test samples each cluster holds.
        splits: task -> split -> ``samples``, and ``per_class`` where labels may be known: of a
            training split those that the method was given.
        phases: name, steps and what learned, of each.
        samples: drawn in training, over all streams.
        source_samples: those of them that came from the source with their labels.
        precision_reason: why it is this precision.
        elapsed_seconds: from the start of this process to its end, building and scoring included.
        data_fingerprint: sha256 of what was read: classes, splits, samples; see ``data.json``.
        data_places: key of each place that was read -> sha256 of what it held.
        files: of each folder that was read: files found, used, and left out by reason.
        environment: versions, device, threads, commit.
    """

    schema: int = SCHEMA
    status: str
    exit_code: int = 0
    reason: str = ""
    method: str | None = None
    data: str | None = None
    backbone: str | None = None
    pretrained: bool | None = None
    augment: str | None = None
    seed: int | None = None
    overrides: list[str] = field(default_factory=list)
    experiment: str | None = None
    selection: str | None = None
    oracle: bool = False
    label_budget: int | None = None
    budget: int = 0
    fingerprint: str | None = None
    quadrant: str | None = None
    protocol: str | None = None
    references: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    headline: str | None = None
    objective: dict[str, Any] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    select_floor: float = 0.0
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)
    cluster_sizes: dict[str, list[int]] = field(default_factory=dict)
    splits: dict[str, Any] = field(default_factory=dict)
    phases: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    samples: int = 0
    source_samples: int = 0
    selected_step: int | None = None
    train_seconds: float | None = None
    train_core_seconds: float | None = None
    samples_per_second: float | None = None
    elapsed_seconds: float | None = None
    peak_memory_mb: float | None = None
    precision: str | None = None
    precision_reason: str | None = None
    deterministic: bool | None = None
    files: dict[str, Any] = field(default_factory=dict)
    data_fingerprint: str | None = None
    data_places: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The result in a file of this release or an earlier one; unknown keys are left out.

        Raises:
            ValueError: it is not that of a run, saying why.
        """
        if values.get("status") not in ENDS:
            raise ValueError(f"its status is none of {', '.join(ENDS)}")
        if values.get("schema", SCHEMA) != SCHEMA:
            raise ValueError(
                f"its schema is {shortened(values['schema'])}; this release reads {SCHEMA}"
            )
        known = {f.name: values[f.name] for f in fields(Result) if values.get(f.name) is not None}
        for name, value in known.items():
            if not _fits(value, HINTS[name]):
                raise ValueError(f"its {name} is {shortened(value)}")
        return cls(**{**known, **_present(known)})


HINTS = get_type_hints(Result)


def _fits(value: object, hint: Any) -> bool:
    """Whether a value of JSON has a field's type; a whole number may stand for any number."""
    if isinstance(hint, UnionType):
        return any(_fits(value, choice) for choice in get_args(hint))
    kind, inside = get_origin(hint) or hint, get_args(hint)
    if kind is Any:
        return True
    if kind is float:
        return type(value) in (int, float)
    if kind is dict:
        return isinstance(value, dict) and all(_fits(one, inside[1]) for one in value.values())
    if kind is list:
        return isinstance(value, list) and all(_fits(one, inside[0]) for one in value)
    return type(value) is kind


def _present(known: Mapping[str, Any]) -> dict[str, Any]:
    """Data and metrics by the names of today; what is no number is none."""
    metrics, data = known.get("metrics", {}), known.get("data")
    headline = known.get("headline")
    return {
        "metrics": {
            RENAMED.metrics.get(name, name): value
            for name, value in metrics.items()
            if isinstance(value, int | float) and not isnan(value)
        },
        "headline": headline and RENAMED.metrics.get(headline, headline),
        "data": data and RENAMED.data.get(data, data),
    }


def started(config: Mapping[str, Any], status: str) -> Result:
    """What the config alone says of a run; a value that makes no sense is left out."""
    parts = {name: value for name, value in config.items() if isinstance(value, Mapping)}
    data, run = parts.get("data", {}), parts.get("run", {})
    select = run.get("select")
    named = {group: parts.get(group, {}).get("name") for group in NAMED}
    told = {
        **named,
        "seed": config.get("seed"),
        "overrides": config.get("overrides", []),
        "experiment": config.get("experiment"),
        "selection": None if select is None else str(select),
        "protocol": data.get("protocol"),
        "label_budget": data.get("target_labels_per_class") or data.get("target_labels"),
        "budget": run.get("source_samples"),
        "fingerprint": fingerprint(config),
    }
    fitting = {name: value for name, value in told.items() if _fits(value, HINTS[name])}
    return Result(status=status, oracle=select == "oracle", **{**fitting, **_present(fitting)})


NAMED = ("method", "data", "backbone", "augment")


def shortened(value: object) -> str:
    """A value as a message shows it."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def write_result(folder: Path, result: Result) -> None:
    """Write result.json.

    Raises:
        OSError: the disk is full or not writable.
    """
    write_atomic(folder / "result.json", (json.dumps(asdict(result), indent=2) + "\n").encode())


def load_result(folder: Path) -> Result:
    """result.json of a run folder.

    Raises:
        OSError: it is missing, or cannot be read.
        ValueError: it is not that of a run, saying why.
    """
    values = json_value(folder / "result.json")
    if not isinstance(values, dict):
        raise ValueError("it is no JSON object")
    return Result.of(values)


def read_result(folder: Path) -> Result | None:
    """result.json of a run folder, or None where there is none that can be read."""
    try:
        return load_result(folder)
    except (OSError, ValueError):
        return None
