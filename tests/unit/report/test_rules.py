"""tl-table --rules: choices on recorded scores, known by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from translearn.commands.table import main
from translearn.errors import ConfigError
from translearn.report.choices import ANY, ORACLE, rule_grids
from translearn.report.collect import collect

Write = Callable[..., Path]  # makes a run folder; see conftest.py
Scores = tuple[float, float, float]  # source validation, rule im, target test


def named(scores: Scores) -> dict[str, float]:
    names = ("source/val/accuracy", "target/unlabelled/im", "target/test/accuracy")
    return dict(zip(names, scores, strict=True))


def log(folder: Path, points: list[Scores]) -> None:
    early = {"phase": "warmup", "step": 9, **named((1.0, 99.0, 0.99))}  # of an earlier phase
    lines = [early, {"phase": "train", "step": 1, "loss/source": 0.5}]
    lines += [{"phase": "train", "step": i, **named(p)} for i, p in enumerate(points, 1)]
    lines += [{"phase": "end", "step": 9, **named(points[-1])}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def result(scores: Scores, option: str, **more: object) -> dict[str, object]:
    rules = {"rules": ["source_val", "im"], "select_floor": 0.9, "overrides": [option]}
    return {**rules, "metrics": named(scores), **more}


@pytest.fixture
def sweep(tmp_path: Path, write_run: Write) -> Path:
    """Two seeds of three settings; the best score by im has lost the source, or adapts."""
    scores: dict[tuple[str, int], Scores] = {
        ("run.lr=1", 0): (0.10, 9.0, 0.10),
        ("run.lr=2", 0): (0.95, 2.0, 0.70),
        ("run.lr=3", 0): (1.00, 1.0, 0.60),
        ("run.lr=1", 1): (0.95, 3.0, 0.90),
        ("run.lr=2", 1): (0.95, 2.0, 0.80),
        ("run.lr=3", 1): (1.00, 1.0, 0.50),
    }
    for (option, seed), end in scores.items():
        write_run(tmp_path / f"{option}{seed}", seed=seed, **result(end, option))
        log(tmp_path / f"{option}{seed}", [(1.0, 4.0, 0.40), (0.8, 8.0, 0.95), end])
    return tmp_path


def tables(folder: Path) -> list[dict[str, dict[str, str]]]:
    """Rule -> column -> cell, of each table."""
    found = []
    for grid in rule_grids(collect([folder])):
        lines = [dict(zip(grid.header, cells, strict=True)) for cells in grid.cells]
        found.append({line["rule"]: line for line in lines})
    return found


def test_the_settings_that_rules_take_among_the_runs_of_a_sweep(sweep: Path) -> None:
    options = tables(sweep)[1]
    assert list(options) == ["source_val", "im", ORACLE, ANY]
    # im: seed 0 leaves out lr=1 (source .1 < .9), and takes lr=2; seed 1 takes lr=1
    assert options["im"]["target test %"].startswith("80.00")  # of .7 and .9
    assert options["im"]["gap to oracle"] == "0.00"
    assert options["im"]["chosen"] == "run.lr=2 (1); run.lr=1 (1)"
    assert options["source_val"]["target test %"].startswith("55.00")  # of .6 and .5
    assert options["source_val"]["gap to oracle"] == "25.00"
    assert options["source_val"]["largest gap"] == "40.00"
    assert options["source_val"]["chosen"] == "run.lr=3"
    assert options[ANY]["target test %"].startswith("60.00")  # of 1.4 / 3 and 2.2 / 3
    assert {line["seeds"] for line in options.values()} == {"2"}


def test_the_weights_that_rules_take_within_a_run(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "run", **result((0.95, 5.0, 0.70), "run.lr=1"))
    log(tmp_path / "run", [(1.0, 4.0, 0.40), (0.8, 8.0, 0.90), (0.95, 5.0, 0.70)])
    (weights,) = tables(tmp_path)  # a single setting: no options to choose from
    assert {rule: line["target test %"][:5] for rule, line in weights.items()} == {
        "last": "70.00",
        "source_val": "40.00",
        "im": "70.00",  # step 2 scores higher, and has lost the source
        ORACLE: "90.00",
    }
    assert weights["im"]["gap to oracle"] == "20.00"


def test_without_target_labels_the_choice_is_shown_alone(tmp_path: Path, write_run: Write) -> None:
    for option, score in (("run.lr=1", 1.0), ("run.lr=2", 2.0)):
        scores = {"source/val/accuracy": 1.0, "target/unlabelled/im": score}
        write_run(tmp_path / option, **{**result((0, 0, 0), option), "metrics": scores})
        log(tmp_path / option, [(1.0, score, 0.5)])
        path = tmp_path / option / "metrics.jsonl"
        path.write_text(path.read_text().replace("target/test/accuracy", "loss/unused"))
    (options,) = tables(tmp_path)
    assert list(options) == ["source_val", "im"]
    assert options["im"]["chosen"] == "run.lr=2"
    assert options["im"]["target test %"] == options["im"]["gap to oracle"] == "—"


def test_the_command(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sweep), "--rules"]) == 0
    printed = capsys.readouterr().out
    assert "Chosen: the weights of a run" in printed and "Chosen: the options" in printed
    assert main([str(sweep), "--rules", "--markdown", "-"]) == 0
    assert capsys.readouterr().out.count("| method | rule |") == 2


def test_runs_without_scores_are_refused(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"run\.rules=true"):
        rule_grids(collect([tmp_path]))
