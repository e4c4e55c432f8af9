import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from translearn.artifacts.result import Result
from translearn.commands.table import main
from translearn.report.collect import collect
from translearn.report.compare import compare
from translearn.report.grid import aggregate, markdown, spread
from translearn.report.references import (
    BELOW_FROZEN,
    NEGATIVE,
    NO_BETTER,
    NOT_COMPARED,
    compare_with,
)
from translearn.report.rows import group
from translearn.report.table import print_result, print_table

Write = Callable[..., Path]  # makes a run folder; see conftest.py
REFERENCE = {"method": "source_only", "quadrant": "reference"}


def accuracies(target: float, source: float = 0.98) -> dict[str, float]:
    return {"target/test/accuracy": target, "source/test/accuracy": source}


@pytest.fixture
def sweep(tmp_path: Path, write_run: Write) -> Path:
    """source_only and dann over three seeds, dann better."""
    for seed, (plain, adapted) in enumerate([(0.60, 0.90), (0.62, 0.92), (0.64, 0.97)]):
        write_run(tmp_path / f"s{seed}", seed=seed, metrics=accuracies(plain), **REFERENCE)
        write_run(tmp_path / f"d{seed}", seed=seed, metrics=accuracies(adapted), train_seconds=20.0)
    return tmp_path


def columns(folder: Path, metric: str | None = None) -> list[dict[str, str]]:
    grid = aggregate(collect([folder]), metric)
    return [dict(zip(grid.header, cells, strict=True)) for cells in grid.cells]


def test_mean_and_sample_deviation_over_seeds(sweep: Path) -> None:
    source_only, dann = columns(sweep)
    assert source_only["method"] == "source_only"
    assert source_only["target test %"] == "62.00 ± 2.00"
    # mean (90 + 92 + 97) / 3 = 93; sample variance (9 + 1 + 16) / 2 = 13
    assert dann["target test %"] == "93.00 ± 3.61"
    assert dann["source test %"] == "98.00 ± 0.00"
    assert (dann["seeds"], dann["train s"], dann["core s"]) == ("0,1,2", "20.0", "9.0")
    assert "note" not in dann


def test_constant_columns_are_told_once_above(sweep: Path) -> None:
    grid = aggregate(collect([sweep]))
    assert grid.above == [
        "data: digits_photos, backbone: wide, augment: none, protocol: split, selection: last"
    ]
    assert grid.header[0] == "method"
    assert "backbone" not in grid.header


def test_options_given_to_every_run_are_told_once(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "0", overrides=["run.source_samples=10", "run.lr=0.1", "seed=0"])
    write_run(tmp_path / "1", overrides=["run.source_samples=10", "run.lr=0.2", "seed=0"])
    assert aggregate(collect([tmp_path])).above[0].endswith(", settings: run.source_samples=10")
    assert [row["settings"] for row in columns(tmp_path)] == ["run.lr=0.1", "run.lr=0.2"]


def test_piped_table_is_not_folded(
    tmp_path: Path, write_run: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"method.an_option_with_a_long_name_{i}=123456789" for i in range(6)]
    write_run(tmp_path / "0", overrides=options)
    write_run(tmp_path / "1", overrides=[])
    print_table([tmp_path])
    assert " ".join(options) in capsys.readouterr().out


def test_one_seed_has_no_deviation() -> None:
    assert spread("target/test/accuracy", [0.5]) == "50.00 ± —"
    assert spread("target/test/nmi", [0.5, 0.7]) == "0.600 ± 0.141"
    assert spread("zsl/t1", []) == ""
    assert spread("zsl/t1", [float("nan")] * 2) == "nan ± nan"


def test_protocols_stand_in_rows_of_their_own(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "0", seed=0, protocol="transductive", metrics=accuracies(0.8))
    write_run(tmp_path / "1", seed=1, protocol="split", metrics=accuracies(0.6))
    rows = {row["protocol"]: row["target test %"] for row in columns(tmp_path)}
    assert rows == {"split": "60.00 ± —", "transductive": "80.00 ± —"}
    assert any("held-out 10 %" in line for line in aggregate(collect([tmp_path])).below)


