"""result.json: one dataclass, written by the engine and read by the report."""

import json
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from runs import config_of, train

from translearn.artifacts.result import (
    HINTS,
    SCHEMA,
    Result,
    load_result,
    read_result,
    started,
    write_result,
)
from translearn.renamed.names import RENAMED
from translearn.report.collect import Run, read_run
from translearn.report.grid import COLUMNS
from translearn.report.rows import KEYS

OLD = Path(__file__).parents[1] / "golden" / "runs" / "0.1"
WHOLE = Result(
    status="done",
    method="dann",
    seed=3,
    overrides=["method=dann"],
    metrics={"target/test/accuracy": 0.9},
    objective={"metric": "source/val/accuracy", "value": None},
    per_class={"target": {"0": 1.0}},
    cluster_sizes={"target": [3, 4]},
    phases=[{"name": "train", "steps": 3, "learn": ["head"]}],
    train_seconds=1.0,
    environment={"threads": 1},
)


def test_what_is_written_is_read(tmp_path):
    write_result(tmp_path, WHOLE)
    assert load_result(tmp_path) == WHOLE
    assert json.loads((tmp_path / "result.json").read_text())["schema"] == SCHEMA


def test_what_a_run_reports_is_read(tmp_path):
    values = train(tmp_path, "run=smoke", "run.rules=true", "seed=1")
    result = Result(**values)
    write_result(tmp_path, result)
    assert load_result(tmp_path) == result
    never = {"cluster_sizes", "elapsed_seconds", "experiment", "files", "label_budget",
             "data_places", "reason", "overrides", "exit_code", "warnings", "oracle",
             "pretrained"}  # fmt: skip
    empty = {name for name, value in values.items() if value in (None, "", [], {}, 0, False)}
    assert empty <= never  # the engine fills every other field


@pytest.mark.parametrize("name", sorted(path.name for path in OLD.iterdir()))
def test_files_of_the_first_release_are_read(name):
    written = json.loads((OLD / name / "result.json").read_text())
    assert "schema" not in written
    read = asdict(load_result(OLD / name))
    assert written.keys() <= read.keys()
    for key, value in written.items():
        value = RENAMED.data.get(value, value) if key == "data" else value
        assert read[key] == ("" if key == "reason" and value is None else value)


def test_keys_of_later_releases_are_left_out(tmp_path):
    values = {**asdict(WHOLE), "carbon_grams": 3}
    (tmp_path / "result.json").write_text(json.dumps(values))
    assert load_result(tmp_path) == WHOLE


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"status": "odd"}, "status"),
        ({"schema": SCHEMA + 1}, "schema"),
        ({"metrics": [1]}, "metrics"),
        ({"train_seconds": "long"}, "train_seconds"),
        ({"oracle": 1}, "oracle"),
    ],
)
def test_a_broken_file_says_what_is_wrong(changed, reason, tmp_path):
    (tmp_path / "result.json").write_text(json.dumps({**asdict(WHOLE), **changed}))
    with pytest.raises(ValueError, match=reason):
        load_result(tmp_path)
    assert read_result(tmp_path) is None
    run = read_run(tmp_path)
    assert run.status == "broken" and reason in run.reason


def test_a_value_that_makes_no_sense_hides_nothing():
    config = config_of("seed=3")
    result = started({**config, "seed": "three"}, "failed")
    assert (result.seed, result.method, result.selection) == (None, "dann", "last")


def test_the_columns_of_the_report_are_fields():
    assert {*KEYS, *COLUMNS} <= {field.name for field in fields(Run)}
    assert HINTS.keys() == {field.name for field in fields(Result)}


def test_reading_results_imports_no_torch():
    code = "import translearn.report.collect, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("value", ["NaN", "-NaN", "null", '"high"', "[1]"])
def test_a_metric_that_is_no_number_is_never_a_figure(value, tmp_path):
    write_result(tmp_path, WHOLE)
    path = tmp_path / "result.json"
    content = json.loads(path.read_text("utf-8"))
    content["metrics"] = {"target/test/accuracy": 0.9, "source/test/accuracy": 7.5}
    path.write_text(json.dumps(content).replace("7.5", value), "utf-8")
    found = read_result(tmp_path)  # None: a broken one
    assert found is None or found.metrics == {"target/test/accuracy": 0.9}
    assert value != "NaN" or found is not None
