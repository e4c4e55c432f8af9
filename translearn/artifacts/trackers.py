"""Metrics sent to TensorBoard, Weights & Biases or MLflow, besides metrics.jsonl.

A tracker is guarded: it fails alone, draws from no generator of the run, and is asked only at log
points, while the training clock stands still.
"""

import contextlib
import hashlib
import importlib.util
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import torch
from tqdm import tqdm

from translearn.config import Config, Tracking
from translearn.errors import ConfigError
from translearn.settings import flatten
from translearn.system.locks import Lock
from translearn.system.reading import text

BY_PHASE = ("loss/", "health/", "lr")  # what means another thing in each phase


MOST_ID = 1000  # bytes of the name that MLflow gave a run


NO_METRICS = ("phase", "step", "samples")


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told at its start.

    Attributes:
        samples: training images that the run has behind it: 0, or where it continues.
    """

    folder: Path
    config: Config
    samples: int

    @property
    def name(self) -> str:
        """A name for people."""
        parts = (self.config["method"].get("name"), self.config["data"].get("name"))
        return "-".join(map(str, (*parts, f"seed{self.config['seed']}")))


class Tracker(Protocol):
    """Where metrics go. Made from a ``TrackedRun``; may raise whatever it likes."""

    def log(self, samples: int, values: Mapping[str, float]) -> None:
        """Take the values of one moment; ``samples``, training images so far, never falls."""

    def close(self, done: bool) -> None:
        """The run is over, well or not."""


class TensorBoard:
    """Event files in ``<run folder>/tensorboard``."""

    def __init__(self, run: TrackedRun) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # what was written after the checkpoint that the run continues from is hidden
        purge = run.samples + 1 if run.samples else None
        self._writer = SummaryWriter(str(run.folder / "tensorboard"), purge_step=purge)

    def log(self, samples: int, values: Mapping[str, float]) -> None:
        """See ``Tracker``."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, samples)
        self._writer.flush()  # a checkpoint must not be ahead of the events

    def close(self, done: bool) -> None:
        """See ``Tracker``."""
        self._writer.close()


class WandB:
    """Weights & Biases, offline in ``<run folder>/wandb`` unless ``WANDB_MODE`` says otherwise."""

    def __init__(self, run: TrackedRun) -> None:
        import wandb

        mode: Any = os.environ.get("WANDB_MODE", "offline")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "translearn"),
            dir=run.folder,
            # the same for every continuation; online, points that are there already are dropped
            id=hashlib.sha256(str(run.folder.resolve()).encode()).hexdigest()[:16],
            resume="allow" if mode == "online" else None,
            name=run.name,
            config=run.config,
            mode=mode,
            settings=wandb.Settings(silent=True, console="off"),
        )

    def log(self, samples: int, values: Mapping[str, float]) -> None:
        """See ``Tracker``."""
        self._run.log(dict(values), step=samples)

    def close(self, done: bool) -> None:
        """See ``Tracker``."""
        self._run.finish(exit_code=0 if done else 1)


class MLflow:
    """MLflow: ``MLFLOW_TRACKING_URI``, or ``<output_root>/mlflow.db``."""

    def __init__(self, run: TrackedRun) -> None:
        from mlflow.entities import Metric, Param
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        root = Path(run.config["output_root"]).resolve()
        root.mkdir(parents=True, exist_ok=True)
        self._metric: Callable[..., Any] = Metric
        with Lock(root / ".mlflow.lock"):  # jobs that start together would all make the tables
            uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root}/mlflow.db"
            self._client: Any = MlflowClient(tracking_uri=uri)
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "translearn")
            found = self._client.get_experiment_by_name(name)
            experiment = found.experiment_id if found else self._client.create_experiment(name)
        record = run.folder / "mlflow_run_id.txt"
        self._last: dict[str, int] = {}  # of a continued run: up to where it is there already
        if run.samples and record.exists():
            self._id = text(record, MOST_ID).strip()
            self._client.update_run(self._id, status="RUNNING")
            for key in self._client.get_run(self._id).data.metrics:
                history = self._client.get_metric_history(self._id, key)
                self._last[key] = max(metric.step for metric in history)
            return
        self._id = self._client.create_run(experiment, run_name=run.name).info.run_id
        record.write_text(self._id, encoding="utf-8")
        params = [Param(key, str(value)[:500]) for key, value in flatten(run.config).items()]
        for start in range(0, len(params), 100):  # the most that it takes at once
            self._client.log_batch(self._id, params=params[start : start + 100])

    def log(self, samples: int, values: Mapping[str, float]) -> None:
        """See ``Tracker``."""
        now = int(1000 * time.time())
        metrics = [
            self._metric(name, value, now, samples)
            for name, value in values.items()
            if samples > self._last.get(name, -1)
        ]
        self._client.log_batch(self._id, metrics=metrics)

    def close(self, done: bool) -> None:
        """See ``Tracker``."""
        self._client.set_terminated(self._id, "FINISHED" if done else "FAILED")


TRACKERS: dict[Tracking, Callable[[TrackedRun], Tracker]] = {
    Tracking.tensorboard: TensorBoard,
    Tracking.wandb: WandB,
    Tracking.mlflow: MLflow,
}


def check_tracker(kind: Tracking | None) -> None:
    """Refuse a tracker whose package is missing, before anything is computed.

    Raises:
        ConfigError: naming the extra.
    """
    if kind is not None and importlib.util.find_spec(kind) is None:
        raise ConfigError(f"run.tracker={kind} needs: pip install 'translearn[{kind}]'")


class GuardedTracker:
    """The tracker of a run, or none; what it does wrong becomes one warning, and it is left alone.

    Used as a context manager around the run, so that the tracker learns how it ended.

    Attributes:
        warnings: at most one.
    """

    def __init__(self, kind: Tracking | None, folder: Path, config: Config) -> None:
        self.warnings: list[str] = []
        self._kind, self._folder, self._config = kind, folder, config
        self._tracker: Tracker | None = None
        self._samples = 0

    def start(self, samples: int) -> None:
        """Begin, or go on where ``samples`` training images are behind the run."""
        self._samples = samples
        if self._kind is not None:
            kind, run = self._kind, TrackedRun(self._folder, self._config, samples)
            with self._guarded():
                self._tracker = TRACKERS[kind](run)

    def log(self, line: Mapping[str, Any]) -> None:
        """Hand on a line of metrics.jsonl."""
        self._samples = int(line.get("samples", self._samples))
        if self._tracker is None:
            return
        phase = line.get("phase")
        values = {
            f"{phase}/{key}" if key.startswith(BY_PHASE) else key: float(value)
            for key, value in line.items()
            if key not in NO_METRICS
        }
        with self._guarded():
            self._tracker.log(self._samples, values)

    def __enter__(self) -> "GuardedTracker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        if self._tracker is not None:
            with self._guarded():
                self._tracker.close(kind is None)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        states = random.getstate(), np.random.get_state(), torch.get_rng_state()
        try:
            yield
        except Exception as error:
            self._tracker = None
            text = (str(error).strip() or type(error).__name__).splitlines()[0]
            self.warnings.append(f"run.tracker={self._kind} failed and was left alone: {text}")
            tqdm.write(f"warning: {self.warnings[-1]}", file=sys.stderr)
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            torch.set_rng_state(states[2])
