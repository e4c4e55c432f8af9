"""Methods x data, with a paired test over seeds; the table in LaTeX. Imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import mean

from scipy.stats import ttest_rel

from translearn.report.collect import Run
from translearn.report.grid import ORACLE, deviation, note, spread, title
from translearn.report.references import NEGATIVE
from translearn.report.rows import Row, group, same_budget, source_only_of
from translearn.system.printing import printable

SIGNIFICANT = 0.05


LEAST_SEEDS = 3  # with two there is one degree of freedom, and no test says anything


TEST = (
    "paired t-test over shared seeds (two-sided, scipy.stats.ttest_rel), "
    "not corrected for the number of comparisons"
)


LEAST_DEVIATION = 1e-12  # of the differences: below it they are one number, and no test applies


@dataclass(frozen=True)
class Cell:
    """One row of runs in the table.

    Attributes:
        row: the runs.
        text: mean ± standard deviation.
        count: seeds that have the metric.
        best: whether its mean is the highest of the column that may be called the best.
        close: whether the paired test cannot tell it from the best one.
        note: oracle selection, negative transfer.
    """

    row: Row
    text: str
    count: int
    best: bool
    close: bool
    note: str


@dataclass(frozen=True)
class Difference:
    """A row against source_only on the seeds that both have.

    Attributes:
        label: of the row.
        column: of the table.
        seeds: how many are shared.
        text: mean ± standard deviation of the differences.
        p: of the paired test, or None where it does not apply.
    """

    label: str
    column: str
    seeds: int
    text: str
    p: float | None


@dataclass(frozen=True)
class Comparison:
    """The table.

    Attributes:
        columns: their labels: the data and what varies about them.
        rows: label of the method and what varies about it -> a cell of each column, or None.
        differences: every method against source_only.
    """

    columns: list[str]
    rows: dict[str, list[Cell | None]]
    differences: list[Difference]


def compare(runs: Sequence[Run], metric: str | None = None) -> Comparison:
    """Put the runs that are done in a table of methods x data.

    Args:
        runs: as collected.
        metric: instead of each row's headline metric.
    """
    rows = [row for row in group(runs)[0] if shown_metric(row, metric)]
    # what a data set's recipe brings is no part of the method
    own = [key for key in ("backbone", "augment") if not _decided_by_data(rows, key)]
    column_keys, row_keys = ["data", "protocol", "label_budget"], ["method", *own, "selection"]
    columns = {
        id(row): (*_parts(row, column_keys, True), shown_metric(row, metric)) for row in rows
    }
    lines = {id(row): _parts(row, row_keys, False) for row in rows}
    column_labels = _labels([columns[id(row)] for row in rows], ["data", "metric"])
    line_labels = _labels([lines[id(row)] for row in rows], ["method"])
    names = list(dict.fromkeys(column_labels[columns[id(row)]] for row in rows))
    table: dict[str, list[Cell | None]] = {}
    differences = []
    for row in rows:
        column, line = column_labels[columns[id(row)]], line_labels[lines[id(row)]]
        beside = [other for other in rows if columns[id(other)] == columns[id(row)]]
        name = shown_metric(row, metric)
        cells = table.setdefault(line, [None] * len(names))
        cells[names.index(column)] = make_cell(row, beside, rows, name)
        reference = source_only_of(row, rows)
        if reference is not None and not row.reference and same_budget(row, reference):
            difference = against(row, reference, name, line, column)
            differences += [difference] if difference.seeds else []
    return Comparison(names, table, differences)


def shown_metric(row: Row, metric: str | None) -> str:
    """The metric that a row is shown with; empty where no run of it has one."""
    name = metric or row.headline
    return name if name and row.values(name) else ""


def make_cell(row: Row, beside: Sequence[Row], rows: Sequence[Row], metric: str) -> Cell:
    """A cell; ``beside`` are the rows of its column, itself included."""
    fair = [other for other in beside if may_be_best(other)]
    best = max(fair, key=lambda other: mean(other.values(metric)), default=None)
    p = None if best is None else paired_test(of_seeds(row, metric), of_seeds(best, metric))[1]
    values = row.values(metric)
    return Cell(
        row=row,
        text=spread(metric, values),
        count=len(values),
        best=len(fair) > 1
        and best is not None
        and row in fair
        and mean(values) == mean(best.values(metric)),
        close=row in fair and row is not best and p is not None and p >= SIGNIFICANT,
        note=note(row, rows),
    )


def may_be_best(row: Row) -> bool:
    """Not where target test labels chose the weights, and not the upper reference."""
    oracle = any(run.oracle for run in row.runs)
    return not oracle and row.key["method"] != "target_only"


def of_seeds(row: Row, metric: str) -> dict[int | None, float]:
    """Seed -> value."""
    return {run.seed: run.metrics[metric] for run in row.runs if metric in run.metrics}


def paired_test(
    first: Mapping[int | None, float], second: Mapping[int | None, float]
) -> tuple[list[float], float | None]:
    """The differences (first - second) on shared seeds, and the p-value of the paired t-test.

    None with fewer than ``LEAST_SEEDS`` shared seeds, or where all differences are one number.
    """
    seeds = [seed for seed in first if seed in second]
    differences = [first[seed] - second[seed] for seed in seeds]
    if len(seeds) < LEAST_SEEDS or not all(map(isfinite, differences)):
        return differences, None
    if deviation(differences) < LEAST_DEVIATION:
        return differences, None
    p = ttest_rel([first[seed] for seed in seeds], [second[seed] for seed in seeds]).pvalue
    return differences, float(p)


def against(row: Row, reference: Row, metric: str, label: str, column: str) -> Difference:
    """A row compared with its source_only row."""
    differences, p = paired_test(of_seeds(row, metric), of_seeds(reference, metric))
    return Difference(label, column, len(differences), spread(metric, differences), p)


def _decided_by_data(rows: Sequence[Row], key: str) -> bool:
    """Whether each data set came with one value of ``key``, as its recipe gives it."""
    values: dict[object, set[object]] = {}
    for row in rows:
        values.setdefault(row.key["data"], set()).add(row.key[key])
    return all(len(found) == 1 for found in values.values())


def _parts(row: Row, keys: Sequence[str], about_data: bool) -> tuple[tuple[str, str], ...]:
    """(name, value) of the keys, and the settings that are about the data, or the others."""
    named = [(key, str(row.key[key])) for key in keys]
    options = [o for o in row.settings if o.startswith("data.") is about_data]
    return (*named, ("settings", " ".join(options)))


def _labels(parts: Sequence[tuple[object, ...]], always: Sequence[str]) -> dict[object, str]:
    """A label for each: what is always told, and what differs among them."""
    labels: dict[object, str] = {}
    for one in parts:
        told = []
        for i, part in enumerate(one):
            name, value = part if isinstance(part, tuple) else ("metric", title(str(part)))
            differs = len({other[i] for other in parts}) > 1
            if value and (name in always or (differs and value != "None")):
                bare = name in ("data", "method", "settings", "metric")
                told.append(value if bare else f"{name.replace('_', ' ')} {value}")
        labels[one] = ", ".join(told)
    return labels


SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "—": "--", "≈": r"$\approx$", "\n": " ", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "-": "{-}", '"': "''",
}  # fmt: skip


def tex(text: str) -> str:
    """Text as LaTeX prints it."""
    line = " ".join(printable(text).split())
    return "".join(SPECIAL.get(letter, letter) for letter in line)


def latex(comparison: Comparison) -> str:
    """The table for LaTeX with the package booktabs."""
    lines = [
        r"% needs \usepackage{booktabs}",
        rf"\begin{{tabular}}{{l{'r' * len(comparison.columns)}}}",
        r"\toprule",
        " & ".join(["method", *map(tex, comparison.columns)]) + r" \\",
        r"\midrule",
    ]
    for label, cells in comparison.rows.items():
        lines.append(" & ".join([tex(label), *map(_tex_cell, cells)]) + r" \\")
    below = "bold: best mean; approx: not told from it; downarrow: below source_only"
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", f"% {below}", f"% {TEST}", ""])


def _tex_cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    text = tex(cell.text)
    marks = [tex(m) for m, here in (("≈", cell.close), (ORACLE, ORACLE in cell.note)) if here]
    marks += [r"$\downarrow$"] if NEGATIVE in cell.note else []
    return " ".join([rf"\textbf{{{text}}}" if cell.best else text, *marks])
