"""Runs as a table of text: mean ± std over seeds, notes, CSV and Markdown. Imports no torch."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean

from translearn.report.collect import Run
from translearn.report.references import MEANING, at_chance, not_compared, reference_marks
from translearn.report.rows import KEYS, Row, common_settings, group, source_only_of
from translearn.system.printing import cell as in_cell
from translearn.system.printing import markdown_text

ACCURACIES = ("target/test/accuracy", "source/test/accuracy")


PERCENT = ("macro_f1", "t1", "seen", "unseen", "harmonic_mean", "purity")  # besides accuracies


HELD_OUT = "source (held-out 10 %)"  # the source's test images of the transductive protocol


ORACLE = "ORACLE"


# Of the CSV, before the metrics.
COLUMNS = (
    *("folder", "status", "reason", "method", "data", "backbone", "augment", "seed", "protocol"),
    *("label_budget", "selection", "oracle", "quadrant", "headline", "train_seconds"),
    *("train_core_seconds", "samples_per_second", "experiment"),
)


MOST_OLDER = 5  # runs replaced by newer ones that are told one by one


@dataclass(frozen=True)
class Grid:
    """An aggregated table as text.

    Attributes:
        above: what holds for all rows.
        header: the name of each column.
        words: the columns that hold words, which may be wrapped, rather than numbers.
        cells: the rows.
        below: what the signs mean, and the runs that are not in the table.
    """

    above: list[str]
    header: list[str]
    words: list[str]
    cells: list[list[str]]
    below: list[str]


def is_percent(metric: str) -> bool:
    """Whether a metric is shown in percent; the others have three decimals."""
    name = metric.rsplit("/", 1)[-1]
    return "accuracy" in name or name in PERCENT


def amount(metric: str, value: float) -> str:
    """One value of a metric as it is shown."""
    return f"{100 * value:.2f}" if is_percent(metric) else f"{value:.3f}"


def deviation(values: Sequence[float]) -> float:
    """The sample standard deviation of two values or more (statistics.stdev refuses nan)."""
    center = mean(values)
    return sqrt(sum((value - center) ** 2 for value in values) / (len(values) - 1))


def spread(metric: str, values: Sequence[float]) -> str:
    """Mean ± sample standard deviation, which one value does not have."""
    if not values:
        return ""
    around = amount(metric, deviation(values)) if len(values) > 1 else "—"
    return f"{amount(metric, mean(values))} ± {around}"


def title(metric: str) -> str:
    """The head of a metric's column."""
    name = metric.removesuffix("/accuracy").replace("/", " ") if "/accuracy" in metric else metric
    return f"{name} %" if is_percent(metric) else name


def aggregate(runs: Sequence[Run], metric: str | None = None) -> Grid:
    """The rows that can be compared, their notes, and what did not come to its end."""
    rows, older = group(runs)
    names = [name.replace("_", " ") for name in KEYS] + ["settings"]
    keys = [[_text(row.key[k]) for k in KEYS] + [" ".join(row.settings)] for row in rows]
    varying = [i for i, name in enumerate(names) if name == "method" or _differ(keys, i)]
    constant = [
        f"{name}: {keys[0][i]}"
        for i, name in enumerate(names)
        if rows and i not in varying and keys[0][i] not in ("", "—")
    ]
    headlines = [metric] if metric else sorted({row.headline for row in rows if row.headline})
    others = sorted(
        {m for run in runs for m in run.metrics if m.endswith(("/test/accuracy", "/test/r2"))}
    )
    metrics = [
        m
        for m in dict.fromkeys([*headlines, *ACCURACIES, *others])
        if any(r.values(m) for r in rows)
    ]
    notes = [note(row, rows) for row in rows]
    budgets = ["steps", "source samples"] if any(r.runs[0].source_samples for r in rows) else []
    header = [*(names[i] for i in varying), *map(title, metrics), "seeds", *budgets]
    header += ["train s", "core s"]
    cells = [
        [
            *(key[i] for i in varying),
            *(cell(row, m) for m in metrics),
            seeds(row),
            *(drawn(row) if budgets else []),
            average([run.train_seconds for run in row.runs]),
            average([run.train_core_seconds for run in row.runs]),
            *([text] if any(notes) else []),
        ]
        for row, key, text in zip(rows, keys, notes, strict=True)
    ]
    common = sorted(common_settings([run for run in runs if run.status == "done"]))
    constant += [f"settings: {' '.join(common)}"] if common else []
    header += ["note"] if any(notes) else []
    below = legend(rows, notes) + unfinished(runs, older)
    return Grid([", ".join(constant)] if constant else [], header, [*names, "note"], cells, below)


