"""Models of others: tl-predict and tl-export refuse what is no model of a run, with 6 or 2."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from foreign_files import NO_YAML
from omegaconf import OmegaConf
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save

from translearn.commands import export, predict

OLD = Path(__file__).parents[1] / "golden" / "runs" / "0.1" / "dann"


@pytest.fixture
def run(tmp_path):
    """A copy of a run, and a picture beside it."""
    shutil.copytree(OLD, tmp_path / "run")
    Image.new("RGB", (28, 28)).save(tmp_path / "picture.png")
    return tmp_path / "run"


def model_of(run: Path) -> tuple[dict, dict]:
    with safe_open(run / "model.safetensors", "pt") as file:
        about = json.loads(file.metadata()["translearn"])
        return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write_model(run: Path, about: object, weights: dict) -> None:
    text = about if isinstance(about, str) else json.dumps(about)
    (run / "model.safetensors").write_bytes(save(weights, {"translearn": text}))


def refused(run: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What tl-predict says, refusing a run."""
    code = predict.main([str(run), str(run.parent / "picture.png")])
    said = capsys.readouterr()
    assert code in (2, 6), said.err
    assert not said.out and "Traceback" not in said.err and "bug" not in said.err, said.err
    assert len(said.err.splitlines()) <= 6, said.err
    return said.err


def test_the_run_itself_is_taken(run):
    assert predict.main([str(run), str(run.parent / "picture.png")]) == 0


BYTES = {
    "empty": lambda whole: b"",
    "half": lambda whole: whole[: len(whole) // 2],
    "a header without end": lambda whole: b"\xff" * 8 + whole[8:],
    "a huge header": lambda whole: (2**40).to_bytes(8, "little") + whole[8:],
    "a header of text": lambda whole: whole[:8] + b"x" * 100 + whole[108:],
    "gzip": lambda whole: b"\x1f\x8b" + whole,
    "text": lambda whole: b"version https://git-lfs.github.com/spec/v1\n",
}


@pytest.mark.parametrize("kind", BYTES)
def test_a_damaged_model_is_refused(kind, run, capsys):
    path = run / "model.safetensors"
    path.write_bytes(BYTES[kind](path.read_bytes()))
    assert "model.safetensors" in refused(run, capsys)


ABOUT = {
    "no tasks": lambda about: about.pop("tasks"),
    "no inputs": lambda about: about.pop("inputs"),
    "no main task": lambda about: about.pop("main_task"),
    "tasks of a list": lambda about: about.update(tasks=[1]),
    "tasks of numbers": lambda about: about.update(tasks={"source": 3, "target": 3}),
    "no classes": lambda about: about.update(tasks={"source": [], "target": []}),
    "an input of text": lambda about: about.update(input_shape="large"),
    "an input of nothing": lambda about: about.update(input_shape=[]),
    "a huge input": lambda about: about.update(input_shape=[10**9, 28, 28]),
    "another main task": lambda about: about.update(main_task="elsewhere"),
    "a kind of its own": lambda about: about["inputs"]["target"].update(kind="smell"),
    "a size of text": lambda about: about["inputs"]["target"].update(stored_size="x"),
    "a huge size": lambda about: about["inputs"]["target"].update(stored_size=10**9),
    "a size below nothing": lambda about: about["inputs"]["target"].update(stored_size=-1),
}


@pytest.mark.parametrize("kind", ABOUT)
def test_a_model_that_says_nonsense_of_its_data_is_refused(kind, run, capsys):
    about, weights = model_of(run)
    ABOUT[kind](about)
    write_model(run, about, weights)
    refused(run, capsys)


@pytest.mark.parametrize("text", ["", "[]", "7", "[" * 100_000, '{"tasks": ' + "9" * 5000 + "}"])
def test_a_model_that_says_nothing_of_its_data_is_refused(text, run, capsys):
    write_model(run, text, model_of(run)[1])
    assert "model.safetensors is damaged" in refused(run, capsys)


WEIGHTS = {
    "none": lambda weights: weights.clear(),
    "one is missing": lambda weights: weights.pop(next(iter(weights))),
    "one too many": lambda weights: weights.update(extra=torch.zeros(1)),
    "another shape": lambda weights: weights.update({next(iter(weights)): torch.zeros(1, 2, 3)}),
    "not a number": lambda weights: [
        w.fill_(torch.nan) for w in weights.values() if w.is_floating_point()
    ],
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_a_model_with_other_weights_is_refused(kind, run, capsys):
    about, weights = model_of(run)
    WEIGHTS[kind](weights)
    write_model(run, about, weights)
    refused(run, capsys)


@pytest.mark.parametrize("kind", [k for k in NO_YAML if k not in ("many entries", "too long")])
def test_a_config_that_is_none_is_refused(kind, run, capsys):
    (run / ".hydra" / "config.yaml").write_bytes(NO_YAML[kind])
    assert "config.yaml" in refused(run, capsys)


CONFIGS = {
    "a backbone without a class": {"backbone._target_": None},
    "a backbone of elsewhere": {"backbone._target_": "os.system"},
    "a backbone that is none": {"backbone._target_": "translearn.config.RunConfig"},
    "a backbone of a list": {"backbone._target_": [1]},
    "a method without a class": {"method._target_": None},
    "a method of a number": {"method._target_": 7},
    "a method with other options": {"method.nonsense": 1},
    "a device of its own": {"run.device": "abacus"},
    "a precision of a list": {"run.precision": [1]},
    "a batch of text": {"run.eval_batch_size": "many"},
    "a batch below nothing": {"run.eval_batch_size": -1},
    "threads of text": {"run.threads": "all"},
    "threads of a mapping": {"run.threads": {"a": 1}},
    "an option of nothing": {"run.nonsense": 1},
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_config_of_nonsense_is_refused(kind, run, capsys):
    path = run / ".hydra" / "config.yaml"
    config = OmegaConf.load(path)
    for key, value in CONFIGS[kind].items():
        OmegaConf.update(config, key, value, force_add=True)
    OmegaConf.save(config, path)
    refused(run, capsys)


def test_export_refuses_the_same(run, capsys):
    (run / ".hydra" / "config.yaml").write_bytes(NO_YAML["expanding"])
    assert export.main([str(run)]) == 6
    assert "config.yaml" in capsys.readouterr().err
    assert not (run / "export").exists()


@pytest.mark.parametrize("name", [".hydra/config.yaml", "model.safetensors", "checkpoints/last.pt"])
def test_a_pipe_is_not_waited_for(name, run, capsys):
    for path in (run / name, run / "model.safetensors"):
        path.unlink(missing_ok=True)
    if name == "checkpoints/last.pt":
        shutil.rmtree(run / "checkpoints")
        (run / "checkpoints").mkdir()
    if not (run / name).exists():
        os.mkfifo(run / name)
    refused(run, capsys)
