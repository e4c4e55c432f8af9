"""Help, --cfg and config errors: quick, short and helpful."""

import subprocess
import sys
from pathlib import Path

import pytest

from translearn.config import conf_dir
from translearn.train import run_command

NO_TORCH = (
    "import sys; from translearn.train import run_command; code = run_command(sys.argv[1:]); "
    "assert 'torch' not in sys.modules; sys.exit(code)"
)


@pytest.mark.parametrize("arguments", [["--help"], ["--cfg", "job"], ["--cfg", "job", "seed=4"]])
def test_help_and_cfg_never_import_torch(arguments, tmp_path):
    command = [sys.executable, "-c", NO_TORCH, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())
    if "seed=4" in arguments:
        assert "seed: 4" in done.stdout


def test_help_lists_every_choice_with_a_line_and_five_examples(capsys):
    assert run_command(["--help"]) == 0
    text = capsys.readouterr().out
    for group in ("method", "data", "backbone", "augment", "experiment"):
        for path in (Path(conf_dir()) / group).glob("*.yaml"):
            line = next(line for line in text.splitlines() if line.split()[:1] == [path.stem])
            assert len(line.split()) > 2, f"{group}={path.stem} has no description"
    assert text.count("\n  tl-run") >= 5


WRONG = {
    "method=dan": "did you mean dann",
    "metod=dann": "did you mean method",
    "data=digit": "did you mean digits",
    "backbone=wid": "did you mean wide",
    "run.lrr=1": "did you mean run.lr",
    "run.lr=abc": "run.lr",
    "run.schedule=cosin": "run.schedule",
    "method.zz=1": "method.zz",
    "method.strenght=1": "did you mean method.strength",
    "data.val_fractoin=0": "did you mean data.val_fraction",
    "seeed=1": "did you mean seed",
    "experiment=dann_paper": "did you mean",
}


@pytest.mark.parametrize("override", WRONG)
@pytest.mark.parametrize("sweep", [False, True])
def test_wrong_options_exit_with_2_and_the_nearest_name(
    override, sweep, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    arguments = ["-m", "seed=0,1", override] if sweep else [override]
    assert run_command(arguments) == 2
    message = capsys.readouterr().err
    assert WRONG[override] in message
    assert override.split("=")[0] in message
    assert len(message.splitlines()) <= 6
    assert not list(tmp_path.iterdir())


def test_torchrun_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert run_command(["run=smoke"]) == 2
    assert "run.gpus=N" in capsys.readouterr().err
