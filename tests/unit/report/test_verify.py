import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from runs import train

from translearn.artifacts.result import Result, write_result
from translearn.commands import verify
from translearn.commands.claims import Claim, choose, read_claims
from translearn.commands.verify import main, run_claims
from translearn.config import conf_dir
from translearn.errors import ConfigError
from translearn.report.collect import collect

Write = Callable[..., Path]  # makes a run folder; see conftest.py
Make = Callable[[Mapping[int, float]], verify.Runner]

GATE_MINUTES = 8.0  # of one core, that the embedded claims may take together
CLAIM = """\
# @package _global_
claim:
  metric: target/test/accuracy
  mean: 0.95
  tolerance: 0.01
  seeds: [0, 1]
  minutes: 1.5
  device: cpu
  source: our own runs
  embedded: true
"""


def claim(**values: object) -> Claim:
    known = {
        "name": "digits",
        "metric": "target/test/accuracy",
        "mean": 0.95,
        "tolerance": 0.01,
        "seeds": (0, 1),
        "minutes": 1.0,
        "device": "cpu",
        "source": "our own runs",
    }
    return Claim(**{**known, **values})  # type: ignore[arg-type]


@pytest.fixture
def runner(write_run: Write) -> Make:
    """Makes a runner that gives each seed its accuracy."""

    def of(accuracies: Mapping[int, float]) -> verify.Runner:
        def run(claim: Claim, seed: int, folder: Path) -> int:
            write_run(folder, seed=seed, metrics={"target/test/accuracy": accuracies[seed]})
            return 0

        return run

    return of


def crash(code: int, message: str) -> verify.Runner:
    def run(claim: Claim, seed: int, folder: Path) -> int:
        (folder / "output.txt").write_text(f"seed={seed}\nerror: {message}\nwhat to do\n")
        return code

    return run


def test_pass_tells_mean_deviation_and_seeds(
    tmp_path: Path, runner: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_claims([claim()], tmp_path, runner({0: 0.94, 1: 0.96})) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "PASS digits  target/test/accuracy 0.9500 ± 0.0141, claimed 0.9500 - 0.0100"
    )
    assert "seeds 0: 0.9400, 1: 0.9600; 0.0 minutes" in out
    assert (tmp_path / "digits" / "1" / "result.json").is_file()


@pytest.mark.parametrize(
    ("measured", "mean", "tolerance", "code"),
    [(0.94, 0.95, 0.01, 0), (0.2, 0.3, 0.1, 0), (0.8, 0.9, 0.1, 0), (0.7, 0.8, 0.1, 0),
     (0.9399, 0.95, 0.01, 1), (float("nan"), 0.95, 0.01, 1), (1.0, 0.95, 0.0, 0)],
)  # fmt: skip
def test_edge_of_the_tolerance(
    tmp_path: Path, runner: Make, measured: float, mean: float, tolerance: float, code: int
) -> None:
    one = claim(mean=mean, tolerance=tolerance)
    assert run_claims([one], tmp_path, runner({0: measured, 1: measured})) == code


def test_one_fail_fails_all_but_stops_nothing(
    tmp_path: Path, runner: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = [claim(name="low"), claim(name="high", mean=0.5)]
    assert run_claims(claims, tmp_path, runner({0: 0.9, 1: 0.9})) == 1
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["FAIL", "low"],
        ["PASS", "high"],
    ]


def test_crash_fails_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_claims([claim()], tmp_path, crash(2, "method=dan does not exist")) == 1
    out = capsys.readouterr().out
    assert out.startswith("FAIL digits  seed 0 ended with exit code 2: error: method=dan does not")


def test_failed_result_gives_the_reason(
    tmp_path: Path, write_run: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(claim: Claim, seed: int, folder: Path) -> int:
        write_run(folder, status="failed", reason="loss is nan", metrics={})
        return 4

    assert run_claims([claim()], tmp_path, run) == 1
    assert "exit code 4: loss is nan" in capsys.readouterr().out


def test_metric_that_does_not_exist_fails(
    tmp_path: Path, runner: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    one = claim(metric="target/test/acc")
    assert run_claims([one], tmp_path, runner({0: 1.0, 1: 1.0})) == 1
    assert "did you mean target/test/accuracy?" in capsys.readouterr().out


@pytest.mark.parametrize(("named", "code"), [(False, 0), (True, 1)])
def test_missing_data_is_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], named: bool, code: int
) -> None:
    assert run_claims([claim()], tmp_path, crash(3, "MNIST is missing"), named=named) == code
    assert capsys.readouterr().out == "SKIPPED digits  error: MNIST is missing\n"


def test_missing_gpu_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "has_cuda", lambda: False)
    assert run_claims([claim(device="cuda")], tmp_path, crash(1, "never called")) == 0
    assert "SKIPPED digits  it needs a GPU" in capsys.readouterr().out


def test_a_seed_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    """The real command line, up to a config error."""
    one = claim(name="there_is_no_such_experiment")
    assert verify.run_seed(one, 0, tmp_path) == 2
    assert "there_is_no_such_experiment" in verify.told(tmp_path / "output.txt")


