"""Whole zero-shot runs, in this process: every variant, earlier runs."""

import csv
import io

import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from runs import config_of, log_lines, train, weights
from torch import nn

from translearn.backbones.base import Backbone
from translearn.backbones.digits import Wide
from translearn.backbones.imagenet import imagenet_classes
from translearn.commands.predict import main as predict
from translearn.components import build
from translearn.data.types import DataSource
from translearn.engine.build import build_method
from translearn.errors import ConfigError, DataError
from translearn.methods.zeroshot.zeroshot import ZeroShot

OPTIONS = ("method=zeroshot", "data=digits_attributes", "run=smoke", "run.max_steps=6")
FIGURES = {"zsl/t1", "gzsl/seen", "gzsl/unseen", "gzsl/harmonic_mean", "gzsl/ausuc", "gzsl/gamma"}


@pytest.mark.full
@pytest.mark.parametrize("variant", ["embedding", "dap", "eszsl", "sae", "conse"])
def test_every_variant_comes_to_all_figures(variant, tmp_path):
    result = train(tmp_path / "run", *OPTIONS, f"method/variant={variant}", "run.figures=true")
    metrics = result["metrics"]
    assert set(metrics) >= FIGURES | {"source/test/accuracy", "target/test/accuracy"}
    assert metrics["zsl/t1"] == pytest.approx(metrics["target/test/per_class_accuracy"])
    assert result["headline"] == "zsl/t1"
    assert metrics["gzsl/unseen"] <= metrics["zsl/t1"] + 1e-9
    assert (tmp_path / "run" / "figures" / "seen_unseen.png").exists()
    learned = {"embedding": ["variant", "backbone"], "dap": ["variant", "backbone"]}
    phases = [(p["name"], p["steps"], p["learn"]) for p in result["phases"]]
    learn = learned.get(variant, ["head", "backbone"])
    solve = [("solve", 0, [])] if variant in ("eszsl", "sae") else []
    assert phases == [("held_out", 6, learn), ("train", 6, learn), *solve]


@pytest.mark.full
@pytest.mark.parametrize("loss", ["margin", "devise", "ale"])
def test_every_loss_trains(loss, tmp_path):
    result = train(tmp_path / loss, *OPTIONS, f"method.variant.loss={loss}",
                   "method.variant.cosine=false", "method.variant.dim=null")  # fmt: skip
    assert result["status"] == "done"


@pytest.mark.full
def test_without_calibration_all_of_the_budget_trains_one_model(tmp_path):
    options = (*OPTIONS, "run.max_steps=null", "run.source_samples=160", "run.batch_size=8")
    result = train(tmp_path / "run", *options, "method.calibrate=false")
    assert [(p["name"], p["steps"]) for p in result["phases"]] == [("train", 20)]
    metrics = result["metrics"]
    assert metrics["gzsl/gamma"] == 0 and metrics["gzsl/seen"] == metrics["gzsl/uncalibrated_seen"]
    halves = train(tmp_path / "halves", *options)
    assert [(p["name"], p["steps"]) for p in halves["phases"]] == [("held_out", 10), ("train", 10)]
    with pytest.raises(ConfigError, match="weights of a closed form are chosen"):
        train(tmp_path / "no", *OPTIONS, "method/variant=eszsl", "method.calibrate=false")


def test_images_of_validation_classes_never_pass_in_training(tmp_path, monkeypatch):
    """Else they would be in the batch norm of the model that has to do without them."""
    forward, seen = ZeroShot.forward, []

    def watched(self, phase, batch, progress):
        if phase == "held_out":
            seen.append((batch["source"].y.tolist(), self.validation.active.clone()))
        return forward(self, phase, batch, progress)

    monkeypatch.setattr(ZeroShot, "forward", watched)
    train(tmp_path, *OPTIONS)
    active = seen[0][1]
    drawn = {label for labels, _ in seen for label in labels}
    assert not active.all() and drawn <= set(active.nonzero().flatten().tolist())
    assert len(drawn) > 2


@pytest.mark.full
def test_the_model_that_is_reported_never_was_the_held_out_one(tmp_path):
    """It starts anew: how long the first model was trained changes gamma alone."""
    short = (*OPTIONS, "run.ema=0")
    train(tmp_path / "one", *short)
    train(tmp_path / "two", *short, "method.phases.held_out.lr=0.001")
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    differing = {name for name in one if not torch.equal(one[name], two[name])}
    assert differing == {"gamma"}


@pytest.fixture(scope="module")
def conse_run(tmp_path_factory):
    """A finished run with its config on record, as tl-run leaves it."""
    folder = tmp_path_factory.mktemp("zeroshot") / "conse"
    config = config_of(*OPTIONS, "method/variant=conse", "run.device=cpu", "run.threads=1")
    train(folder, config=config)
    (folder / ".hydra").mkdir()
    OmegaConf.save(OmegaConf.create(config), folder / ".hydra" / "config.yaml")
    return folder


