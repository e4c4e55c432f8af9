"""Options that a continued run may change: none of them changes a bit."""

import pytest
import torch
from runs import MACHINE, kill_in, log_lines, same_weights, train
from test_data_record import photos  # noqa: F401

from translearn.artifacts import checkpoint
from translearn.engine.checks import refuse_versions
from translearn.errors import CheckpointError
from translearn.settings import AFTERWARDS_KEYS, LOCATION_KEYS, differences, fingerprint
from translearn.system import terminal

# Another value of each; the others say where things lie, or what happens beside the training.
OTHER = {
    "run.workers": 1, "run.resident_mb": 0, "run.log_every": 1, "run.figures": "true",
    "run.save_seconds": 0, "run.tracker": "tensorboard", "run.debug": "true",
    "run.resume_anyway": "true", "run.feature_cache": "false", "run.probe": "true",
}  # fmt: skip
ELSEWHERE = {
    "data_root",
    "data.headline",  # in test_confusion.py
    "data.download",
    "output_root",
    "run.resume",
    "run.dry",
    "run.skip_done",
    "run.job_minutes",
}


def test_every_key_of_the_list_is_tried():
    assert {*LOCATION_KEYS, *AFTERWARDS_KEYS} == OTHER.keys() | ELSEWHERE


@pytest.mark.full
@pytest.mark.parametrize("key", OTHER)
def test_it_changes_no_bit(key, photos, tmp_path):  # noqa: F811
    if key == "run.tracker":
        pytest.importorskip("tensorboard")
    options = ("data=folder", "backbone=lenet", "augment=photo", "data.size=28", "data.crop=28",
               "run.max_steps=4", "run.batch_size=2", f"data.source={photos}/source", "run.ema=0.5",
               f"data.target={photos}/target", *MACHINE, "run.evaluations=1")  # fmt: skip
    train(tmp_path / "first", *options)
    train(tmp_path / "second", *options, f"{key}={OTHER[key]}")
    assert same_weights(tmp_path / "first", tmp_path / "second")
    configs = [
        checkpoint.load(tmp_path / name / "checkpoints")["config"] for name in ("first", "second")
    ]
    assert differences(*configs, training=True) == []
    assert bool(differences(*configs)) is (key in AFTERWARDS_KEYS)


@pytest.mark.full
@pytest.mark.parametrize(("before", "after"), [("false", "true"), ("true", "false")])
def test_a_probe_may_be_asked_for_later_or_left_out(before, after, tmp_path, monkeypatch):
    options = ("method=source_only", "data=digits_photos", "run=smoke", "run.save_seconds=0",
               *MACHINE)  # fmt: skip
    whole = train(tmp_path / "whole", *options, f"run.probe={after}")
    kill_in("train", tmp_path / "run", monkeypatch, *options, f"run.probe={before}")
    done = train(tmp_path / "run", *options, f"run.probe={after}")
    assert same_weights(tmp_path / "whole", tmp_path / "run")
    assert done["metrics"] == whole["metrics"]
    assert done["fingerprint"] == whole["fingerprint"]
    assert ("target/test/knn_accuracy" in done["metrics"]) is (after == "true")
    with pytest.raises(CheckpointError, match="lr"):  # what does decide the weights is refused
        train(tmp_path / "run", *options, f"run.probe={after}", "run.lr=0.5")


@pytest.mark.parametrize("key", AFTERWARDS_KEYS)
def test_a_finished_run_with_other_figures_is_another_one(key):
    group, name = key.split(".")
    configs = [{group: {name: value, "lr": 1}, "seed": 0} for value in (True, False)]
    assert fingerprint(configs[0]) != fingerprint(configs[1])
    assert differences(*configs) == [f"{key}: True -> False"]


def test_other_versions_are_refused_with_what_to_install(tmp_path):
    refuse_versions(tmp_path, {"torch": torch.__version__}, False)
    with pytest.raises(
        CheckpointError, match=r"pip install torch==2\.0\.1\n.*run\.resume_anyway=true"
    ):
        refuse_versions(tmp_path, {"torch": "2.0.1+cpu"}, False)


def test_or_taken_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(terminal, "_notices", [])
    refuse_versions(tmp_path, {"torch": "2.0.1", "translearn": "0.0.1"}, True)
    (told,) = terminal.notices()
    assert "torch 2.0.1" in told and "translearn 0.0.1" in told


@pytest.mark.full
def test_a_mean_counts_the_steps_since_the_last_line(tmp_path, monkeypatch):
    options = ("method=source_only", "data=digits_photos", "backbone=lenet", "run.max_steps=9",
               "run.batch_size=8", "run.save_seconds=0", "run.evaluations=1", *MACHINE)  # fmt: skip
    train(tmp_path / "each", *options, "run.log_every=1")
    each = [line["loss/label"] for line in log_lines(tmp_path / "each") if "loss/label" in line]
    kill_in("train", tmp_path / "run", monkeypatch, *options, "run.log_every=4", step=7)
    train(tmp_path / "run", *options, "run.log_every=9")
    lines = [line for line in log_lines(tmp_path / "run") if "loss/label" in line]
    assert [line["step"] for line in lines] == [4, 9]
    assert lines[1]["loss/label"] == pytest.approx(sum(each[4:]) / 5, rel=1e-5)
