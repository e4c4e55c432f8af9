"""What a row stands beside: the reference rows, and what they say about it. Imports no torch."""

from collections.abc import Sequence
from statistics import mean

from translearn.report.collect import Row, reference_of

NO_BETTER = "no better than batch-norm statistics alone"
BELOW_FROZEN = "below the frozen features"

MEANING = {
    NO_BETTER: "not above adabn (its mean in brackets), which has no more than the target's own "
    "batch-norm statistics",
    BELOW_FROZEN: "below a linear head on the untouched pretrained features (its mean in brackets)",
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


def reference_marks(row: Row, rows: Sequence[Row]) -> list[tuple[str, float]]:
    """Each mark that a row gets from adabn and frozen, with the reference's mean."""
    if row.reference:
        return []
    marks = []
    adapted = shared_means(row, reference_of(row, rows, "adabn"))
    if adapted and adapted[0] <= adapted[1]:
        marks.append((NO_BETTER, adapted[1]))
    frozen = shared_means(row, reference_of(row, rows, "frozen"))
    if frozen and row.runs[0].pretrained and frozen[0] < frozen[1]:
        marks.append((BELOW_FROZEN, frozen[1]))
    return marks
