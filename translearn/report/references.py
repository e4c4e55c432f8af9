"""What a row stands beside: the reference rows, and what they say about it. Imports no torch."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

from translearn.artifacts.result import Result
from translearn.report.collect import Run
from translearn.report.rows import Row, budget, reference_of, same_budget

NEGATIVE = "▼ NEGATIVE TRANSFER"
NO_BETTER = "no better than batch-norm statistics alone"
BELOW_FROZEN = "below the frozen features"
NOT_COMPARED = "not compared"

MEANING = {
    NEGATIVE: "below source_only (its mean in brackets) on the same data, backbone, augmentation, "
    "protocol, label budget and seeds",
    NO_BETTER: "not above adabn (its mean in brackets), which has no more than the target's own "
    "batch-norm statistics",
    BELOW_FROZEN: "below a linear head on the untouched pretrained features (its mean in brackets)",
    NOT_COMPARED: "the reference had another budget (run.source_samples, in brackets)",
}


def shared_means(row: Row, other: Row | None) -> tuple[float, float] | None:
    """The means of a row and of another in the row's headline, on the seeds that both have."""
    metric = row.headline
    if not metric or other is None:
        return None
    seeds = [{run.seed for run in r.runs if metric in run.metrics} for r in (row, other)]
    shared = seeds[0] & seeds[1]
    if not shared:
        return None
    return mean(row.values(metric, shared)), mean(other.values(metric, shared))


def at_chance(row: Row) -> list[str]:
    """A mark for a row that is not above guessing by a twentieth of what is to be gained."""
    task, _, name = (row.headline or "").partition("/")
    classes = len(row.runs[0].per_class.get(task, ()))
    values = row.values(row.headline or "")
    if name != "test/accuracy" or classes < 2 or not values:
        return []
    chance = 1 / classes
    return (
        [f"at chance ({100 * chance:.0f} %)"] if mean(values) < chance + (1 - chance) / 20 else []
    )


JUDGED = {"source_only": NEGATIVE, "adabn": NO_BETTER, "frozen": BELOW_FROZEN}


def reference_marks(row: Row, rows: Sequence[Row]) -> list[tuple[str, float]]:
    """Each mark that a row gets from source_only, adabn and frozen, with the reference's mean."""
    if row.reference:
        return []
    marks = []
    for method, mark in JUDGED.items():
        other = reference_of(row, rows, method)
        means = shared_means(row, other)
        if other is None or means is None or not same_budget(row, other):
            continue
        passed = means[0] > means[1] or (means[0] == means[1] and method != "adabn")
        if not passed and (method != "frozen" or row.runs[0].pretrained):
            marks.append((mark, means[1]))
    return marks


def not_compared(row: Row, rows: Sequence[Row]) -> list[str]:
    """A mark for a row whose reference rows had other budgets, with theirs; none for references."""
    if row.reference:
        return []
    others = {name: reference_of(row, rows, name) for name in JUDGED}
    unequal = {n: o for n, o in others.items() if o is not None and not same_budget(row, o)}
    budgets = {str(budget(other)) for other in unequal.values()}
    if not unequal:
        return []
    return [f"{NOT_COMPARED} with {', '.join(unequal)} ({', '.join(sorted(budgets))})"]


# Options that a reference row does not take over: where, how and how far a run goes, not what.
NOT_TAKEN = ("method", "experiment", "recipe", "seed", "run.resume", "run.skip_done", "run.dry")


def compare_with(result: Result, seeds: Sequence[int | None] = ()) -> str | None:
    """The line that tells what a finished run stands beside, and the command that runs it.

    None for a reference row, and where no reference row fits the data.

    Args:
        result: of the run.
        seeds: to run them with; none: that of the run.
    """
    if not result.references:
        return None
    rows = ", ".join(result.references)
    if result.experiment:  # its file may set options that the other methods do not have
        return f"compare with {rows} on the same data, backbone, augmentation and budget"
    kept = [o for o in result.overrides if not taken_by_the_method(o)]
    given = any(option.startswith("run.source_samples=") for option in kept)
    words = [
        f"method={','.join(result.references)}",
        *kept,
        *([] if given or not result.budget else [f"run.source_samples={result.budget}"]),
        f"seed={','.join(map(str, seeds or [result.seed]))}",
    ]
    return f"compare with {rows}: tl-run -m {shlex.join(words)}"


def taken_by_the_method(override: str) -> bool:
    """Whether an option is about the method of a run, or only about this one run."""
    key = override.split("=", 1)[0].lstrip("+~")
    return key in NOT_TAKEN or key.startswith(("method.", "method/"))


def missing_references(runs: Sequence[Run]) -> list[str]:
    """A line for each data set of a sweep whose runs have no reference row beside them."""
    done = [run for run in runs if run.status == "done"]
    lines: dict[str | None, str] = {}
    for run in done:
        there = {other.method for other in done if other.data == run.data}
        missing = [name for name in run.references if name not in there]
        seeds = sorted({other.seed or 0 for other in done if other.data == run.data})
        line = compare_with(replace(run, references=missing), seeds)
        if line:
            lines.setdefault(run.data, line)
    return list(lines.values())
