"""tl-table --rules: what each rule of model selection would have chosen. Imports no torch.

A report on choices: the target test accuracies in it were recorded, and no rule but the oracle
has read them.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from translearn.config import Select
from translearn.errors import ConfigError
from translearn.metrics.choice import FLOOR_METRIC, RULES, BestSoFar, chooses, metric_of
from translearn.report.collect import Run
from translearn.report.grid import Grid, amount, spread
from translearn.report.rows import KEYS, Row, group
from translearn.system.reading import json_lines

TEST = metric_of(Select.oracle)


ORACLE = "oracle (target test labels)"


ANY = "any (the mean of all)"


FIGURES = ("target test %", "gap to oracle", "largest gap")


Metrics = Mapping[str, float]


def rule_grids(runs: Sequence[Run]) -> list[Grid]:
    """Tables over the runs that were started with ``run.rules=true``.

    The first is about the weights within a run, where target test accuracies were recorded at its
    evaluation points; the second about the options that a sweep varies. A table with nothing to
    choose from is left out.

    Raises:
        ConfigError: no run has scores of rules, or nothing can be compared.
    """
    rows = [
        row
        for row in group(runs)[0]
        if all(run.rules and compared(run) <= set(run.metrics) for run in row.runs)
    ]
    if not rows:
        raise ConfigError("--rules: no run has scores of rules; start runs with run.rules=true")
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        alike.setdefault(tuple(str(row.key[name]) for name in KEYS), []).append(row)
    varying = [i for i, n in enumerate(KEYS) if n == "method" or len({key[i] for key in alike}) > 1]
    weights = [
        [*(key[i] for i in varying), *cells] for key in alike for cells in weights_cells(alike[key])
    ]
    options = [
        [*(key[i] for i in varying), *cells] for key in alike for cells in options_cells(alike[key])
    ]
    if not weights and not options:
        raise ConfigError(
            "--rules: these runs leave nothing to compare\n"
            "add run.evaluate=[val,test] to compare the weights of a run, or sweep an option"
        )
    names = [KEYS[i].replace("_", " ") for i in varying]
    found = (
        ("the weights of a run, out of its evaluation points", ["runs"], weights),
        (
            "the options of a sweep, by the weights that each run reports",
            ["seeds", "chosen"],
            options,
        ),
    )
    grids = []
    for about, last, cells in found:
        header = [*names, "rule", *FIGURES, *last]
        above = [f"Chosen: {about} (mean ± std over {last[0]})"]
        grids += [Grid(above, header, [*names, "rule", "chosen"], cells, [])] if cells else []
    return grids


def weights_cells(rows: Sequence[Row]) -> list[list[str]]:
    """A line a rule: the evaluation points that it takes, one of each run."""
    recorded = {run.folder: points_of(run) for row in rows for run in row.runs}
    runs = [
        run
        for row in rows
        for run in row.runs
        if recorded[run.folder] and all(TEST in point for point in recorded[run.folder])
    ]
    cells = []
    for rule in [Select.last, *shared_rules(runs), Select.oracle] if runs else []:
        taken = [chosen_point(rule, recorded[run.folder], run.select_floor)[TEST] for run in runs]
        best = [max(point[TEST] for point in recorded[run.folder]) for run in runs]
        cells.append([shown(rule), *figures(taken, best), str(len(runs))])
    return cells


def options_cells(rows: Sequence[Row]) -> list[list[str]]:
    """A line a rule: the setting that it takes for each seed, out of those run with that seed."""
    by_seed: dict[int | None, list[tuple[str, Run]]] = {}
    for row in rows:
        for run in row.runs:
            by_seed.setdefault(run.seed, []).append((" ".join(row.settings) or "defaults", run))
    sweeps = [settings for settings in by_seed.values() if len(settings) > 1]
    runs = [run for settings in sweeps for _, run in settings]
    if not sweeps:
        return []
    known = all(TEST in run.metrics for run in runs)
    best = [max(run.metrics.get(TEST, math.nan) for _, run in settings) for settings in sweeps]
    cells = []
    for rule in [*shared_rules(runs), *([Select.oracle] if known else [])]:
        taken = [chosen_setting(rule, settings) for settings in sweeps]
        times = Counter(setting for setting, _ in taken)
        chosen = "; ".join(f"{s} ({n})" if len(times) > 1 else s for s, n in times.most_common())
        values = [run.metrics[TEST] for _, run in taken] if known else []
        cells.append([shown(rule), *figures(values, best), str(len(sweeps)), chosen])
    if known:
        means = [mean(run.metrics[TEST] for _, run in settings) for settings in sweeps]
        cells.append([ANY, *figures(means, best), str(len(sweeps)), ""])
    return cells


def shared_rules(runs: Sequence[Run]) -> list[Select]:
    """The rules that every run has scores of."""
    return [rule for rule in Select if all(str(rule) in run.rules for run in runs)]


def shown(rule: Select) -> str:
    """A rule as the tables name it."""
    return ORACLE if rule is Select.oracle else str(rule)


def figures(taken: Sequence[float], best: Sequence[float]) -> list[str]:
    """The cells of ``FIGURES``: accuracies of the choices, and what the oracle's are better by."""
    if not taken:
        return ["—"] * len(FIGURES)
    gaps = [oracle - value for value, oracle in zip(taken, best, strict=True)]
    return [spread(TEST, taken), amount(TEST, mean(gaps)), amount(TEST, max(gaps))]


def points_of(run: Run) -> list[Metrics]:
    """The evaluation points of a run's last trained phase, the only ones that rules choose from.

    Raises:
        ConfigError: metrics.jsonl is missing or cannot be read.
    """
    path = run.folder / "metrics.jsonl"
    try:
        lines = json_lines(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    scored = [line for line in lines if FLOOR_METRIC in line or "target/val/accuracy" in line]
    points = [line for line in scored if line.get("phase") != "end" and is_point(line, run)]
    return [point for point in points if point["phase"] == points[-1]["phase"]]


def is_point(line: Mapping[str, Any], run: Run) -> bool:
    """Whether a line has the scores of every rule of its run, as a line of ours has."""
    numbers = [line.get(name) for name in ("step", *compared(run))]
    return "phase" in line and all(isinstance(number, int | float) for number in numbers)


def compared(run: Run) -> set[str]:
    """The metrics that the rules of a run look at."""
    rules = [RULES[rule] for rule in Select if str(rule) in run.rules]
    floor = {FLOOR_METRIC for rule in rules if rule.label_free}
    return floor | {rule.metric for rule in rules if rule.metric is not None}


def chosen_point(rule: Select, points: Sequence[Metrics], floor: float) -> Metrics:
    """What a run with ``run.select=<rule>`` would have reported, step by step as it does."""
    chosen, best = points[-1], BestSoFar()
    for point in points if rule is not Select.last else ():
        if chooses(rule, point, int(point["step"]), floor, best):
            chosen = point
    return chosen


def chosen_setting(rule: Select, settings: Sequence[tuple[str, Run]]) -> tuple[str, Run]:
    """The setting whose final weights a rule scores highest, the first of equals.

    Rules without target labels take none below ``run.select_floor`` of the best source accuracy.
    """
    candidates = list(settings)
    if RULES[rule].label_free:
        best = max(run.metrics[FLOOR_METRIC] for _, run in settings)
        candidates = [
            (setting, run)
            for setting, run in settings
            if run.metrics[FLOOR_METRIC] >= run.select_floor * best
        ]
    return max(candidates, key=lambda candidate: candidate[1].metrics[metric_of(rule)])
