import csv
import io
import json

import pytest
import torch
from PIL import Image
from runs import config_of, train

from translearn.data.digits import Digits
from translearn.predict import Predictor, main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run folder, with the config where tl-run puts it, and its target test images."""
    folder = tmp_path_factory.mktemp("run")
    config = config_of("run=smoke", "run.device=cpu", "run.threads=1", "run.precision=fp32")
    result = train(folder, config=config)
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "config.yaml").write_text(json.dumps(config))
    test = Digits().load().tasks["target"].test
    images = folder / "images"
    (images / "nested").mkdir(parents=True)
    for i, image in enumerate(test.x):
        place = images / ("nested" if i % 2 else "") / f"{i:03d}.png"
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(place)
    return folder, images, test, result


def test_labels_agree_with_the_judge(run, capsys):
    folder, images, test, result = run
    assert main([str(folder), str(images)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == ["path", "label", "probability"]
    assert len(rows) == len(test)
    assert all(0 < float(row["probability"]) <= 1 for row in rows)
    numbers = [int(row["path"].removesuffix(".png").rpartition("/")[2]) for row in rows]
    right = [row["label"] == str(int(test.y[i])) for row, i in zip(rows, numbers, strict=True)]
    accuracy = result["metrics"]["target/test/accuracy"]
    assert sum(right) / len(right) == pytest.approx(accuracy, abs=1.5 / len(right))


def test_probabilities_are_the_methods_own(run):
    folder, _, test, _ = run
    predictor = Predictor.load(folder)
    probabilities = predictor.probabilities(test.x[:7])
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(7), atol=1e-5)
    logits = predictor.method.predict(predictor.prepare(test.x[:7]), "target")
    assert torch.equal(probabilities.argmax(1), logits.argmax(1))


def test_out_writes_a_file(run, tmp_path):
    folder, images, test, _ = run
    assert main([str(folder), str(images), "--out", str(tmp_path / "labels.csv")]) == 0
    assert len((tmp_path / "labels.csv").read_text().splitlines()) == len(test) + 1
    assert main([str(folder), str(images), "--out", str(tmp_path / "none" / "x.csv")]) == 7


def test_errors_name_the_file_and_what_to_do(run, tmp_path, capsys):
    folder, images, _, _ = run
    assert main([str(tmp_path), str(images)]) == 2
    assert main([str(folder), str(tmp_path / "nowhere")]) == 3
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text((folder / ".hydra/config.yaml").read_text())
    assert main([str(tmp_path), str(images)]) == 6
    assert f"tl-run run.resume={tmp_path}" in capsys.readouterr().err
    (tmp_path / "model.safetensors").write_bytes(b"not a model")
    assert main([str(tmp_path), str(images)]) == 6
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "broken.png").write_bytes(b"not an image")
    assert main([str(folder), str(bad)]) == 3
    message = capsys.readouterr().err
    assert "broken.png" in message
    assert len(message.splitlines()) <= 6
