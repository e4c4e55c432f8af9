"""run.dry=true: what it says of a run, and that it leaves nothing behind."""

import re
import signal

import pytest
from runs import METHODS, smoke_data

from translearn.errors import ConfigError
from translearn.launch.dry import together
from translearn.launch.rehearsal import duration
from translearn.methods.source_only import SourceOnly
from translearn.train import run_command

MACHINE = ("run.device=cpu", "run.threads=1", "run.precision=fp32", "run.figures=false")


@pytest.fixture
def dry(tmp_path, monkeypatch, capsys):
    """``dry(*overrides)``: exit code, what was printed, and errors of a dry run in ``tmp_path``."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(tmp_path)

    def run(*overrides):
        code = run_command([*MACHINE, "run.dry=true", *overrides])
        out, err = capsys.readouterr()
        return code, out, err

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert not list(tmp_path.iterdir())


def test_it_tells_streams_steps_and_parameters(dry):
    code, out, _ = dry("method=finetune", "run.source_samples=640", "run.batch_size=16")
    assert code == 0
    assert re.findall(r"^phase (\w+)$", out, flags=re.MULTILINE) == ["source", "target"]
    assert re.search(r"batch of source +\(16, 1, 28, 28\) labelled", out)
    learned, of = re.search(r"parameters +([\d,]+) learned of ([\d,]+)", out).groups()
    assert 0 < int(learned.replace(",", "")) <= int(of.replace(",", ""))
    steps = [int(number) for number in re.findall(r"^  steps +(\d+), ", out, flags=re.MULTILINE)]
    assert sum(steps) * 16 == 640  # of the whole run, not of the steps that were taken
    assert out.count("(4 were taken)") == 2
    assert re.search(r"scoring takes about +\d", out)
    assert re.search(r"figures take about +none are drawn", out)
    assert re.search(r"weights chosen by +last", out)
    assert re.search(r"scored at the end +.*target/test", out)


@pytest.mark.full
def test_it_draws_the_figures_too(dry, monkeypatch):
    def draw_figures(job, result, confusions, seen_unseen):
        drawn.append({task: int(one.sum()) for task, one in confusions.items()})
        return ["no figure"]

    drawn = []
    options = ("method=source_only", "run.source_samples=640", "run.figures=true")
    code, out, err = dry(*options)
    assert code == 0 and not err and re.search(r"figures take about +\d", out)
    monkeypatch.setattr("translearn.engine.pictures.draw_figures", draw_figures)
    code, out, err = dry(*options, "run.eval_batch_size=100")
    assert drawn == [{"source": 100, "target": 100}] and "warning: no figure" in err


def test_a_sweep_goes_on_after_a_job_that_would_fail(dry):
    code, out, err = dry("-m", "run.select=target_val,last", "run=smoke", "method=source_only")
    assert code == 1
    assert "error: job 0: run.select=target_val" in err
    assert out.count("dry run: method=source_only") == 1
    assert re.search(r"all jobs together\n  jobs +1\n  they take about +0\.\d\d core-hours", out)


def test_a_sweep_of_more_than_ten_core_hours_is_warned_of(dry):
    assert "warning" not in together([5 * 3600.0, 4.9 * 3600])
    assert "more than 10 core-hours" in together([5 * 3600.0, 5.1 * 3600])
    code, out, _ = dry("-m", "seed=0,1", "method=source_only", "run.source_samples=1000000000")
    assert code == 0
    assert "warning: that is more than 10 core-hours" in out
    assert "run.source_samples" in out.splitlines()[-1]


def test_a_run_that_would_fail_in_scoring_fails_dry(dry, monkeypatch):
    def predict(self, x, task):
        raise ConfigError(f"no answer for {tuple(x.shape)} of {task}")

    monkeypatch.setattr(SourceOnly, "predict", predict)
    code, _, err = dry("method=source_only", "run.source_samples=640", "run.batch_size=16")
    assert code == 2
    assert "no answer for (512, 1, 28, 28) of source" in err


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["run.gpus=2"], "add run.gpus=1"),
        (["run.resume=auto"], "leave out run.resume"),
        (["-m", "run.dry=true,false"], "as a whole or not at all"),
    ],
)
def test_what_cannot_be_tried_is_refused(dry, overrides, message):
    code, _, err = dry(*overrides)
    assert code == 2
    assert message in err


def test_durations_are_readable():
    assert [duration(s) for s in (0.0123, 4.54, 200.4)] == ["12.3 ms", "4.5 s", "3 min 20 s"]


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_tried(dry, method):
    code, out, err = dry(f"method={method}", f"data={smoke_data(method)}")
    assert code == 0, err
    if method == "closed_form":  # solved at once
        assert re.search(r"steps +none", out)
    else:
        assert re.search(r"\(4 were taken\)", out)
