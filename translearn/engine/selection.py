"""Which rules may choose the weights of a run, and what a sweeper may optimise."""

import math
from collections.abc import Mapping
from typing import Any

from translearn.config import RunConfig, Select
from translearn.data.access import TrainView
from translearn.engine.judge import Judge
from translearn.errors import ConfigError
from translearn.methods.base import Method
from translearn.metrics.choice import FLOOR_METRIC, RULES


def check_selection(
    run: RunConfig, method: Method | type[Method], judge: Judge, view: TrainView
) -> None:
    """Refuse a selection rule whose labels the method may not use, or whose data do not exist.

    Raises:
        ConfigError: as said.
    """
    reason = refusal(run.select, method, judge, view)
    if reason:
        raise ConfigError(f"run.select={run.select}: {reason}")
    if run.rules and not usable_rules(method, judge, view):
        raise ConfigError(
            "run.rules=true: there is no rule besides last that this method may use on this data\n"
            "use run.rules=false"
        )


def usable_rules(method: Method | type[Method], judge: Judge, view: TrainView) -> list[Select]:
    """The rules besides ``last`` and ``oracle`` that the method's own labels allow."""
    rules = [name for name, rule in RULES.items() if rule.needs]
    return [name for name in rules if refusal(name, method, judge, view) is None]


def refusal(
    name: Select, method: Method | type[Method], judge: Judge, view: TrainView
) -> str | None:
    """Why a rule cannot choose the weights of a method, and what to do; None where it can."""
    rule, access = RULES[name], method.access
    if rule.metric is None:
        return None
    if not all(judge.counted.values()):
        return "this data has numbers for answers, and the rules count classes\nuse run.select=last"
    if method.clusters:
        return "this method makes clusters, which no label selects\nuse run.select=last"
    if (
        rule.needs
        and not {"source": access.source_labels, "target": access.target_labels}[rule.needs]
    ):
        return (
            "this method may not see those labels\n"
            "use run.select=last, or oracle to select on target test labels (the result says so)"
        )
    metric = FLOOR_METRIC if rule.label_free else rule.metric
    if not judge.has(*metric.split("/")[:2]):
        return f"this data has no labels for {metric}"
    if rule.label_free and not len(view.get("target", ())):
        return "this data has no target training images\nuse run.select=last or source_val"
    if rule.looks_at == "errors" and judge.classes["source"] != judge.classes["target"]:
        return (
            "source errors say nothing of a target with other classes\n"
            "use run.select=last or source_val"
        )
    return None


def objective(
    run: RunConfig,
    method: Method | type[Method],
    main_task: str,
    metrics: Mapping[str, float],
    best: float,
) -> dict[str, Any]:
    """What a sweeper may optimise: ``metric``, its name, and ``value``; None where there is none.

    It is what ``run.select`` selects by. For ``last`` it is validation accuracy: of the main task
    where the method owns target labels, else of the source. Test labels count for ``oracle`` alone.

    Args:
        run: of the run.
        method: of the run, or its class.
        main_task: the task that the headline is about.
        metrics: of the final weights.
        best: the score that a label-free rule gave to the chosen weights.
    """
    name = RULES[run.select].metric
    figure = method.answer(main_task).headline if isinstance(method, Method) else "accuracy"
    if RULES[run.select].label_free:
        return {"metric": name, "value": best if math.isfinite(best) else None}
    if name is None and method.access.target_labels:
        name = f"{main_task}/val/{figure}"
    elif name is None and method.access.source_labels:
        name = f"source/val/{figure}"
    return {"metric": name, "value": metrics.get(name) if name else None}