def test_command_line_of_a_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **options: object) -> None:
            commands.append(command)
            super().__init__([sys.executable, "-c", "raise SystemExit(5)"])

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    assert verify.run_seed(claim(overrides=("run.source_samples=10",)), 3, tmp_path) == 5
    assert commands == [
        [sys.executable, "-m", "translearn.train", "experiment=digits", "run.device=cpu",
         "run.source_samples=10", "seed=3", f"hydra.run.dir='{tmp_path}'"]
    ]  # fmt: skip


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config folder with three experiments, of which two carry a claim."""
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "small.yaml").write_text(CLAIM)
    (folder / "paper.yaml").write_text(CLAIM.replace("embedded: true", "overrides: [run.gpus=1]"))
    (folder / "bare.yaml").write_text("# @package _global_\nclaim: null\nseed: 1\n")
    monkeypatch.setattr(verify, "conf_dir", lambda: str(tmp_path / "conf"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "conf"


def test_claims_are_read_from_the_experiments(conf: Path) -> None:
    claims = read_claims(conf)
    assert list(claims) == ["paper", "small"]
    assert claims["small"][0].seeds == (0, 1)
    assert claims["paper"][0].overrides == ("run.gpus=1",)
    assert [c.name for c in choose(claims, [], embedded=True)] == ["small"]
    assert [c.name for c in choose(claims, ["small", "paper", "small"], False)] == [
        "small",
        "paper",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mean: 0.95", "maen: 0.95", "claim.maen does not exist; did you mean mean?"),
        ("  minutes: 1.5\n", "", "claim.minutes is missing"),
        ("mean: 0.95", "mean: high", "high"),
        ("seeds: [0, 1]", "seeds: []", "needs a seed"),
        ("device: cpu", "device: tpu", "cpu, cuda, any"),
    ],
)
def test_wrong_claims_name_the_file(conf: Path, old: str, new: str, message: str) -> None:
    (conf / "experiment" / "small.yaml").write_text(CLAIM.replace(old, new))
    with pytest.raises(ConfigError, match=r"small\.yaml") as error:
        read_claims(conf)
    assert message in str(error.value)


def test_list_runs_nothing(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    out = capsys.readouterr().out
    assert "small: target/test/accuracy >= 0.9500 - 0.0100, seeds 0,1, 1.5 minutes a seed" in out
    assert "our own runs" in out
    assert not (conf.parent / "outputs").exists()


def test_unknown_name(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smal"]) == 2
    assert "did you mean small?" in capsys.readouterr().err
    assert main(["paper", "--embedded"]) == 2


def test_command_runs_what_was_chosen(
    conf: Path, runner: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "run_seed", runner({0: 0.97, 1: 0.97}))
    assert main(["--embedded"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 claims, about 3.0 minutes, in outputs/verify/")
    assert lines[1].startswith("PASS small")
    assert len(list((conf.parent / "outputs").glob("verify/*/small/*/result.json"))) == 2


TABLE = (
    CLAIM.replace("  mean: 0.95\n", "").replace("seeds: [0, 1]", "seeds: [0]")
    + """\
  overrides: [run=smoke]
  runs:
    data=digits_photos run.source_samples=192:
      method=source_only: 0.0
      method=dann: {mean: 1.5, tolerance: 0.1, source: another paper, seeds: [1]}
    data=digits_parity:
      method=source_only: {mean: 0.2}
"""
)


def test_a_table_is_a_claim_a_cell(conf: Path) -> None:
    (conf / "experiment" / "small.yaml").write_text(TABLE)
    first, second, third = read_claims(conf)["small"]
    assert first.options == ("experiment=small", "run.device=cpu", "run=smoke",
                             "data=digits_photos", "run.source_samples=192",
                             "method=source_only")  # fmt: skip
    assert (first.mean, first.tolerance, first.source) == (0.0, 0.01, "our own runs")
    assert (second.mean, second.tolerance, second.seeds) == (1.5, 0.1, (1,))
    assert second.source == "another paper"
    assert third.title == "small data=digits_parity method=source_only"
    assert len({claim.folder for claim in (first, second, third)}) == 3
    assert len(choose(read_claims(conf), ["small"], embedded=True)) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{mean: 0.2}", "{mean: 0.2, tolerence: 1}", "did you mean tolerance?"),
        ("{mean: 0.2}", "high", "high"),
        (TABLE[TABLE.index("  runs:") :], "  runs: {}\n", "claim.runs is empty"),
    ],
)
def test_wrong_cells_name_the_file(conf: Path, old: str, new: str, message: str) -> None:
    (conf / "experiment" / "small.yaml").write_text(TABLE.replace(old, new))
    with pytest.raises(ConfigError, match=r"small\.yaml") as error:
        read_claims(conf)
    assert message in str(error.value)


def test_a_table_is_run_cell_by_cell(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (conf / "experiment" / "small.yaml").write_text(TABLE)

    def run(claim: Claim, seed: int, folder: Path) -> int:
        options = [word for word in claim.options if not word.startswith("experiment=")]
        write_result(folder, Result(**train(folder, *options, f"seed={seed}")))
        return 0

    monkeypatch.setattr(verify, "run_seed", run)
    cells = [claim for claim in read_claims(conf)["small"] if "data=digits_photos" in claim.cell]
    assert run_claims(cells, conf.parent / "verified") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "PASS small data=digits_photos run.source_samples=192 method=source_only",
        "FAIL small data=digits_photos run.source_samples=192 method=dann",
    ]
    assert "claimed 1.5000 - 0.1000; seeds 1: " in lines[1]
    runs = collect([conf.parent / "verified"])
    assert [(run.method, run.seed) for run in runs] == [("source_only", 0), ("dann", 1)]


def test_the_claims_that_gate_every_commit_are_cheap() -> None:
    claims = choose(read_claims(Path(conf_dir())), [], embedded=True)
    assert sum(claim.total_minutes for claim in claims) <= GATE_MINUTES
