"""Trackers: they get what metrics.jsonl gets, hurt nobody, and go on where a run goes on."""

import random

import numpy as np
import pytest
import torch
from runs import config_of, log_lines, same_weights, train

from translearn.artifacts.trackers import TRACKERS, GuardedTracker, check_tracker
from translearn.config import Tracking
from translearn.engine import step
from translearn.engine.saving import Saver
from translearn.errors import ConfigError, StopSignal

RUN = (
    "method=source_only", "augment=none", "backbone=lenet", "run.source_samples=192",
    "run.batch_size=16", "run.log_every=4", "run.evaluations=2",
)  # fmt: skip


class Recorder:
    """Notes what it gets, and draws from every generator there is."""

    def __init__(self, run):
        self.points, self.done = [], None
        Recorder.last = self
        self.draw()

    def draw(self):
        random.random(), np.random.rand(), torch.rand(1)

    def log(self, samples, values):
        self.draw()
        self.points.append((samples, dict(values)))

    def close(self, done):
        self.done = done


class Broken(Recorder):
    """Raises at every call from the one named ``first`` on."""

    first = "start"

    def __init__(self, run):
        if self.first == "start":
            raise RuntimeError("no network\nand more")
        super().__init__(run)

    def log(self, samples, values):
        if self.first == "log":
            raise RuntimeError("no network\nand more")

    def close(self, done):
        raise RuntimeError("no network\nand more")


@pytest.fixture(autouse=True)
def every_tracker_is_installed(monkeypatch):
    """The stand-ins need no package; tests of the real ones skip themselves."""
    monkeypatch.setattr("translearn.engine.checks.check_tracker", lambda kind: None)


def test_a_tracker_changes_no_bit_and_gets_every_line(tmp_path, monkeypatch):
    monkeypatch.setitem(TRACKERS, Tracking.wandb, Recorder)
    train(tmp_path / "without", *RUN)
    result = train(tmp_path / "with", *RUN, "run.tracker=wandb")
    assert same_weights(tmp_path / "without", tmp_path / "with")
    tracker, lines = Recorder.last, log_lines(tmp_path / "with")
    assert tracker.done is True
    assert [samples for samples, _ in tracker.points] == sorted(s for s, _ in tracker.points)
    assert len(tracker.points) == len(lines)
    assert tracker.points[0][1]["train/loss/label"] == lines[0]["loss/label"]
    final = tracker.points[-1]
    assert final == (192, result["metrics"])


@pytest.mark.parametrize("first", ["start", "log", "close"])
def test_a_failing_tracker_is_one_warning(first, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(TRACKERS, Tracking.mlflow, Broken)
    monkeypatch.setattr(Broken, "first", first)
    config = config_of(*RUN, "run.tracker=mlflow")
    tracker = GuardedTracker(Tracking.mlflow, tmp_path, config)
    with tracker:
        tracker.start(0)
        tracker.log({"phase": "train", "step": 1, "samples": 16, "loss/label": 2.0})
        tracker.log({"phase": "end", "step": 1, "target/test/accuracy": 0.5})
    assert tracker.warnings == ["run.tracker=mlflow failed and was left alone: no network"]
    assert capsys.readouterr().err.count("warning: run.tracker=mlflow") == 1


def test_a_run_with_a_failing_tracker_is_done(tmp_path, monkeypatch):
    monkeypatch.setitem(TRACKERS, Tracking.mlflow, Broken)
    monkeypatch.setattr(Broken, "first", "log")
    result = train(tmp_path, *RUN, "run.tracker=mlflow")
    assert result["status"] == "done"
    assert [w for w in result["warnings"] if "run.tracker" in w] == [
        "run.tracker=mlflow failed and was left alone: no network"
    ]


def test_the_end_of_a_run_that_failed_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(TRACKERS, Tracking.wandb, Recorder)
    tracker = GuardedTracker(Tracking.wandb, tmp_path, config_of(*RUN))
    with pytest.raises(StopSignal), tracker:
        tracker.start(0)
        raise StopSignal(15)
    assert Recorder.last.done is False


def test_a_missing_package_is_named(monkeypatch):
    check_tracker(None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'translearn\[wandb\]'"):
        check_tracker(Tracking.wandb)


def killed_and_continued(folder, monkeypatch, *options):
    """A run that dies after its second log point, with a checkpoint from before it; finished then.

    Returns:
        The loss at each log point, as metrics.jsonl has it.
    """
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(folder)
    options = (*RUN, *options, "output_root=outputs")
    clip, calls = step.clip_gradients, []

    def clip_or_die(*arguments):
        calls.append(arguments)
        if len(calls) == 10:
            raise RuntimeError("dead")
        return clip(*arguments)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="dead"):
        patch.setattr(step, "clip_gradients", clip_or_die)
        patch.setattr(Saver, "due", lambda self: self.progress.step == 6)
        train(folder / "run", *options)
    result = train(folder / "run", *options)
    assert not result["warnings"]
    points = [line for line in log_lines(folder / "run") if "loss/label" in line]
    assert [point["step"] for point in points] == [4, 8, 12]
    return [(point["samples"], point["loss/label"]) for point in points]


@pytest.mark.slow
def test_tensorboard(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    points = killed_and_continued(tmp_path, monkeypatch, "run.tracker=tensorboard")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    found = [(e.step, e.value) for e in events.Scalars("train/loss/label")]
    assert [step for step, _ in found] == [step for step, _ in points]
    assert np.allclose([value for _, value in found], [value for _, value in points])
    assert len(events.Scalars("target/test/accuracy")) == 1


@pytest.mark.slow
def test_mlflow(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    points = killed_and_continued(tmp_path, monkeypatch, "run.tracker=mlflow")
    client = MlflowClient(f"sqlite:///{tmp_path}/outputs/mlflow.db")
    experiment = client.get_experiment_by_name("translearn").experiment_id
    (run,) = client.search_runs([experiment])
    history = client.get_metric_history(run.info.run_id, "train/loss/label")
    assert [(m.step, m.value) for m in sorted(history, key=lambda m: m.step)] == points
    assert run.info.status == "FINISHED"
    assert run.data.params["run.batch_size"] == "16"


@pytest.mark.slow
def test_wandb_works_without_a_network(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    points = killed_and_continued(tmp_path, monkeypatch, "run.tracker=wandb")
    files = sorted((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))
    assert len(files) == 2
    assert files[0].name == files[1].name  # the name has the id: one run to W&B
    assert b"train/loss/label" in files[0].read_bytes()
    assert b"target/test/accuracy" in files[1].read_bytes()
    assert len(points) == 3
