"""tl-export: the files give the run's own scores, and a file that does not is refused."""

import json
import shutil
from importlib.util import find_spec

import pytest
import torch
from runs import config_of, train
from safetensors import safe_open
from safetensors.torch import load_file

from translearn.artifacts.result import Result, write_result
from translearn.commands import export as exporting
from translearn.commands.export import ONNX_PARTS, export, main
from translearn.commands.predictor import Predictor

SMOKE = ("run=smoke", "run.max_steps=12", "run.device=cpu", "run.threads=1")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run whose backbone has batch norm by domain."""
    folder = tmp_path_factory.mktemp("export") / "run"
    config = config_of(*SMOKE)
    train(folder, config=config)
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "config.yaml").write_text(json.dumps(config))
    write_result(folder, Result(status="done", method="dann"))
    return folder


def images_of(count, size):
    draws = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (count, 3, size, size), generator=draws, dtype=torch.uint8)


@pytest.mark.full
def test_the_program_gives_the_probabilities_of_tl_predict(run, tmp_path, capsys):
    assert main([str(run), "--out", str(tmp_path / "out")]) == 0
    assert "largest difference" in capsys.readouterr().out
    program = torch.export.load(tmp_path / "out" / "model.pt2").module()
    predictor = Predictor.load(run, portable=True)
    for count in (1, 2, 5):  # any batch size
        images = images_of(count, predictor.stored_size)
        with torch.no_grad():
            scores = program(images)
        assert torch.allclose(scores.softmax(1), predictor.probabilities(images), atol=1e-5)
    about = json.loads((tmp_path / "out" / "model.json").read_text())
    assert about["classes"] == [str(digit) for digit in range(10)]
    assert about["input"]["shape"] == ["batch", 3, predictor.stored_size, predictor.stored_size]
    assert about["run"]["method"] == "dann"


def test_the_weights_are_those_of_the_run_with_the_classes_beside_them(run, tmp_path):
    assert set(export(run, tmp_path)) == {"model.safetensors", "model.pt2"}
    ours, theirs = load_file(tmp_path / "model.safetensors"), load_file(run / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert json.loads(file.metadata()["translearn"])["main_task"] == "target"


def test_the_folder_of_the_run_is_the_default(run):
    assert main([str(run)]) == 0
    assert {path.name for path in (run / "export").iterdir()} == {
        "model.json", "model.pt2", "model.safetensors"
    }  # fmt: skip


def test_a_model_that_exists_is_replaced_by_force_alone(run, tmp_path, capsys):
    (tmp_path / "model.json").write_text("of somebody")
    assert main([str(run), "--out", str(tmp_path)]) == 2
    assert "model.json exists" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]


def test_a_file_with_other_scores_is_refused(run, tmp_path, monkeypatch, capsys):
    def wrong(model, images, path, run):
        path.write_bytes(b"a program")
        return lambda batch: model(batch) + 2e-4

    monkeypatch.setattr(exporting, "_program", wrong)
    assert main([str(run), "--out", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "model.pt2 gave other scores" in message and "2.0e-04" in message
    assert not (tmp_path / "model.pt2").exists()


def test_scores_that_are_not_finite_are_refused(run, tmp_path, monkeypatch):
    def broken(model, images, path, run):  # for a single image alone
        return lambda batch: model(batch) * (float("nan") if len(batch) == 1 else 1)

    monkeypatch.setattr(exporting, "_program", broken)
    assert main([str(run), "--out", str(tmp_path)]) == 1


def test_a_network_that_torch_cannot_export_is_told(run, tmp_path, monkeypatch, capsys):
    def forward(self, images):
        return images.float().mean((1, 2, 3)) if images.sum().item() > 0 else images.sum()

    monkeypatch.setattr(exporting.Portable, "forward", forward)
    monkeypatch.setattr(exporting, "_safetensors", lambda model, *others: model)
    assert main([str(run), "--out", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "torch.export cannot follow" in message and len(message.splitlines()) <= 6


@pytest.mark.full
def test_the_run_itself_stays_whole_when_written_into_its_folder(run, tmp_path):
    copied = tmp_path / "run"
    shutil.copytree(run, copied, ignore=shutil.ignore_patterns("export"))
    assert main([str(copied), "--out", str(copied)]) == 2
    assert main([str(copied), "--out", str(copied), "--force"]) == 0
    assert (copied / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert main([str(copied)]) == 0


def test_no_run_or_an_unwritable_folder_is_refused(run, tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    unfinished = tmp_path / "unfinished"
    shutil.copytree(run / ".hydra", unfinished / ".hydra")
    assert main([str(unfinished)]) == 6
    (tmp_path / "file").write_text("")
    assert main([str(run), "--out", str(tmp_path / "file")]) == 7
    assert "cannot write" in capsys.readouterr().err


def test_onnx_without_its_packages_names_the_extra(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    assert main([str(run), "--out", str(tmp_path / "out"), "--onnx"]) == 2
    assert "pip install 'translearn[onnx]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.full
@pytest.mark.skipif(not all(find_spec(name) for name in ONNX_PARTS), reason="needs the extra onnx")
def test_onnx_gives_the_scores_of_the_run(run, tmp_path):
    errors = export(run, tmp_path, onnx=True)
    assert 0 <= errors["model.onnx"] <= 1e-4
    assert (tmp_path / "model.onnx").stat().st_size > 10_000
