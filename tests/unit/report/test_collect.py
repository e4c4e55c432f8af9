from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from translearn.report.collect import collect, read_run
from translearn.report.rows import group, source_only_of

Write = Callable[..., Path]  # makes a run folder; see conftest.py


def test_finds_runs_at_and_below_each_folder_once(tmp_path: Path, write_run: Write) -> None:
    first = write_run(tmp_path / "2026-01-01" / "a")
    second = write_run(tmp_path / "sweeps" / "s" / "0", seed=1)
    write_run(second / "checkpoints" / "not_a_run")
    found = collect([tmp_path, first, second])
    assert [run.folder for run in found] == [first, second]
    assert found[1].seed == 1
    assert found[1].metrics["target/test/accuracy"] == 0.9


def test_folder_without_result_was_killed(tmp_path: Path, write_started: Write) -> None:
    run = read_run(write_started(tmp_path / "run"))
    assert (run.status, run.method, run.data, run.augment, run.seed) == (
        "killed", "dann", "digits_photos", "color", 3
    )  # fmt: skip
    assert "killed" in run.reason


def test_lock_tells_running_from_killed(tmp_path: Path, write_started: Write) -> None:
    folder = write_started(tmp_path / "run")
    with FileLock(folder / ".lock"):
        assert read_run(folder).status == "running"
    assert read_run(folder).status == "killed"


@pytest.mark.parametrize("config", ["", "method: [", "- 1", "method: dann\nseed: 1"])
def test_broken_config_of_a_killed_run(tmp_path: Path, config: str, write_started: Write) -> None:
    run = read_run(write_started(tmp_path / "run", config))
    assert (run.status, run.method) == ("killed", None)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"status": "odd"}'])
def test_broken_result_is_broken(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    (run,) = collect([tmp_path])
    assert run.status == "broken"
    assert "result.json" in run.reason


@pytest.mark.parametrize(
    "changed",
    [
        {"data": "other"},
        {"method": "mmd"},
        {"backbone": "lenet"},
        {"augment": "color"},
        {"protocol": "transductive"},
        {"label_budget": 5},
        {"selection": "oracle", "oracle": True},
        {"overrides": ["run.source_samples=64000"]},
        {"overrides": ["+method.strength=2"]},
    ],
)
def test_what_differs_never_shares_a_row(
    tmp_path: Path, changed: dict[str, object], write_run: Write
) -> None:
    write_run(tmp_path / "0", seed=0)
    write_run(tmp_path / "1", seed=1, **changed)
    rows, older = group(collect([tmp_path]))
    assert [len(row.runs) for row in rows] == [1, 1]
    assert not older


def test_where_and_how_fast_a_run_computes_is_no_difference(
    tmp_path: Path, write_run: Write
) -> None:
    write_run(tmp_path / "0", seed=0, overrides=["seed=0", "run.device=cpu", "method=dann"])
    write_run(tmp_path / "1", seed=1, overrides=["seed=1", "run.threads=2", "data=digits_photos"])
    rows, _ = group(collect([tmp_path]))
    assert [run.seed for run in rows[0].runs] == [0, 1]
    assert rows[0].settings == ()


def test_newest_of_the_same_seed_counts(tmp_path: Path, write_run: Write) -> None:
    old = write_run(tmp_path / "z_old", age=60, metrics={"target/test/accuracy": 0.1})
    new = write_run(tmp_path / "a_new", metrics={"target/test/accuracy": 0.8})
    rows, older = group(collect([tmp_path]))
    assert [run.folder for run in rows[0].runs] == [new]
    assert [run.folder for run in older] == [old]


def test_source_only_row_is_the_closest_with_the_same_key(tmp_path: Path, write_run: Write) -> None:
    reference = {"method": "source_only", "quadrant": "reference"}
    write_run(tmp_path / "0", **reference, overrides=["run.source_samples=1000"])
    write_run(tmp_path / "1", **reference, overrides=["run.source_samples=2000"])
    write_run(tmp_path / "2", **reference, augment="color", overrides=["run.source_samples=2000"])
    write_run(tmp_path / "3", overrides=["run.source_samples=2000", "method.strength=2"])
    write_run(tmp_path / "4", backbone="lenet", overrides=["run.source_samples=2000"])
    rows, _ = group(collect([tmp_path]))
    by_folder = {row.runs[0].folder.name: row for row in rows}
    assert source_only_of(by_folder["3"], rows) is by_folder["1"]
    assert source_only_of(by_folder["4"], rows) is None


def test_runs_are_grouped_by_what_their_folders_held(tmp_path: Path, write_run: Write) -> None:
    places = {"here": "data.source=a", "there": "data.source=/moved/a"}
    for seed, place in enumerate(places.values()):
        write_run(tmp_path / f"m{seed}", seed=seed, overrides=[place, f"seed={seed}"],
                  data=f"folder:{seed}", data_places={"source": "1" * 64})  # fmt: skip
    write_run(tmp_path / "changed", seed=2, overrides=["data.source=a", "seed=2"],
              data="folder:0", data_places={"source": "2" * 64})  # fmt: skip
    rows, older = group(collect([tmp_path]))
    assert not older
    told = {row.settings: [run.seed for run in row.runs] for row in rows}
    assert told == {("data.source=a",): [2], ("data.source=a@111111",): [0, 1]}
