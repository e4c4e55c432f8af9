"""The parts of a sweep: earlier runs, GPUs, objectives, what its own processes report."""

import json
import os
import pickle
import sys
import time
from types import SimpleNamespace

import pytest
from filelock import FileLock
from omegaconf import OmegaConf
from runs import config_of, result_of

from translearn import train
from translearn.artifacts.pointers import point_to
from translearn.config import RunConfig
from translearn.engine.selection import objective
from translearn.errors import ConfigError, StopSignal, TranslearnError
from translearn.launch import sweep
from translearn.launch.again import earlier_run, refuse_other_runs
from translearn.launch.arguments import one_at_a_time
from translearn.launch.sweep_process import SweepEntry, take_devices
from translearn.methods.dann import DANN
from translearn.methods.finetune import Finetune
from translearn.methods.selfcluster import SelfCluster
from translearn.report.collect import collect
from translearn.settings import fingerprint
from translearn.system import signals

CONFIG = {"seed": 0, "method": {"name": "dann"}, "run": {"lr": 0.1, "gpus": 1}}


def write_run(folder, config=CONFIG, status=None, saved=True):
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(config)))
    if saved:
        (folder / "checkpoints").mkdir()
    if status:
        result = {"status": status, "fingerprint": fingerprint(config), "method": "dann"}
        (folder / "result.json").write_text(json.dumps(result))
    return folder


def test_the_earlier_run_of_a_job(tmp_path):
    root, own = tmp_path / "outputs", tmp_path / "outputs" / "sweeps" / "2026-02" / "0"
    sweeps = root / "sweeps"
    write_run(own, saved=False)
    assert earlier_run(own, own.parent, root, CONFIG) == (own, None)
    write_run(sweeps / "2026-01" / "5", {**CONFIG, "seed": 1}, "done")
    write_run(sweeps / "2026-01" / "6", saved=False)
    write_run(sweeps / "2026-01" / "7", {**CONFIG, "seed": 2})
    assert earlier_run(own, own.parent, root, CONFIG) == (own, None)
    killed = write_run(sweeps / "2026-01" / "8")
    assert earlier_run(own, own.parent, root, CONFIG) == (killed, None)
    with FileLock(killed / ".lock"):
        assert earlier_run(own, own.parent, root, CONFIG) == (own, None)
    older = write_run(sweeps / "2026-01" / "85", status="failed")
    (older / "result.json").write_text('{"status": "failed"}')  # of a version without fingerprints
    assert earlier_run(own, own.parent, root, CONFIG) == (killed, None)
    stopped = write_run(sweeps / "2026-01" / "9", status="interrupted")
    assert earlier_run(own, own.parent, root, CONFIG) == (stopped, None)
    done = write_run(root / "2026-01-01" / "alone", status="done")
    place, result = earlier_run(own, own.parent, root, {**CONFIG, "output_root": "elsewhere"})
    assert place == done
    assert result.status == "done"


def test_a_fingerprint_is_that_of_what_decides_a_result():
    assert fingerprint(CONFIG) == fingerprint({**CONFIG, "overrides": ["seed=0"], "claim": None})
    where = {**CONFIG["run"], "skip_done": True, "resume": "auto", "tracker": "wandb"}
    assert fingerprint(CONFIG) == fingerprint({**CONFIG, "run": where})
    assert fingerprint(CONFIG) != fingerprint({**CONFIG, "run": {"lr": 0.2, "gpus": 1}})


def test_a_job_that_is_done_elsewhere_is_one_row(tmp_path):
    run = write_run(tmp_path / "first" / "3", status="done")
    job = write_run(tmp_path / "second" / "0", saved=False)
    point_to(job, run)
    point_to(run, run)
    assert [found.folder for found in collect([tmp_path / "second"])] == [run]
    assert len(collect([tmp_path])) == 1


def test_a_folder_of_other_runs_is_no_place_for_a_sweep(tmp_path):
    write_run(tmp_path / "0", status="done")
    job = OmegaConf.create(CONFIG)
    refuse_other_runs(tmp_path, [job, job])
    with pytest.raises(ConfigError, match=r"other options\n.*run\.skip_done"):
        refuse_other_runs(tmp_path, [OmegaConf.create({**CONFIG, "seed": 1})])


@pytest.mark.parametrize(
    ("visible", "gpus", "chosen"),
    [
        ("4,5", 1, ["4", "5", "4", "5"]),
        ("0,1,2,3,4", 2, ["0,1", "2,3", "0,1", "2,3"]),
        ("7", 1, ["7", "7", "7", "7"]),
        ("3", 2, ["3", "3", "3", "3"]),  # fewer than asked for: the run itself refuses
    ],
)
def test_jobs_take_gpus_in_turn(visible, gpus, chosen, tmp_path, monkeypatch):
    found = []
    for number in range(4):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        job = job_of(tmp_path, number, gpus)
        for lock in take_devices(job):
            lock.release()
        found.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert found == chosen


