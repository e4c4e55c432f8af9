"""What release 0.1 wrote stays readable: tables, predictions and exports; continuing it is refused.

``tests/golden/runs/0.1`` holds a run of each method, as 0.1 left it (three steps, narrow nets).
"""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from translearn.artifacts.folder import stored_config
from translearn.commands import export, predict, table
from translearn.components import resolve_class
from translearn.methods.base import Method
from translearn.renamed import present, present_target, present_words, warn_once
from translearn.renamed.names import RENAMED
from translearn.train import run_command

OLD = Path(__file__).parents[1] / "golden" / "runs" / "0.1"
RUNS = sorted(path.name for path in OLD.iterdir())


@pytest.fixture
def old(request, tmp_path):
    """A copy of the run of a method."""
    shutil.copytree(OLD / request.param, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def photos(tmp_path):
    """Two pictures of a digit's size."""
    (tmp_path / "photos").mkdir()
    pixels = torch.randint(0, 256, (2, 28, 28, 3), generator=torch.Generator().manual_seed(0))
    for number, picture in enumerate(pixels.to(torch.uint8)):
        Image.fromarray(picture.numpy()).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path / "photos"


def test_every_run_stands_in_the_table(capsys):
    assert table.main([str(OLD), "--csv", "-"]) == 0
    rows = {row["method"]: row for row in csv.DictReader(capsys.readouterr().out.splitlines())}
    assert sorted(rows) == RUNS
    for name, row in rows.items():
        result = json.loads((OLD / name / "result.json").read_text())
        assert row["status"] == "done"
        for metric, value in result["metrics"].items():
            assert float(row[metric]) == pytest.approx(value)


@pytest.mark.parametrize("old", RUNS, indirect=True)
def test_its_model_predicts(old, photos, capsys):
    assert predict.main([str(old), str(photos)]) == 0
    lines = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert len(lines) == 3


@pytest.mark.parametrize("old", ["dann"], indirect=True)
def test_its_model_is_exported(old, tmp_path):
    assert export.main([str(old), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("old", ["dann", "zeroshot"], indirect=True)
def test_it_is_not_continued(old, tl_run):
    before = (old / "result.json").read_bytes()
    refused = tl_run(f"run.resume={old}")
    assert refused.returncode == 6, refused.stderr
    assert "earlier release" in refused.stderr and "start a new run" in refused.stderr
    assert len(refused.stderr.splitlines()) <= 6
    assert (old / "result.json").read_bytes() == before


@pytest.mark.parametrize("name", RUNS)
def test_what_it_names_exists(name):
    config = stored_config(OLD / name)
    assert present(config) == config
    assert issubclass(resolve_class(config["method"]["_target_"], Method), Method)
    assert load_file(OLD / name / "model.safetensors")


@pytest.mark.parametrize("old", RENAMED.targets)
def test_a_new_name_is_no_old_one(old):
    assert present_target(RENAMED.targets[old]) == RENAMED.targets[old]


def test_an_old_target_is_taken_with_a_warning(tl_run, tmp_path):
    (tmp_path / "mine" / "augment").mkdir(parents=True)
    (tmp_path / "mine" / "augment" / "old.yaml").write_text(
        "_target_: translearn.data.augment.NoAugment\nname: old\n"
    )
    done = tl_run("--config-dir", "mine", "augment=old", "run=smoke", "run.device=cpu")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("is called translearn.data.pipeline.augment.NoAugment now") == 1


@pytest.mark.parametrize(
    ("word", "now"),
    [
        ("data=digits", "data=digits_photos"), ("+data=digits", "+data=digits_photos"),
        ("data=digits,office31", "data=digits_photos,office31"),
        ("data=digits_split", "data=digits_split"), ("data.source=digits", "data.source=digits"),
        ("data", "data"), ("experiment=digits", "experiment=digits"),
    ],
)  # fmt: skip
def test_an_old_data_config_is_taken_on_a_command_line(word, now, capsys):
    warn_once.cache_clear()
    assert present_words([word, word]) == [now, now]
    assert capsys.readouterr().err.count("data=digits is called") == (word != now)


def test_a_run_on_an_old_data_config_is_one_on_the_new(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command(["data=digits", "--cfg", "job"]) == 0
    assert "  title: digits_photos\n" in capsys.readouterr().out
