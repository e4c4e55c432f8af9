"""Recordings, features and files of packages are known by their content, wherever they lie."""

import os
import shutil
from dataclasses import replace

import pytest
from real_formats import write_fsdd

from translearn.artifacts.result import Result, write_result
from translearn.data.arrangements.pair import Pair
from translearn.data.arrangements.speakers import SpeakerPair
from translearn.data.identity import changed_since
from translearn.data.places import ROOT, is_option, packaged, there
from translearn.data.sets.by_name import READERS
from translearn.data.sets.catalog import FSDD, XLSA17
from translearn.data.sets.gbu import GbuFeatures
from translearn.engine.data_record import data_record, keep_record
from translearn.report.collect import collect
from translearn.report.rows import group

RECORDINGS = FSDD.resources[0].path
EMBEDDED = ("digits", "digits_photos", "digits_8x8", "print")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    write_fsdd(tmp_path / "root")
    return tmp_path / "root"


def spoken(root, **options):
    pair = SpeakerPair(str(root), target_speaker="bob", download=False, length=400, **options)
    return data_record(pair.load(), {"data_root": str(root), "data": {}}, most=None, seed=0)


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


CHANGES = {
    "a sample of a recording": lambda folder: flipped(folder / "3_ann_6.wav"),
    "a recording of the test": lambda folder: flipped(folder / "3_bob_0.wav"),
    "two recordings exchanged": lambda folder: exchanged(folder, "3_ann_5.wav", "4_ann_5.wav"),
    "one gone": lambda folder: (folder / "9_cleo_6.wav").unlink(),
    "a new speaker": lambda folder: shutil.copy(folder / "3_ann_6.wav", folder / "3_dora_6.wav"),
    "one more": lambda folder: shutil.copy(folder / "3_ann_6.wav", folder / "3_ann_99.wav"),
}


def exchanged(folder, one, other):
    (folder / one).rename(folder / "aside")
    (folder / other).rename(folder / one)
    (folder / "aside").rename(folder / other)


@pytest.mark.parametrize("name", CHANGES)
def test_recordings_that_changed_are_told(name, root, tmp_path):
    before, config = spoken(root), {"data_root": str(root), "data": {}}
    assert list(before.places) == [f"{ROOT}{RECORDINGS}"]
    keep_record(tmp_path, before, config)
    assert changed_since(tmp_path, config) == []
    CHANGES[name](root / RECORDINGS)
    assert changed_since(tmp_path, config) == [f"{ROOT}{RECORDINGS}={root / RECORDINGS}"]


@pytest.mark.parametrize("how", ["again", "touched", "moved", "another cut", "hidden"])
def test_what_is_no_change_of_recordings(how, root, tmp_path):
    before = spoken(root)
    keep_record(tmp_path, before, {"data_root": str(root), "data": {}})
    match how:
        case "touched":
            for path in root.rglob("*.wav"):
                os.utime(path, ns=(5, 5))
        case "moved":
            root = root.rename(tmp_path / "elsewhere")
        case "hidden":
            (root / RECORDINGS / ".DS_Store").write_text("x")
    again = spoken(root, split_seed=3 if how == "another cut" else 0)
    assert changed_since(tmp_path, {"data_root": str(root), "data": {}}) == []
    assert {k: its["sha256"] for k, its in again.places.items()} == {
        k: its["sha256"] for k, its in before.places.items()
    }
    keep_record(tmp_path, again, {"data_root": str(root), "data": {}})  # remembers no move of it


def test_recordings_that_are_left_out_are_told(root):
    folder = root / RECORDINGS
    shutil.copy(folder / "3_ann_6.wav", folder / "three_ann_6.wav")
    (folder / "below").mkdir()
    shutil.copy(folder / "3_ann_6.wav", folder / "below/3_ann_8.wav")
    pair = SpeakerPair(str(root), "bob", source_speakers=["cleo"], download=False, length=400)
    left_out = pair.load().listings["source"].left_out
    assert left_out["not named DIGIT_SPEAKER_INDEX.wav"] == ["three_ann_6.wav"]
    assert left_out["in a folder below"] == ["below/3_ann_8.wav"]
    assert {name.split("_")[1] for name in left_out["of other speakers"]} == {"ann", "bob"}


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_file_of_a_package_that_changed_is_told(name, tmp_path, monkeypatch):
    tasks = replace(Pair(source="print", target="digits").load(), origins=READERS[name]().origins)
    record = data_record(tasks, {"data": {}}, most=None, seed=0)
    assert record.places and not any(map(is_option, record.places))
    keep_record(tmp_path, record, {"data": {}})
    assert changed_since(tmp_path, {"data": {}}) == []
    for key in record.places:
        copy = tmp_path / "copy" / os.path.basename(key)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(there(key, {}), copy)
    monkeypatch.setattr(
        "translearn.data.places.packaged", lambda key: tmp_path / "copy" / os.path.basename(key)
    )
    assert changed_since(tmp_path, {"data": {}}) == []
    for key in record.places:
        flipped(there(key, {}))
        told = changed_since(tmp_path, {"data": {}})
        assert f"{key}={there(key, {})}" in told


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_embedded_set_names_the_files_that_it_reads(name):
    origins = READERS[name]().origins
    assert origins and all(there(key, {}).is_file() for key in origins)


@pytest.mark.parametrize("name", XLSA17)
def test_features_without_checksums_are_known_by_their_files(name, tmp_path):
    origins = GbuFeatures(name, str(tmp_path)).origins
    assert [there(key, {"data_root": str(tmp_path)}) for key in origins] == [
        tmp_path / "xlsa17/data" / name / file for file in ("res101.mat", "att_splits.mat")
    ]


def test_a_package_that_is_not_there_is_nowhere():
    assert packaged("no_such_package/file") is None
    assert there("package/no_such_package/file", {}) is None
    assert there(f"{ROOT}FSDD", {}) is None


KEY = f"{ROOT}{RECORDINGS}"


def write_run(folder, seed, data="fsdd:others->bob", **places):
    folder.mkdir()
    write_result(folder, Result(
        status="done", method="dann", data=data, seed=seed, headline="target/test/accuracy",
        metrics={"target/test/accuracy": 0.5}, data_places=places,
    ))  # fmt: skip


def test_runs_on_other_recordings_share_no_row(tmp_path):
    write_run(tmp_path / "a", 0, **{KEY: "1" * 64})
    write_run(tmp_path / "b", 1, **{KEY: "2" * 64})
    write_run(tmp_path / "c", 2)  # of before, when nothing was written down
    write_run(tmp_path / "d", 3, **{KEY: "1" * 64})
    write_run(tmp_path / "e", 4, data="fsdd:others->ann", **{KEY: "1" * 64})
    rows, _ = group(collect([tmp_path]))
    told = {(row.key["data"], row.settings): [run.seed for run in row.runs] for row in rows}
    assert told == {
        ("fsdd:others->bob", ()): [0, 2, 3],
        ("fsdd:others->bob", (f"data.{RECORDINGS}=@222222",)): [1],
        ("fsdd:others->ann", ()): [4],
    }
