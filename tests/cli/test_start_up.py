"""Help, --cfg and config errors: quick, short and helpful."""

import subprocess
import sys
from pathlib import Path

import pytest
from surroundings import HANG

from translearn.config import conf_dir
from translearn.train import run_command

NO_TORCH = (
    "import sys; from translearn.train import run_command; code = run_command(sys.argv[1:]); "
    "assert 'torch' not in sys.modules; sys.exit(code)"
)


@pytest.mark.parametrize("arguments", [["--help"], ["--cfg", "job"], ["--cfg", "job", "seed=4"]])
def test_help_and_cfg_never_import_torch(arguments, tmp_path):
    command = [sys.executable, "-c", NO_TORCH, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())
    if "seed=4" in arguments:
        assert "seed: 4" in done.stdout


@pytest.mark.full
def test_a_run_imports_only_what_it_needs():
    """Each of these takes half a second to two, at every run and on every rank."""
    late = {"torchvision", "sklearn", "scipy", "matplotlib", "torch._dynamo", "pandas"}
    command = "import sys; import translearn.launch.launch; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.split())
    assert "torch" in modules
    assert not late & modules


def test_help_lists_every_choice_with_a_line_and_five_examples(capsys):
    assert run_command(["--help"]) == 0
    text = capsys.readouterr().out
    for group in ("method", "data", "backbone", "augment", "experiment"):
        for path in (Path(conf_dir()) / group).glob("*.yaml"):
            line = next(line for line in text.splitlines() if line.split()[:1] == [path.stem])
            assert len(line.split()) > 2, f"{group}={path.stem} has no description"
    assert text.count("\n  tl-run") >= 5


def test_help_for_a_reader_that_has_seen_enough(tmp_path):
    help_text = subprocess.Popen(
        [sys.executable, "-m", "translearn.train", "--help"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    help_text.stdout.close()
    assert help_text.stderr.read() == b""
    assert help_text.wait(timeout=HANG) == 0


def test_torchrun_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert run_command(["run=smoke"]) == 2
    assert "run.gpus=N" in capsys.readouterr().err
