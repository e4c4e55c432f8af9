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
from translearn.methods.base import Method
from translearn.runtime import Runtime
from translearn.stop import Stop
from translearn.trackers import Guest
from translearn.validators import RULES

SELECTED_METRIC = {
    Select.source_val: "source/val/accuracy",
    Select.target_val: "target/val/accuracy",
    Select.oracle: "target/test/accuracy",
    **dict.fromkeys(RULES, "source/val/accuracy"),  # their floor
}


@dataclass
class Progress:
    """Where a run stands: everything a checkpoint holds besides weights and optimizer."""

    phase: int = 0
    step: int = 0
    entered: bool = False
    steps: int = 0
    samples: int = 0
    seconds: float = 0.0
    core_seconds: float = 0.0
    log_offset: int = 0
    best_score: float = -math.inf
    best_step: int = -1
    best_source: float = 0.0  # source validation accuracies, which label-free rules need:
    chosen_source: float = 0.0  # the highest so far, and that of the chosen weights
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
    def first_rank(self) -> bool:
        """Whether this process writes files and messages."""
        return self.runtime.rank == 0


def check_selection(run: RunConfig, method: type[Method], judge: Judge) -> None:
    """Refuse a selection rule whose labels the method may not use, or that do not exist.

    Raises:
        ConfigError: as said.
    """
    access = method.access
    if method.clusters and run.select is not Select.last:
        raise ConfigError(
            f"run.select={run.select}: this method makes clusters, which no label selects\n"
            "use run.select=last"
        )
    by_source = run.select is Select.source_val or run.select in RULES
    refused = (by_source and not access.source_labels) or (
        run.select is Select.target_val and not access.target_labels
    )
    if refused:
        raise ConfigError(
            f"run.select={run.select}: this method may not see those labels\n"
            "use run.select=last, or oracle to select on target test labels (the result says so)"
        )
    metric = SELECTED_METRIC.get(run.select)
    if metric and not judge.has(*metric.split("/")[:2]):
        raise ConfigError(f"run.select={run.select}: this data has no labels for {metric}")


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
    name = SELECTED_METRIC.get(run.select)
    if run.select in RULES:
        found = best if math.isfinite(best) else None
        return {"metric": f"target/unlabelled/{run.select}", "value": found}
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