def test_metric_that_only_some_seeds_have(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "0", seed=0)
    write_run(tmp_path / "1", seed=1, metrics={"source/test/accuracy": 0.5})
    assert columns(tmp_path)[0]["target test %"] == "90.00 ± — (1 of 2)"


def test_headline_that_is_not_an_accuracy(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "0", headline="target/test/nmi", metrics={"target/test/nmi": 0.4567})
    write_run(tmp_path / "1", seed=1, method="mmd")
    rows = {row["method"]: row for row in columns(tmp_path)}
    assert rows["dann"]["target/test/nmi"] == "0.457 ± —"
    assert rows["dann"]["target test %"] == ""
    assert rows["mmd"]["target/test/nmi"] == ""


def test_negative_transfer_is_judged_on_the_shared_seeds(tmp_path: Path, write_run: Write) -> None:
    # Over all seeds dann is above source_only (.60 to .575); on the shared seed 0 it is below.
    for seed, accuracy in ((0, 0.70), (1, 0.45)):
        write_run(tmp_path / f"s{seed}", seed=seed, metrics=accuracies(accuracy), **REFERENCE)
    write_run(tmp_path / "d0", seed=0, metrics=accuracies(0.60))
    write_run(tmp_path / "d2", seed=2, metrics=accuracies(0.60))
    source_only, dann = columns(tmp_path)
    assert dann["note"] == f"{NEGATIVE} (70.00)"
    assert source_only["note"] == ""
    assert any(line.startswith(f"{NEGATIVE}:") for line in aggregate(collect([tmp_path])).below)


@pytest.mark.parametrize(
    "other",
    [{"augment": "color"}, {"backbone": "lenet"}, {"protocol": "transductive"}, {"data": "x"},
     {"label_budget": 3}, {"seed": 9}, {"overrides": ["data.source=dslr"]}],
)  # fmt: skip
def test_no_negative_transfer_across_settings(
    tmp_path: Path, other: dict[str, object], write_run: Write
) -> None:
    write_run(tmp_path / "s", metrics=accuracies(0.99), **{**REFERENCE, **other})
    write_run(tmp_path / "d", metrics=accuracies(0.10))
    assert not any(NEGATIVE in row.get("note", "") for row in columns(tmp_path))


def test_equal_to_source_only_is_no_negative_transfer(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "s", metrics=accuracies(0.5), **REFERENCE)
    write_run(tmp_path / "t", metrics=accuracies(0.1), method="target_only", quadrant="reference")
    write_run(tmp_path / "d", metrics=accuracies(0.5))
    assert "note" not in columns(tmp_path)[0]


def test_missing_source_only_row_is_told(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "d")
    assert "no source_only row to compare with: data=digits_photos augment=none" in (
        aggregate(collect([tmp_path])).below
    )


def test_oracle_rows_are_marked(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "0", selection="oracle", oracle=True)
    write_run(tmp_path / "1")
    notes = {row["selection"]: row["note"] for row in columns(tmp_path)}
    assert notes == {"last": "", "oracle": "ORACLE"}


def test_unfinished_runs_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], write_run: Write, write_started: Write
) -> None:
    write_run(tmp_path / "0", status="failed", reason="loss is nan\nlower run.lr", metrics={})
    write_run(tmp_path / "1", status="interrupted", reason="stopped by SIGTERM", metrics={})
    write_started(tmp_path / "2")
    print_table([tmp_path])
    out = capsys.readouterr().out
    assert "FAILED dann on digits_photos seed=0: loss is nan [" in out
    assert "lower run.lr" not in out
    assert "INTERRUPTED dann on digits_photos seed=0: stopped by SIGTERM [" in out
    assert re.search(r"KILLED dann on digits_photos seed=3: .*result\.json", out)


def test_duplicates_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], write_run: Write
) -> None:
    write_run(tmp_path / "old", age=9, metrics=accuracies(0.1))
    write_run(tmp_path / "new", metrics=accuracies(0.8))
    print_table([tmp_path])
    out = capsys.readouterr().out
    assert f"was run again, the newest counts, not [{tmp_path / 'old'}]" in out
    assert "80.00 ± —" in out


