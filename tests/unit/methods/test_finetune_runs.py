"""Whole fine-tuning runs, in this process: weights of zero, earlier runs."""

import pytest
import torch
from omegaconf import OmegaConf
from runs import config_of, kill_in, log_lines, same_weights, train, weights

from translearn.components import build
from translearn.data.types import DataSource
from translearn.engine.build import build_method
from translearn.errors import CheckpointError, ConfigError
from translearn.methods.finetune import Finetune
from translearn.runtime import stable_seed

OPTIONS = (
    "method=finetune", "data=digits_split", "data.target_labels_per_class=2", "run=smoke",
    "run.max_steps=6",
)  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finetune") / "plain"
    return folder, train(folder, *OPTIONS)


def test_forgetting_is_reported(plain):
    folder, result = plain
    assert [phase["name"] for phase in result["phases"]] == ["source", "target"]
    assert result["steps"] == 12 and result["samples"] == 12 * 8
    before = result["metrics"]["source/test/accuracy_before"]
    assert set(result["metrics"]) >= {"source/test/accuracy", "target/test/accuracy"}
    line = {"phase": "source", "step": 6, "source/test/accuracy_before": before}
    assert line in log_lines(folder)
    assert "target/test/accuracy_before" not in result["metrics"]
    assert list(result["per_class"]["target"]) == list("56789")


def test_the_score_before_is_that_of_the_source_model(plain, tmp_path):
    """It stays the final one where the target phase changes nothing that the source needs."""
    alone = train(tmp_path / "source", *OPTIONS, "method.phases.target.lr=0",
                  "method.freeze=all", "run.ema=0")  # fmt: skip
    assert alone["metrics"]["source/test/accuracy_before"] == pytest.approx(
        alone["metrics"]["source/test/accuracy"]
    )


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            ("method/closeness=output", "method.closeness.output.weight=0"), marks=pytest.mark.full
        ),
        (
            "method/closeness=parameter",
            "method.closeness.parameter.alpha=0",
            "method.closeness.parameter.beta=0",
        ),
        pytest.param(
            (
                "method/closeness=[feature,bss]",
                "method.closeness.feature.weight=0",
                "method.closeness.bss.weight=0",
            ),
            marks=pytest.mark.full,
        ),
        ("method.transfer=first:3", "method.freeze=[]", "method.layers.rate_decay=1"),
    ],
)
def test_a_weight_of_zero_is_plain_fine_tuning_bit_for_bit(options, plain, tmp_path):
    train(tmp_path / "zero", *OPTIONS, *options)
    assert same_weights(plain[0], tmp_path / "zero")


@pytest.mark.full
@pytest.mark.parametrize("kind", ["output", "parameter", "feature", "bss"])
def test_a_weight_above_zero_is_not(kind, plain, tmp_path):
    weight = ("method.closeness.bss.weight=1",) if kind == "bss" else ()
    result = train(tmp_path / kind, *OPTIONS, f"method/closeness={kind}", *weight)
    assert result["status"] == "done"
    other = weights(tmp_path / kind)
    assert any(not torch.equal(w, other[name]) for name, w in weights(plain[0]).items())
    (line,) = (n for n in log_lines(tmp_path / kind) if n["phase"] == "target" and n["step"] == 6
               and "lr" in n)  # fmt: skip
    assert f"loss/{kind}" in line


def source_run(folder, *overrides):
    """A finished source_only run with its config on record, as tl-run leaves it."""
    config = config_of("method=source_only", "data=digits_photos", "run=smoke", "run.device=cpu",
                       "run.threads=1", *overrides)  # fmt: skip
    result = train(folder, config=config)
    (folder / ".hydra").mkdir()
    OmegaConf.save(OmegaConf.create(config), folder / ".hydra" / "config.yaml")
    return result


