import csv
import io
import os
import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image
from surroundings import ENVIRONMENT

from translearn.data.digits import Digits
from translearn.predict import Predictor, main, without_download
from translearn.results import read_result


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A finished run of the real command, and its target test images as PNG, some nested."""
    place = tmp_path_factory.mktemp("predict")
    folder = place / "run one"  # a space, as users' folders have
    options = ("run=smoke", "run.max_steps=30", "run.device=cpu", f"hydra.run.dir='{folder}'")
    command = [sys.executable, "-m", "translearn.train", *options]
    subprocess.run(command, cwd=place, env={**os.environ, **ENVIRONMENT}, check=True, timeout=120)
    test = Digits().load().tasks["target"].test
    images = place / "images"
    (images / "nested" / "deeper").mkdir(parents=True)
    for i, image in enumerate(test.x):
        below = images / ("nested/deeper" if i % 2 else "")
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(below / f"{i:03d}.png")
    return folder, images, test


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def numbers(rows):
    return [int(row["path"].removesuffix(".png").rpartition("/")[2]) for row in rows]


def test_labels_are_those_that_the_judge_scored(run, capsys):
    folder, images, test = run
    assert main([str(folder), str(images)]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert list(rows[0]) == ["path", "label", "probability"]
    assert sorted(numbers(rows)) == list(range(len(test)))
    assert [row["path"] for row in rows] == sorted(row["path"] for row in rows)
    pairs = zip(rows, numbers(rows), strict=True)
    right = [row["label"] == str(int(test.y[i])) for row, i in pairs]
    accuracy = read_result(folder)["metrics"]["target/test/accuracy"]
    assert sum(right) / len(right) == pytest.approx(accuracy, abs=1.5 / len(right))


def test_labels_and_probabilities_are_the_methods_own(run, capsys):
    folder, images, test = run
    assert main([str(folder), str(images)]) == 0
    rows = rows_of(capsys.readouterr().out)
    predictor = Predictor.load(folder)
    x = test.x[numbers(rows)]  # PNG keeps every pixel: the same images as uint8
    with torch.inference_mode(), predictor.runtime.autocast():
        expected = predictor.method.predict(predictor.prepare(x), "target").float().softmax(dim=1)
    assert [int(row["label"]) for row in rows] == expected.argmax(dim=1).tolist()
    given = torch.tensor([float(row["probability"]) for row in rows])
    assert torch.allclose(given, expected.max(dim=1).values, atol=1e-4)
    assert (given > 0).all() and (given <= 1).all()


def test_out_writes_a_file_once_all_is_labelled(run, tmp_path, capsys):
    folder, images, test = run
    out = tmp_path / "labels.csv"
    assert main([str(folder), str(images), "--out", str(out)]) == 0
    assert capsys.readouterr().out == ""
    assert len(rows_of(out.read_text())) == len(test)
    assert main([str(folder), str(images), "--out", str(tmp_path / "none" / "x.csv")]) == 7
    some = tmp_path / "some"
    some.mkdir()
    shutil.copy(images / "000.png", some / "a.png")
    (some / "b.png").write_bytes(b"not an image")
    before = out.read_text()
    assert main([str(folder), str(some), "--out", str(out)]) == 3
    assert out.read_text() == before


def test_other_formats_sizes_and_modes_are_labelled(run, tmp_path, capsys):
    folder, images, _ = run
    with Image.open(images / "000.png") as image:
        image.convert("L").save(tmp_path / "grey.png")
        image.resize((90, 60)).save(tmp_path / "large, with a comma.jpg")
        image.convert("RGBA").save(tmp_path / "alpha.webp", lossless=True)
    (tmp_path / "notes.txt").write_text("no image")
    assert main([str(folder), str(tmp_path)]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert [row["path"] for row in rows] == ["alpha.webp", "grey.png", "large, with a comma.jpg"]


def test_a_folder_without_readable_images_is_refused(run, tmp_path, capsys):
    folder, _, _ = run
    empty, bad = tmp_path / "empty", tmp_path / "bad"
    empty.mkdir()
    bad.mkdir()
    (bad / "broken.png").write_bytes(b"not an image")
    for images, named in (
        (tmp_path / "nowhere", "nowhere"), (empty, "no images"), (bad, "broken.png")
    ):  # fmt: skip
        assert main([str(folder), str(images)]) == 3
        message = capsys.readouterr().err
        assert named in message
        assert len(message.splitlines()) <= 6


def test_a_run_without_a_model_is_refused(run, tmp_path, capsys):
    folder, images, _ = run
    assert main([str(tmp_path), str(images)]) == 2
    killed = tmp_path / "killed run"
    shutil.copytree(folder / ".hydra", killed / ".hydra")
    assert main([str(killed), str(images)]) == 6
    assert f"tl-run run.resume='{killed}'" in capsys.readouterr().err


def test_a_model_that_is_damaged_or_of_another_config_is_refused(run, tmp_path, capsys):
    folder, images, _ = run
    shutil.copytree(folder / ".hydra", tmp_path / ".hydra")
    model = tmp_path / "model.safetensors"
    whole = (folder / "model.safetensors").read_bytes()
    for content in (b"not a model", whole[: len(whole) // 2]):
        model.write_bytes(content)
        assert main([str(tmp_path), str(images)]) == 6
        assert "damaged" in capsys.readouterr().err
    model.write_bytes(whole)
    config = tmp_path / ".hydra" / "config.yaml"
    config.write_text(config.read_text().replace("backbones.digits.Wide", "backbones.digits.LeNet"))
    assert main([str(tmp_path), str(images)]) == 6
    message = capsys.readouterr().err
    assert "does not fit" in message
    assert len(message.splitlines()) <= 6


def test_no_pretrained_weights_are_asked_for():
    config = {"backbone": {"name": "x", "pretrained": True, "weights": "file"}, "seed": 0}
    backbone = without_download(config)["backbone"]
    assert backbone == {"name": "x", "pretrained": False, "weights": None}
    assert without_download({"backbone": {"name": "wide"}}) == {"backbone": {"name": "wide"}}
    assert config["backbone"]["pretrained"] is True