def _text(value: object) -> str:
    return "—" if value is None else str(value)


def _differ(keys: Sequence[Sequence[str]], index: int) -> bool:
    return len({key[index] for key in keys}) > 1


def cell(row: Row, metric: str) -> str:
    """A metric of a row; says so when not all seeds have it."""
    values = row.values(metric)
    part = f" ({len(values)} of {len(row.runs)})" if 0 < len(values) < len(row.runs) else ""
    return spread(metric, values) + part


def seeds(row: Row) -> str:
    """The seeds of a row, or how many where they are many."""
    listed = ",".join(str(run.seed) for run in row.runs)
    return listed if len(row.runs) <= 5 else f"{len(row.runs)} seeds"


def drawn(row: Row) -> list[str]:
    """The steps of a row and its labelled source samples; a word where there are none."""
    first = row.runs[0]
    steps = str(first.steps) if first.steps else "no steps"
    if first.source_samples or not first.steps:
        return [steps, str(first.source_samples or "—")]
    return [steps, f"— ({first.samples} own)"]


def average(values: Sequence[float | None]) -> str:
    """The mean of the values that exist."""
    known = [value for value in values if value is not None]
    return f"{mean(known):.1f}" if known else ""


def note(row: Row, rows: Sequence[Row]) -> str:
    """What a reader must not miss about a row: oracle selection, negative transfer."""
    notes = [ORACLE] if any(run.oracle for run in row.runs) else []
    notes += at_chance(row)
    marks = reference_marks(row, rows)
    notes += [f"{mark} ({amount(row.headline or '', value)})" for mark, value in marks]
    notes += not_compared(row, rows)
    return " ".join(notes)


def legend(rows: Sequence[Row], notes: Sequence[str]) -> list[str]:
    """What the signs in the table mean, and which rows have nothing to be compared with."""
    lines = []
    lines += [f"{m}: {said}" for m, said in MEANING.items() if any(m in text for text in notes)]
    if any(ORACLE in text for text in notes):
        lines.append(f"{ORACLE}: weights selected on target test labels; no fair figure")
    if any(row.key["protocol"] == "transductive" for row in rows):
        lines.append(
            "protocol transductive: source test is a held-out 10 %, target test all of the target"
        )
    alone = [r for r in rows if not r.reference and source_only_of(r, rows) is None]
    missing = sorted({f"data={row.key['data']} augment={row.key['augment']}" for row in alone})
    lines += [f"no source_only row to compare with: {setting}" for setting in missing]
    return lines


def unfinished(runs: Sequence[Run], older: Sequence[Run]) -> list[str]:
    """A line for each run that is not in the table, with its reason."""
    lines = [
        f"{run.method} on {run.data} seed={run.seed} was run again, the newest counts, not "
        f"[{run.folder}]"
        for run in older[:MOST_OLDER]
    ]
    if len(older) > MOST_OLDER:
        lines.append(f"and {len(older) - MOST_OLDER} more that were run again")
    for run in runs:
        if run.status != "done":
            first = f": {run.reason.splitlines()[0]}" if run.reason.strip() else ""
            what = f"{run.method} on {run.data} seed={run.seed}"
            lines.append(f"{run.status.upper()} {what}{first} [{run.folder}]")
    return lines


def markdown(grid: Grid) -> str:
    """The aggregated table in GitHub's Markdown."""
    rule = ["---"] * len(grid.header)
    rows = [grid.header, rule, *grid.cells] if grid.cells else []
    table = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in rows]
    above, below = (map(markdown_text, lines) for lines in (grid.above, grid.below))
    parts = ["  \n".join(above), "\n".join(table), "\n".join(f"- {line}" for line in below)]
    return "\n\n".join(part for part in parts if part) + "\n"


def comma_separated(runs: Sequence[Run]) -> str:
    """One line a run: what describes it, then every metric that any run has.

    Texts that a spreadsheet would take for formulas have a ``'`` before them.
    """
    metrics = sorted({name for run in runs for name in run.metrics})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, "overrides", *map(in_cell, metrics)])
    for run in runs:
        values = [getattr(run, name) for name in COLUMNS]
        values += [" ".join(run.overrides), *(run.metrics.get(m) for m in metrics)]
        writer.writerow(map(in_cell, values))
    return out.getvalue()
