"""A wrong option ends with exit code 2 and a few lines that name it and the nearest name."""

import pytest

from translearn.launch.help import explain
from translearn.train import run_command

# arguments, what the message names, the nearest name or what to do
AT_ONCE = [
    ("method=dannn", "method=dannn", "did you mean dann"),
    ("data=digits_photo", "data=digits_photo", "did you mean digits_photos?"),
    ("backbone=wid", "backbone=wid", "did you mean wide?"),
    ("augment=colour", "augment=colour", "did you mean color?"),
    ("experiment=dann_paper", "experiment=dann_paper", "did you mean"),
    ("metod=dann", "metod", "did you mean method?"),
    ("seeed=1", "seeed", "did you mean seed?"),
    ("run.lrr=1", "run.lrr", "did you mean run.lr?"),
    ("run.lr=abc", "run.lr", "abc"),
    ("run.lr", "run.lr", ""),
    ("run.source_samples=1.5", "run.source_samples", "1.5"),
    ("run.schedule=cosin", "run.schedule", "cosine"),
    ("method.zz=1", "method.zz", "there are"),
    ("method.strenght=1", "method.strenght", "did you mean method.strength?"),
    ("method.phases.train.lrr=1", "method.phases.train.lrr", "lr?"),
    ("method.phases.train.ema=0", "method.phases.train.ema", "write +method.phases.train.ema="),
    ("data.val_fractoin=0", "data.val_fractoin", "did you mean data.val_fraction?"),
    ("hydra/launcher=jobli", "hydra/launcher=jobli", "joblib"),
    ("sweep=jobli", "sweep=jobli", "did you mean joblib?"),
    ("--multi", "--multi", "--multirun?"),
    ("--colour", "--colour", "no option"),
]
AFTER_THE_IMPORTS = [
    ("data.target_labels_per_class=0", "data.target_labels_per_class=0", "at least 1"),
    ("run.evaluate=[vall]", "run.evaluate", "val, test"),
    ("+method.strenth=1", "method.strenth", "method.strength?"),
]


def assert_told(message, named, told):
    message = message.strip()
    assert 1 <= len(message.splitlines()) <= 6, message
    assert "Traceback" not in message
    assert named in message
    assert told in message


@pytest.mark.parametrize(("argument", "named", "told"), AT_ONCE)
@pytest.mark.parametrize("sweep", [False, pytest.param(True, marks=pytest.mark.full)])
def test_a_wrong_option_is_named_with_the_nearest_name(
    argument, named, told, sweep, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run_command(["-m", "seed=0,1", argument] if sweep else [argument]) == 2
    assert_told(capsys.readouterr().err, named, told)
    assert not list(tmp_path.iterdir())


def test_a_wrong_choice_of_a_sweep_is_found_before_its_first_job(tl_run, tmp_path):
    done = tl_run("-m", "method=source_only,dannn")
    assert done.returncode == 2
    assert_told(done.stderr, "method=dannn", "dann?")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("argument", "named", "told"), AFTER_THE_IMPORTS)
def test_a_value_out_of_range_is_named(argument, named, told, tl_run):
    done = tl_run(argument, "run=smoke", "backbone=lenet")
    assert done.returncode == 2
    assert_told(done.stderr, named, told)


@pytest.mark.parametrize("alone", ["run.skip_done=true", "run.job_minutes=3"])
def test_what_is_for_sweeps_is_refused_without_one(alone, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command([alone]) == 2
    assert_told(capsys.readouterr().err, alone.split("=")[0], "add -m")


@pytest.mark.parametrize(
    ("choice", "extra"), [("launcher/submitit_slurm", "submitit"), ("sweeper/optuna", "optuna")]
)
def test_a_missing_extra_is_named(choice, extra):
    told = explain(ValueError(f"In 'hydra/config': Could not find 'hydra/{choice}'"), [])
    assert told == f"hydra/{choice} needs: pip install 'translearn[{extra}]'"
