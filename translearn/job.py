"""What a run consists of, and where it stands."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from translearn.config import Config, RunConfig, Select
from translearn.data.augment import Augment
from translearn.data.domain import TrainView
from translearn.data.preparation import Preparation
from translearn.errors import ConfigError
from translearn.evaluate import Judge
from translearn.methods.base import Budget, Method
from translearn.runtime import Runtime
from translearn.selection import BY_WEIGHTS, FLOOR_METRIC, LABEL_FREE, RULE_METRIC, Standing
from translearn.stop import Stop
from translearn.trackers import Guest


@dataclass
class Progress(Standing):
    """Where a run stands: everything a checkpoint holds besides weights and optimizer."""

    phase: int = 0
    step: int = 0
    entered: bool = False
    steps: int = 0
    samples: int = 0
    seconds: float = 0.0
    core_seconds: float = 0.0
    log_offset: int = 0
    bad_points: int = 0
    warnings: list[str] = field(default_factory=list)
    before: dict[str, float] = field(default_factory=dict)  # scores that earlier phases asked for


@dataclass
class Job:
    """All parts of one run, built and ready."""

    method: Method
    view: TrainView
    judge: Judge
    prepare: Mapping[str, Preparation]  # task -> its preprocessing
    augment: Augment
    views: Augment  # what makes several views of one sample differ
    run: RunConfig
    phase_runs: Mapping[str, RunConfig]
    runtime: Runtime
    seed: int
    folder: Path
    config: Config
    stop: Stop
    tracker: Guest

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints of this run lie."""
        return self.folder / "checkpoints"

    @property
    def budget(self) -> Budget:
        """How much the method may train on this data, by ``run.samples``."""
        batch_sizes = {name: run.batch_size for name, run in self.phase_runs.items()}
        sizes = {task: len(data) for task, data in self.view.items()}
        return Budget(self.run.samples, batch_sizes, self.run.max_steps, sizes, self.runtime.world)

    @property
    def first_rank(self) -> bool:
        """Whether this process writes files and messages."""
        return self.runtime.rank == 0


def check_selection(run: RunConfig, method: type[Method], judge: Judge, view: TrainView) -> None:
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


def usable_rules(method: type[Method], judge: Judge, view: TrainView) -> list[Select]:
    """The rules besides ``last`` and ``oracle`` that the method's own labels allow."""
    rules = (rule for rule in Select if rule not in (Select.last, Select.oracle))
    return [rule for rule in rules if refusal(rule, method, judge, view) is None]


def refusal(rule: Select, method: type[Method], judge: Judge, view: TrainView) -> str | None:
    """Why a rule cannot choose the weights of a method, and what to do; None where it can."""
    if rule is Select.last:
        return None
    if method.clusters:
        return "this method makes clusters, which no label selects\nuse run.select=last"
    access = method.access
    by_source = rule is Select.source_val or rule in LABEL_FREE
    if (by_source and not access.source_labels) or (
        rule is Select.target_val and not access.target_labels
    ):
        return (
            "this method may not see those labels\n"
            "use run.select=last, or oracle to select on target test labels (the result says so)"
        )
    metric = FLOOR_METRIC if rule in LABEL_FREE else RULE_METRIC[rule]
    if not judge.has(*metric.split("/")[:2]):
        return f"this data has no labels for {metric}"
    if rule in LABEL_FREE and not len(view.get("target", ())):
        return "this data has no target training images\nuse run.select=last or source_val"
    if rule in BY_WEIGHTS and judge.classes["source"] != judge.classes["target"]:
        return (
            "source errors say nothing of a target with other classes\n"
            "use run.select=last or source_val"
        )
    return None


def objective(
    run: RunConfig, method: type[Method], main_task: str, metrics: Mapping[str, float], best: float
) -> dict[str, Any]:
    """What a sweeper may optimise: ``metric``, its name, and ``value``; None where there is none.

    It is what ``run.select`` selects by. For ``last`` it is validation accuracy: of the main task
    where the method owns target labels, else of the source. Test labels count for ``oracle`` alone.

    Args:
        run: of the run.
        method: its class.
        main_task: the task that the headline is about.
        metrics: of the final weights.
        best: the score that a label-free rule gave to the chosen weights.
    """
    name = RULE_METRIC.get(run.select)
    if run.select in LABEL_FREE:
        return {"metric": name, "value": best if math.isfinite(best) else None}
    if name is None and method.access.target_labels:
        name = f"{main_task}/val/accuracy"
    elif name is None and method.access.source_labels:
        name = "source/val/accuracy"
    return {"metric": name, "value": metrics.get(name) if name else None}


def phase_settings(run: RunConfig, phases: Mapping[str, Mapping[str, Any]]) -> dict[str, RunConfig]:
    """``method.phases.<name>.*`` over ``run.*``, for each phase.

    Raises:
        ConfigError: a key is not a key of ``run``.
    """
    base = dataclasses.asdict(run)
    return {name: RunConfig.of({**base, **values}) for name, values in phases.items()}
