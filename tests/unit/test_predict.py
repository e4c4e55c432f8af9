import csv
import io
import json
import shutil

import commands
import pytest
import torch
from embedded import digits
from PIL import Image

from translearn.artifacts.result import read_result
from translearn.commands.last_model import without_download
from translearn.commands.predict import main
from translearn.commands.predictor import Predictor


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A finished run of the real command, and its target test images as PNG, some nested."""
    place = tmp_path_factory.mktemp("predict")
    folder = place / "run one"  # a space, as users' folders have
    options = (
        "data=digits_photos",
        "run=smoke",
        "run.max_steps=30",
        "run.device=cpu",
        f"hydra.run.dir='{folder}'",
    )
    commands.run("translearn.train", *options, cwd=place).check_returncode()
    test = digits().load().tasks["target"].test
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
    assert list(rows[0]) == ["path", "label", "probability", "error"]
    assert sorted(numbers(rows)) == list(range(len(test)))
    assert [row["path"] for row in rows] == sorted(row["path"] for row in rows)
    pairs = zip(rows, numbers(rows), strict=True)
    right = [row["label"] == str(int(test.y[i])) for row, i in pairs]
    accuracy = read_result(folder).metrics["target/test/accuracy"]
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
    assert main([str(folder), str(some), "--out", str(out)]) == 2  # it exists
    assert out.read_text() == before
    assert main([str(folder), str(some), "--out", str(out), "--force"]) == 3
    good, bad = rows_of(out.read_text())
    assert good["path"] == "a.png" and good["label"] and not good["error"]
    assert bad["path"] == "b.png" and not bad["label"] and "none of PNG" in bad["error"]


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
    assert f"tl-run 'run.resume={killed}'" in capsys.readouterr().err


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


def test_top_k_columns_are_the_sorted_probabilities(run, capsys):
    folder, images, _ = run
    assert main([str(folder), str(images), "--top", "3"]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert list(rows[0]) == ["path", "label", "probability", "label_2", "probability_2", "label_3",
                             "probability_3", "error"]  # fmt: skip
    assert main([str(folder), str(images)]) == 0
    plain = rows_of(capsys.readouterr().out)
    for row, one in zip(rows, plain, strict=True):
        assert {key: row[key] for key in one} == one
        values = [float(row[f"probability{k}"]) for k in ("", "_2", "_3")]
        assert values == sorted(values, reverse=True) and 0 < sum(values) <= 1.0002
        assert len({row[f"label{k}"] for k in ("", "_2", "_3")}) == 3


def test_json_says_the_same_as_csv(run, tmp_path, capsys):
    folder, images, _ = run
    options = [str(folder), str(images), "--top", "2"]
    assert main([*options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main([*options, "--out", str(tmp_path / "x.csv")]) == 0
    for one, row in zip(found, rows_of((tmp_path / "x.csv").read_text()), strict=True):
        assert one["path"] == row["path"]
        assert [label["label"] for label in one["labels"]] == [row["label"], row["label_2"]]
        assert one["labels"][1]["probability"] == float(row["probability_2"])


def test_one_image_and_all_its_labels(run, capsys):
    folder, images, _ = run
    assert main([str(folder), str(images / "000.png"), "--top", "10", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["path"].endswith("000.png")
    assert sum(label["probability"] for label in one["labels"]) == pytest.approx(1, abs=1e-3)
    for top in ("0", "11"):
        assert main([str(folder), str(images / "000.png"), "--top", top]) == 2
        assert "choose 1 to 10" in capsys.readouterr().err


def test_the_grid_shows_the_images_and_the_labels_are_still_printed(run, tmp_path, capsys):
    folder, images, test = run
    grid = tmp_path / "grid.png"
    assert main([str(folder), str(images), "--grid", str(grid)]) == 0
    assert len(rows_of(capsys.readouterr().out)) == len(test)
    with Image.open(grid) as image:
        assert image.width > 800 and image.height > 800  # eight rows of eight
        assert len(image.convert("RGB").getcolors(2**24)) > 1000
    for wrong, code in (("grid.jpg", 2), ("none/grid.png", 7)):
        assert main([str(folder), str(images), "--grid", str(tmp_path / wrong)]) == code
        assert "--grid" in capsys.readouterr().err


def test_no_pretrained_weights_are_asked_for():
    config = {"backbone": {"name": "x", "pretrained": True, "weights": "file"}, "seed": 0}
    backbone = without_download(config)["backbone"]
    assert backbone == {"name": "x", "pretrained": False, "weights": None}
    assert without_download({"backbone": {"name": "wide"}}) == {"backbone": {"name": "wide"}}
    assert config["backbone"]["pretrained"] is True