@pytest.mark.parametrize("width", ["30", "80", "200"])
def test_numbers_are_whole_in_a_narrow_terminal(
    sweep: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    width: str,
    write_run: Write,
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    write_run(sweep / "long", method="a_method_with_quite_a_long_name", backbone="a_long_name")
    print_table([sweep])
    out = capsys.readouterr().out
    assert "93.00 ± 3.61" in out
    assert "62.00 ± 2.00" in out
    assert "…" not in out


def test_csv_has_a_line_for_every_run(
    sweep: Path, capsys: pytest.CaptureFixture[str], write_run: Write
) -> None:
    write_run(sweep / "f", seed=7, status="failed", reason='two\nlines, "quoted"', metrics={})
    assert main([str(sweep), "--csv", "-"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 7
    failed = next(row for row in rows if row["status"] == "failed")
    assert failed["reason"] == 'two\nlines, "quoted"'
    assert failed["target/test/accuracy"] == ""
    values = {(r["method"], r["seed"]): r["target/test/accuracy"] for r in rows}
    assert float(values["dann", "2"]) == 0.97


def test_markdown_has_the_shape_of_the_table(sweep: Path, tmp_path: Path) -> None:
    file = tmp_path / "table.md"
    assert main([str(sweep), "--markdown", str(file)]) == 0
    lines = [line for line in file.read_text(encoding="utf-8").split("\n") if line[:1] == "|"]
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert set(lines[1]) <= set("| -")
    assert "| 93.00 ± 3.61 |" in lines[3]


def test_markdown_escapes_bars(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "0", method="a|b")
    assert "| a\\|b |" in markdown(aggregate(collect([tmp_path])))


def test_another_metric_stands_first(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert columns(sweep, "source/test/accuracy")[0].keys() >= {"source test %"}
    assert main([str(sweep), "--metric", "source/test/acuracy"]) == 2
    assert "did you mean source/test/accuracy?" in capsys.readouterr().err


def test_nothing_to_show_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "missing")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert "no run at or below" in capsys.readouterr().err


def test_unwritable_file_is_an_error(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sweep), "--csv", str(sweep / "none" / "file.csv")]) == 7
    assert "cannot be written" in capsys.readouterr().err


def result(**values: object) -> Result:
    known = {
        "method": "dann", "data": "office31", "backbone": "resnet50", "augment": "photo", "seed": 1,
        "metrics": {**accuracies(0.7654), "source/val/accuracy": 0.5}, "headline": None,
        "protocol": "split", "selection": "last", "oracle": False, "train_seconds": 12.34,
        "train_core_seconds": 11.1, "samples_per_second": 2345.6, "precision": "bf16",
        "warnings": ["the discriminator wins"], **values,
    }  # fmt: skip
    return Result.of({"status": "done", **known})


def test_end_table_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(result(headline="target/test/accuracy"), Path("outputs/some [odd] folder"))
    out = capsys.readouterr().out
    assert re.search(r"target test accuracy\s+76\.54 %", out)
    assert re.search(r"source test accuracy\s+98\.00 %", out)
    assert re.search(r"source val accuracy\s+50\.00 %", out)
    assert re.search(r"training time\s+12\.3 s", out)
    assert re.search(r"core-seconds\s+11\.1", out)
    assert re.search(r"samples/s\s+2346", out)
    assert re.search(r"precision\s+bf16", out)
    assert "warning: the discriminator wins" in out
    assert "run folder: outputs/some [odd] folder\n" in out
    assert "tl-predict" not in out
    assert "ORACLE" not in out


def test_end_table_without_target_labels(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(result(metrics={"source/test/accuracy": 0.9}), Path("outputs/run"))
    out = capsys.readouterr().out
    assert "target metrics are absent" in out
    assert "tl-predict outputs/run FOLDER" in out


def test_end_table_names_the_held_out_source_and_the_oracle(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_result(result(protocol="transductive", oracle=True, selection="oracle"), Path("run"))
    out = capsys.readouterr().out
    assert "source (held-out 10 %) test accuracy" in out
    assert "ORACLE: the weights were selected on target test labels" in out


def test_reports_do_not_import_torch() -> None:
    code = 'import translearn.report.table, sys; assert "torch" not in sys.modules'
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_row_that_is_not_above_batch_norm_statistics_alone_is_marked(
    tmp_path: Path, write_run: Write
) -> None:
    adabn = {**REFERENCE, "method": "adabn"}
    write_run(tmp_path / "s", metrics=accuracies(0.5), **REFERENCE)
    write_run(tmp_path / "a", metrics=accuracies(0.7), **adabn)
    for name, accuracy in (("dann", 0.7), ("mmd", 0.71), ("cdan", 0.4)):
        write_run(tmp_path / name, method=name, metrics=accuracies(accuracy))
    notes = {row["method"]: row["note"] for row in columns(tmp_path)}
    assert list(notes)[:2] == ["source_only", "adabn"]
    assert notes["dann"] == f"{NO_BETTER} (70.00)"
    assert notes["mmd"] == notes["adabn"] == notes["source_only"] == ""
    assert notes["cdan"] == f"{NEGATIVE} (50.00) {NO_BETTER} (70.00)"
    below = aggregate(collect([tmp_path])).below
    assert any(line.startswith(f"{NO_BETTER}: ") for line in below)


@pytest.mark.parametrize(
    ("budget", "drawn", "note"),
    [
        (8000, 8000, f"{NEGATIVE} (70.00)"),
        (64000, 64000, f"{NOT_COMPARED} with source_only (8000)"),
        (0, 0, f"{NEGATIVE} (70.00)"),  # of a run that tells none
        (0, 4000, f"{NOT_COMPARED} with source_only (8000)"),  # nor this, but what it drew
    ],
)
def test_rows_of_another_budget_are_not_compared(
    budget: int, drawn: int, note: str, tmp_path: Path, write_run: Write
) -> None:
    write_run(tmp_path / "s", metrics=accuracies(0.7), budget=8000, **REFERENCE)
    counts = {"budget": budget, "source_samples": drawn}
    for seed in range(3):
        write_run(tmp_path / f"d{seed}", metrics=accuracies(0.6), seed=seed, **counts)
    runs = collect([tmp_path])
    assert {row["method"]: row.get("note", "") for row in columns(tmp_path)}["dann"] == note
    assert bool(compare(runs).differences) is (NEGATIVE in note)


def test_of_several_references_the_one_of_the_same_budget_is_compared_with(
    tmp_path: Path, write_run: Write
) -> None:
    for name, budget, accuracy in (("a", 8000, 0.7), ("b", 64000, 0.5)):
        options = {"overrides": [f"run.source_samples={budget}"], "budget": budget}
        write_run(tmp_path / name, metrics=accuracies(accuracy), **options, **REFERENCE)
    write_run(tmp_path / "d", metrics=accuracies(0.6), budget=64000, overrides=["run.ema=0"])
    assert {row["method"]: row.get("note", "") for row in columns(tmp_path)}["dann"] == ""


def test_the_end_of_a_run_tells_what_to_compare_with_and_how(
    tmp_path: Path, write_run: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [
        "method=dann",
        "method.strength=2",
        "method/x=y",
        "data=digits_photos",
        "run.lr=0.1",
        "seed=3",
    ]
    rows = ["source_only", "adabn"]
    write_run(tmp_path / "d", seed=3, overrides=given, references=rows)
    (run,) = collect([tmp_path])
    print_result(run, run.folder)
    line = (
        "compare with source_only, adabn: "
        "tl-run -m method=source_only,adabn data=digits_photos run.lr=0.1 seed=3"
    )
    assert line in capsys.readouterr().out.splitlines()
    (tmp_path / "multirun.yaml").touch()
    print_result(run, run.folder)
    assert "compare with" not in capsys.readouterr().out  # the sweep's table tells it
    published = replace(run, experiment="digits_dann")
    assert compare_with(published) == (
        "compare with source_only, adabn on the same data, backbone, augmentation and budget"
    )
    write_run(tmp_path / "s", **REFERENCE)
    print_table([tmp_path])
    assert "method=adabn data=digits_photos run.lr=0.1 seed=0,3\n" in capsys.readouterr().out
    write_run(tmp_path / "a", **{**REFERENCE, "method": "adabn"})
    print_table([tmp_path])
    assert "compare with" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "budget", "told"),
    [
        ([], 64000, "run.source_samples=64000"),
        (["run.source_samples=640"], 640, "run.source_samples=640"),
        ([], 0, ""),  # of a run that knew no such key
    ],
)
def test_a_reference_row_is_to_draw_as_much_of_the_source(
    given: list[str], budget: int, told: str, tmp_path: Path, write_run: Write
) -> None:
    write_run(tmp_path, overrides=given, references=["source_only"], budget=budget)
    (run,) = collect([tmp_path])
    words = " ".join(filter(None, ["tl-run -m method=source_only", told, "seed=0"]))
    assert compare_with(run) == f"compare with source_only: {words}"


@pytest.mark.parametrize(("pretrained", "marked"), [(True, True), (False, False), (None, False)])
def test_a_row_below_the_frozen_features_is_marked_where_they_are_pretrained(
    tmp_path: Path, pretrained: bool | None, marked: bool, write_run: Write
) -> None:
    frozen = {**REFERENCE, "method": "frozen"}
    write_run(tmp_path / "s", metrics=accuracies(0.5), **REFERENCE)
    write_run(tmp_path / "f", metrics=accuracies(0.7), **frozen)
    write_run(tmp_path / "d", metrics=accuracies(0.6), pretrained=pretrained)
    note = {row["method"]: row.get("note", "") for row in columns(tmp_path)}["dann"]
    assert note == (f"{BELOW_FROZEN} (70.00)" if marked else "")


@pytest.mark.parametrize(("accuracy", "marked"), [(0.144, True), (0.05, True), (0.146, False)])
def test_a_row_near_chance_is_marked(
    tmp_path: Path, accuracy: float, marked: bool, write_run: Write
) -> None:
    classes = {"target": dict.fromkeys("0123456789", 0.1)}
    write_run(tmp_path / "d", metrics=accuracies(accuracy), per_class=classes)
    (row,) = columns(tmp_path)
    assert row.get("note", "") == ("at chance (10 %)" if marked else "")


def test_steps_and_labelled_source_samples_stand_in_the_table(
    tmp_path: Path, write_run: Write
) -> None:
    write_run(tmp_path / "d", steps=250, source_samples=8000, samples=16000)
    write_run(tmp_path / "f", method="ridge", steps=0)
    write_run(tmp_path / "s", method="selftaught", steps=100, samples=6400)
    found = {row["method"]: (row["steps"], row["source samples"]) for row in columns(tmp_path)}
    assert found == {
        "dann": ("250", "8000"),
        "ridge": ("no steps", "—"),
        "selftaught": ("100", "— (6400 own)"),
    }


def test_runs_of_other_stored_configs_are_rows_of_their_own(
    tmp_path: Path, write_run: Write
) -> None:
    """An experiment file was edited in between."""
    for number, (seed, lr) in enumerate([(0, 0.5), (1, 0.5), (0, 0.02), (1, 0.02)]):
        folder = tmp_path / str(number)
        write_run(folder, seed=seed, overrides=["experiment=mine", f"seed={seed}"])
        (folder / ".hydra").mkdir(exist_ok=True)
        (folder / ".hydra" / "config.yaml").write_text(
            f"seed: {seed}\nrun: {{lr: {lr}, threads: {number + 1}}}\n"
            "data: {class_seed: '${seed}'}\n"
        )
    rows, older = group(collect([tmp_path]))
    assert {row.settings for row in rows} == {("run.lr=0.5",), ("run.lr=0.02",)}
    assert [len(row.runs) for row in rows] == [2, 2] and not older


def test_without_a_stored_config_options_decide(tmp_path: Path, write_run: Write) -> None:
    for seed in (0, 1):
        write_run(tmp_path / str(seed), seed=seed)
        assert not (tmp_path / str(seed) / ".hydra").exists()
    (row,), _ = group(collect([tmp_path]))
    assert len(row.runs) == 2 and row.settings == ()


@pytest.mark.parametrize("option", ["csv", "markdown", "latex", "html"])
def test_a_file_that_exists_is_replaced_by_force_alone(
    option: str, tmp_path: Path, write_run: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "runs/a", seed=0)
    file = tmp_path / "file"
    file.write_text("of somebody")
    words = [str(tmp_path / "runs"), f"--{option}", str(file)]
    assert main(words) == 2
    assert f"--{option} {file} exists" in capsys.readouterr().err
    assert file.read_text() == "of somebody"
    assert main([*words, "--force"]) == 0
    assert file.read_text() != "of somebody"