@pytest.mark.full
def test_an_earlier_run_replaces_the_source_phase(tmp_path):
    earlier = source_run(tmp_path / "earlier")
    options = (
        "method=finetune",
        "data=digits_photos",
        "run=smoke",
        f"method.init={tmp_path / 'earlier'}",
    )
    result = train(tmp_path / "run", *options, "method.freeze=all")
    assert [(p["name"], p["steps"]) for p in result["phases"]] == [("source", 0), ("target", 3)]
    before = result["metrics"]["source/test/accuracy_before"]
    assert before == earlier["metrics"]["source/test/accuracy"]
    # nothing but the target head learned, so nothing is forgotten
    assert result["metrics"]["source/test/accuracy"] == before
    mine, theirs = weights(tmp_path / "run"), weights(tmp_path / "earlier")
    for name, tensor in theirs.items():
        assert torch.equal(tensor, mine[name.replace("head.", "source_head.")]), name

    with pytest.raises(ConfigError, match="other classes"):
        train(tmp_path / "classes", *options, "data=digits_split")
    with pytest.raises(ConfigError, match="does not fit"):
        train(tmp_path / "shape", *options, "backbone=lenet")
    with pytest.raises(ConfigError, match="may have seen the test images"):
        train(tmp_path / "cut", *options, "data=digits_photos", "data.split_seed=1")
    with pytest.raises(CheckpointError, match=r"method\.init=/nowhere: no finished run"):
        train(tmp_path / "none", *options, "method.init=/nowhere")
    source_run(tmp_path / "target", "method=target_only")
    with pytest.raises(ConfigError, match="a TargetOnly run is no source model"):
        train(tmp_path / "leak", *options, f"method.init={tmp_path / 'target'}")


def test_a_model_is_rebuilt_for_prediction_without_its_earlier_run(tmp_path):
    config = config_of("method=finetune", "data=digits_split", "method.init=/gone")
    tasks = build(config["data"], DataSource, root="").load()
    classes = {task: domain.classes for task, domain in tasks.tasks.items()}
    assert isinstance(build_method(config, classes, tasks.input_shape), Finetune)


@pytest.mark.full
def test_weights_are_selected_from_the_last_phase_alone(tmp_path):
    """By source validation the source phase would win, with a target head that never learned."""
    config = config_of(*OPTIONS, "run.select=source_val", "run.device=cpu", "run.threads=1",
                       "run.max_steps=30",
                       "method.transfer=none")  # fmt: skip
    train(tmp_path / "run", config=config)
    tasks = build(config["data"], DataSource, root="").load()
    torch.manual_seed(stable_seed(config["seed"], "start"))
    classes = {task: domain.classes for task, domain in tasks.tasks.items()}
    untrained = build_method(config, classes, tasks.input_shape).target_head[0].weight
    assert not torch.equal(weights(tmp_path / "run")["target_head.0.weight"], untrained)


@pytest.mark.full
def test_features_of_frozen_layers_are_computed_once(tmp_path, monkeypatch):
    """Where nothing before the head learns and nothing is augmented: the same run, faster."""
    options = (*OPTIONS, "method.freeze=all", "run.save_seconds=0")
    seen = []
    forward = Finetune.forward

    def watched(self, phase, batch, progress):
        seen.append((phase, self.cached, batch[phase].x.ndim))
        return forward(self, phase, batch, progress)

    monkeypatch.setattr(Finetune, "forward", watched)
    train(tmp_path / "cached", *options)
    assert seen == [("source", False, 4)] * 6 + [("target", True, 2)] * 6
    seen.clear()
    train(tmp_path / "augmented", *options, "augment=color", "run.augment_tasks=[target]")
    assert seen[-1] == ("target", False, 4)
    with monkeypatch.context() as patch:
        patch.setattr(Finetune, "_features_stay", lambda self: False)
        train(tmp_path / "plain", *options)
    cached, plain = weights(tmp_path / "cached"), weights(tmp_path / "plain")
    assert not torch.equal(plain["target_head.0.weight"], plain["source_head.0.weight"])
    for name, weight in plain.items():
        assert torch.allclose(weight, cached[name], atol=1e-5), name

    kill_in("target", tmp_path / "run", monkeypatch, *options, step=5)
    train(tmp_path / "run", *options)
    assert same_weights(tmp_path / "cached", tmp_path / "run")
