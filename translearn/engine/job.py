"""What a run consists of, and where it stands."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from translearn.artifacts.trackers import GuardedTracker
from translearn.config import Config, RunConfig
from translearn.data.access import TrainView
from translearn.data.pipeline.augment import Augment
from translearn.data.pipeline.preparation import Preparation
from translearn.data.pipeline.reading import TaskFiles
from translearn.data.types import Images, Shape, TaskSet
from translearn.engine.data_record import DataRecord
from translearn.engine.judge import Judge
from translearn.engine.schedule import planned
from translearn.engine.workload import scoring_batch
from translearn.methods.base import Budget, Method, Phase
from translearn.metrics.choice import BestSoFar
from translearn.runtime import Runtime
from translearn.system.signals import Stop


@dataclass
class Progress(BestSoFar):
    """Where a run stands: everything a checkpoint holds besides weights and optimizer."""

    phase: int = 0
    step: int = 0
    entered: bool = False
    unscored: bool = False  # a signal broke off the score after the last step
    steps: int = 0
    samples: int = 0
    seconds: float = 0.0
    core_seconds: float = 0.0
    log_offset: int = 0
    logged: int = 0  # the step of the last log point of this phase
    bad_points: int = 0
    warnings: list[str] = field(default_factory=list)
    before: dict[str, float] = field(default_factory=dict)  # scores that earlier phases asked for


@dataclass
class Job:
    """All parts of one run, built and ready."""

    method: Method
    tasks: TaskSet  # what the data look like; no label is in here
    view: TrainView  # what the method may see
    judge: Judge  # the labels that score it
    prepare: Mapping[str, Preparation]  # task -> its preprocessing
    shapes: Mapping[str, Shape]  # task -> what a prepared sample looks like to the method
    augment: Augment
    pair_augment: Augment  # what makes several views of one sample differ
    run: RunConfig
    phase_runs: Mapping[str, RunConfig]
    runtime: Runtime
    seed: int
    folder: Path
    config: Config
    stop: Stop
    tracker: GuardedTracker
    files: Mapping[str, TaskFiles] = field(default_factory=dict)  # task -> what was read of it
    extraction_seconds: float = 0.0  # what features that are computed once were foreseen to take
    pictures: Mapping[str, Images] = field(default_factory=dict)  # what is given as features
    data_record: DataRecord | None = None  # what the data are by their content; of rank 0

    @property
    def average_with_source(self) -> Any:
        """``method.average_with_source``: a share of the tuned weights, ``auto``, or None."""
        return self.config["method"].get("average_with_source")

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints of this run lie."""
        return self.folder / "checkpoints"

    @cached_property
    def budget(self) -> Budget:
        """How much the method may train on this data, by ``run.source_samples``."""
        batch_sizes = {name: run.batch_size for name, run in self.phase_runs.items()}
        sizes = {task: len(data) for task, data in self.view.items()}
        return Budget(
            self.run.source_samples, batch_sizes, self.run.max_steps, sizes, self.runtime.world
        )

    @property
    def scoring_batch(self) -> int:
        """Samples at a time where nothing learns, in scoring and for cached features."""
        return scoring_batch(self.run, self.shapes.values(), self.runtime.device)

    @property
    def input_shape(self) -> Shape:
        """What the backbone gets: samples, or features of theirs."""
        features = (self.method.backbone.out_dim,)
        return features if self.method.on_features else self.tasks.input_shape

    @cached_property
    def phases(self) -> list[Phase]:
        """The phases of the run, in order."""
        return planned(self.method, self.budget, self.run.head_first)

    @property
    def first_rank(self) -> bool:
        """Whether this process writes files and messages."""
        return self.runtime.rank == 0


def phase_settings(run: RunConfig, phases: Mapping[str, Mapping[str, Any]]) -> dict[str, RunConfig]:
    """``method.phases.<name>.*`` over ``run.*``, for each phase.

    Raises:
        ConfigError: a key is not a key of ``run``.
    """
    base = dataclasses.asdict(run)
    return {name: RunConfig.of({**base, **values}) for name, values in phases.items()}
