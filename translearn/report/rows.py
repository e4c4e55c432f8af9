"""Runs grouped into the rows of a table. Imports no torch.

A row holds the seeds of one setting and nothing else: runs that differ in data, method, backbone,
augmentation, protocol, label budget, selection rule or any other option never share a row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from translearn.report.collect import Run
from translearn.report.stored import told_apart
from translearn.settings import LOCATION_KEYS

KEYS = ("data", "method", "backbone", "augment", "protocol", "label_budget", "selection")


# What negative transfer is judged within; the seeds are matched one by one.
COMPARED = ("data", "backbone", "augment", "protocol", "label_budget")


REFERENCES = ("source_only", "adabn", "frozen", "target_only")  # in the order of a table


# Overrides that are columns of their own, or that say where and how fast a run computes, not what.
NOT_SETTINGS = {
    *("method", "data", "backbone", "augment", "seed", "sweep", *LOCATION_KEYS),
    *("data.protocol", "data.target_labels_per_class"),
    *("run.select", "run.device", "run.threads", "run.rules"),
}


@dataclass(frozen=True)
class Row:
    """The seeds of one setting.

    Attributes:
        key: the value of each of ``KEYS``.
        settings: options that not every run of the table was given.
        runs: done runs in the order of their seeds, one a seed.
    """

    key: Mapping[str, Any]
    settings: tuple[str, ...]
    runs: tuple[Run, ...]

    @property
    def reference(self) -> bool:
        """Whether this is a row to compare with rather than a transfer method."""
        return self.runs[0].quadrant == "reference"

    @property
    def headline(self) -> str | None:
        """The metric that this row is judged by."""
        return self.runs[0].headline

    def values(self, metric: str, seeds: Iterable[int | None] | None = None) -> list[float]:
        """``metric`` of every run that has it, or of those with the given seeds."""
        wanted = [run for run in self.runs if seeds is None or run.seed in set(seeds)]
        return [run.metrics[metric] for run in wanted if metric in run.metrics]


def group(runs: Sequence[Run]) -> tuple[list[Row], list[Run]]:
    """Group the runs that are done: by the options given, and by the configs stored.

    Returns:
        The rows, by data with the reference methods first, and the runs left out because a newer
        one with the same setting and seed stands in the table.
    """
    done = [run for run in runs if run.status == "done"]
    common = common_settings(done)
    newest: dict[tuple[Any, ...], dict[int | None, Run]] = {}
    older: list[Run] = []
    alike: dict[tuple[Any, ...], list[Run]] = {}
    for run in sorted(done, key=lambda run: run.finished):
        given = tuple(sorted(settings(run) - common))
        alike.setdefault((*(getattr(run, name) for name in KEYS), given), []).append(run)
    apart: dict[Path, tuple[str, ...]] = {}
    for runs_alike in alike.values():
        places = {f"data.{key}" for run in runs_alike for key in run.data_places}
        apart |= told_apart([run.folder for run in runs_alike], NOT_SETTINGS | places)
    for key, run in ((key, run) for key, found in alike.items() for run in found):
        key = (*key[:-1], (*key[-1], *apart[run.folder]))
        seeds = newest.setdefault(key, {})
        if run.seed in seeds:
            older.append(seeds[run.seed])
        seeds[run.seed] = run
    rows = [
        Row(
            key=dict(zip(KEYS, key[:-1], strict=True)),
            settings=key[-1],
            runs=tuple(sorted(seeds.values(), key=lambda run: (run.seed is None, run.seed or 0))),
        )
        for key, seeds in newest.items()
    ]
    return sorted(rows, key=_order), older


def _order(row: Row) -> tuple[Any, ...]:
    first = [str(row.key[name]) for name in ("data", "protocol", "label_budget")]
    rest = [str(row.key[name]) for name in KEYS]
    place = REFERENCES.index(row.key["method"]) if row.key["method"] in REFERENCES else 0
    return (*first, not row.reference, place, *rest, row.settings)


def settings(run: Run) -> set[str]:
    """The options a run was given that say what it computes and have no column of their own."""
    return {o for o in run.told if o.split("=", 1)[0].lstrip("+~") not in NOT_SETTINGS}


def common_settings(runs: Sequence[Run]) -> set[str]:
    """The options that every run was given."""
    options = [settings(run) for run in runs]
    return set.intersection(*options) if options else set()


def source_only_of(row: Row, rows: Sequence[Row]) -> Row | None:
    """The source-only row that a row is judged by, as ``reference_of`` finds it."""
    return reference_of(row, rows, "source_only")


def budget(row: Row) -> int:
    """``run.source_samples`` of a row; of a run that had no such key, what it drew; 0: unknown."""
    return row.runs[0].budget or row.runs[0].source_samples


def same_budget(row: Row, other: Row) -> bool:
    """Whether two rows were given as many labelled source samples, as far as that is known."""
    return budget(row) == budget(other) or 0 in (budget(row), budget(other))


def reference_of(row: Row, rows: Sequence[Row], method: str) -> Row | None:
    """The row of a reference method that a row is judged by: same data, backbone, augmentation,
    protocol and label budget, and of those the one closest in budget, selection rule and other
    options.
    """

    def options(of: Row, about_data: bool) -> set[str]:
        known = {option for option in of.settings if not option.startswith(("method.", "method/"))}
        return {option for option in known if option.startswith("data.") is about_data}

    def distance(other: Row) -> tuple[bool, bool, int]:
        differs = other.key["selection"] != row.key["selection"]
        apart = len(options(row, False) ^ options(other, False))
        return not same_budget(row, other), differs, apart

    same = [
        other
        for other in rows
        if other.key["method"] == method
        and all(other.key[name] == row.key[name] for name in COMPARED)
        and options(other, True) == options(row, True)
    ]
    return min(same, key=distance, default=None)