def test_a_job_takes_a_free_gpu_and_shares_when_none_is_free(tmp_path, monkeypatch):
    held, found = [], []
    for number in (0, 2, 1):  # the second one would share with the first
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # as submitit_local does
        monkeypatch.setenv("TRANSLEARN_DEVICES", "4,5")
        held += take_devices(job_of(tmp_path, number))
        found.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert found == ["4", "5", "5"]


def test_other_launchers_choose_gpus_themselves(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    assert take_devices(job_of(tmp_path, 1, launcher="ray")) == []
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,5"


def job_of(folder, number, gpus=1, launcher="joblib"):
    config = {**CONFIG, "run": {"gpus": gpus}}
    return SweepEntry(config, folder, number, launcher, folder, folder, {})


METRICS = {
    "source/val/accuracy": 0.1, "target/val/accuracy": 0.2, "target/test/accuracy": 0.3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("select", "method", "metric", "value"),
    [
        ("last", DANN, "source/val/accuracy", 0.1),
        ("last", Finetune, "target/val/accuracy", 0.2),
        ("last", SelfCluster, None, None),
        ("source_val", Finetune, "source/val/accuracy", 0.1),
        ("im", DANN, "target/unlabelled/im", 0.7),
        ("oracle", DANN, "target/test/accuracy", 0.3),
    ],
)
def test_target_test_labels_are_no_objective_but_for_oracle(select, method, metric, value):
    run = RunConfig.of({**config_of()["run"], "select": select})
    assert objective(run, method, "target", METRICS, 0.7) == {"metric": metric, "value": value}


def test_a_metric_without_labels_is_no_objective():
    run = RunConfig.of(config_of()["run"])
    assert objective(run, Finetune, "target", {}, 0.7)["value"] is None


def test_a_sweeper_is_told_when_there_is_nothing_to_optimise(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "run_job", lambda job: None)
    choices = {"hydra/launcher": "basic", "hydra/sweeper": "optuna"}
    hydra = SimpleNamespace(
        job=SimpleNamespace(num=0), runtime=SimpleNamespace(choices=choices),
        sweep=SimpleNamespace(dir=str(tmp_path)), job_logging=OmegaConf.create({}),
    )  # fmt: skip
    with pytest.raises(TranslearnError, match="nothing to optimise"):
        train.run_in_sweep({"output_root": "outputs"}, tmp_path, hydra)
    assert "nothing to optimise" in capsys.readouterr().err
    choices["hydra/sweeper"] = "basic"
    assert train.run_in_sweep({"output_root": "outputs"}, tmp_path, hydra) is None


def test_a_search_is_checked_choice_by_choice():
    found = list(one_at_a_time([["a=1", "a=2", "a=3"], ["b=1"], ["c=1", "c=2"]]))
    assert found == [
        ["a=1", "b=1", "c=1"], ["a=2", "b=1", "c=1"], ["a=3", "b=1", "c=1"], ["a=1", "b=1", "c=2"],
    ]  # fmt: skip


def test_a_stop_passes_from_process_to_process():
    stop = pickle.loads(pickle.dumps(StopSignal(15)))
    assert (stop.number, stop.exit_code, str(stop)) == (15, 143, "stopped by SIGTERM")


@pytest.mark.parametrize(
    ("code", "words"), [(-9, "SIGKILL"), (-11, "SIGSEGV"), (255, "exit code 255")]
)
def test_what_is_known_about_a_death(code, words):
    assert words in sweep.death(code)


@pytest.mark.skipif(sys.platform != "linux", reason="jobs are forked by a server on Linux alone")
@pytest.mark.parametrize("number", signals.SIGNALS)
def test_a_signal_before_there_is_a_job_ends_the_sweep_at_once(number, tmp_path, monkeypatch):
    def still_importing(process):
        os.kill(os.getpid(), number)
        time.sleep(10)

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess.start", still_importing)
    config = {**CONFIG, "run": {"gpus": 1, "job_minutes": None, "debug": False}}
    entry = SweepEntry(config, tmp_path, 0, "basic", tmp_path, tmp_path, {})
    with signals.heard(), pytest.raises(StopSignal):
        sweep.watch(entry, tmp_path)
    told = result_of(tmp_path)
    assert (told["status"], told["exit_code"]) == ("interrupted", 128 + number)
    assert told["environment"]["packages"]["torch"]