@pytest.mark.full
def test_an_earlier_run_brings_backbone_and_classifier(conse_run, tmp_path):
    """ConSE on the same classifier is the same run; nothing is trained."""
    result = train(tmp_path / "run", *OPTIONS, "method/variant=conse", f"method.init={conse_run}")
    assert result["steps"] == 0
    earlier, now = weights(conse_run), weights(tmp_path / "run")
    assert all(torch.equal(earlier[name], now[name]) for name in earlier if name != "gamma")
    scores = log_lines(conse_run)[-1]
    assert result["metrics"]["zsl/t1"] == scores["zsl/t1"]
    with pytest.raises(ConfigError, match="it is for the variants eszsl, sae and conse"):
        train(tmp_path / "no", *OPTIONS, f"method.init={conse_run}")
    with pytest.raises(ConfigError, match="other classes"):
        train(tmp_path / "other", *OPTIONS, "method/variant=eszsl", f"method.init={conse_run}",
              "data.class_seed=1")  # fmt: skip


def test_predicted_attributes_stand_beside_the_class(conse_run, tmp_path, capsys):
    config = config_of(*OPTIONS)
    test = build(config["data"], DataSource, root="").load().tasks["target"].test
    for number, image in enumerate(test.x[:6]):
        Image.fromarray(image[0].numpy()).save(tmp_path / f"{number}.png")
    assert predict([str(conse_run), str(tmp_path)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == ["path", "label", "probability", "attributes", "error"]
    known = set(config["semantics"]["attributes"])
    for row in rows:
        words = row["attributes"].split()
        assert len(words) == 5 and set(words) <= known


class Pretrained(Backbone):
    """A backbone with a classifier of ImageNet's 1000 classes, without ImageNet's weights."""

    def __init__(self, input_shape) -> None:
        super().__init__()
        self.inner = Wide(input_shape, width=0.25)
        self.out_dim, self.group_paths = self.inner.out_dim, {"inner": ("inner",)}
        self.pretrained = True

    def features(self, x):
        return self.inner(x)

    def imagenet_classifier(self):
        return nn.Linear(self.out_dim, len(imagenet_classes()))


@pytest.mark.full
def test_imagenets_classifier_trains_nothing(tmp_path, monkeypatch):
    (tmp_path / "glove.txt").write_text("mug 1 0\ndesk 0 1\nbicycle 1 1\ntrain -1 1\npen 0 -1\n")
    config = config_of("method=zeroshot", "data=digits_attributes", "semantics=glove",
                       "semantics.files=[glove.txt]", f"data_root={tmp_path}", "data.unseen=10",
                       "method/variant=conse", "method.variant.classifier=imagenet",
                       "run.device=cpu", "run.threads=1")  # fmt: skip
    words = ("mug", "desk", "bicycle", "train", "pen")
    config["semantics"]["names"] = {str(d): f"{words[d % 5]} {words[d // 5]}" for d in range(10)}
    config["semantics"]["imagenet_names"] = {"3": "coffee mug"}
    monkeypatch.setenv("TRANSLEARN_TRUST", __name__.split(".")[0])
    config["backbone"] = {"_target_": f"{__name__}.Pretrained", "name": "pretrained"}
    result = train(tmp_path / "run", config=config)
    assert result["steps"] == 0 and [p["name"] for p in result["phases"]] == ["train"]
    metrics = result["metrics"]
    assert metrics["zsl/new_classes"] == 9 and "zsl/t1_new" in metrics
    assert not {name for name in metrics if name.startswith(("gzsl", "source"))}
    assert any("classes that ImageNet has" in w and w.endswith(": 3") for w in result["warnings"])
    with pytest.raises(ConfigError, match="no classifier of 1000 classes"):
        train(tmp_path / "no", "method=zeroshot", "data=digits_attributes", "method/variant=conse",
              "method.variant.classifier=imagenet")  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("data=digits_photos",), "source and target share theirs"),
        (("data=digits_split",), "needs class descriptions"),
        (("data.unseen=10",), "nothing to learn from"),
        (
            ("method.variant.direction=up", "method/variant=sae"),
            "direction=up must be one of classes, features",
        ),
    ],
)
def test_what_cannot_go_together_is_told(options, message):
    named = any(option.startswith("data=") for option in options)
    data = () if named else ("data=digits_attributes",)
    config = config_of("method=zeroshot", *data, *options)
    tasks = build(config["data"], DataSource, root="").load()
    classes = {task: domain.classes for task, domain in tasks.tasks.items()}
    with pytest.raises(ConfigError, match=message) as error:
        build_method(config, classes, tasks.input_shape)
    assert len(str(error.value).splitlines()) <= 6


def test_other_methods_are_told_that_unseen_classes_have_no_training_images(tmp_path):
    with pytest.raises(DataError, match="'target' has no training samples"):
        train(tmp_path, "method=target_only", "data=digits_attributes", "run=smoke")
