"""run.head_first: the head of a pretrained network learns first, on features computed once."""

from dataclasses import replace

import pytest
import torch
from runs import kill_in, same_weights, smoke_options, train, train_once, weights

from translearn.artifacts import checkpoint
from translearn.backbones.digits import Wide
from translearn.engine.schedule import planned
from translearn.methods.base import Budget, Phase

LEARN = ("backbone.learn=all", "run.max_steps=8", "run.ema=0", "run.schedule=constant")


@pytest.fixture(autouse=True)
def pretrained(monkeypatch):
    monkeypatch.setattr(Wide, "pretrained", True)


def options(*more):
    return (*smoke_options("source_only"), *LEARN, *more)


def test_it_is_training_the_head_alone_and_then_the_rest(tmp_path, monkeypatch):
    still = ("backbone.learn=none", "run.max_steps=4", *LEARN[2:])
    train(tmp_path / "alone", *smoke_options("source_only"), *still)
    alone, folder = weights(tmp_path / "alone"), tmp_path / "both"
    kill_in("train", folder, monkeypatch, *options(), "run.save_seconds=0", step=6)
    saved = checkpoint.load(folder / "checkpoints")
    assert saved["progress"]["phase"] == 1 and saved["progress"]["step"] == 1
    monkeypatch.setattr("translearn.engine.job.planned", lambda *given: planned(*given)[:1])
    train(tmp_path / "first", *options())
    first = weights(tmp_path / "first")
    assert all(torch.equal(t, alone[n]) for n, t in first.items() if n.startswith("backbone."))
    assert all(torch.allclose(t, alone[n], rtol=1e-4, atol=1e-6) for n, t in first.items())
    assert not torch.equal(saved["method"]["backbone.layers.conv1.0.weight"],
                           alone["backbone.layers.conv1.0.weight"])  # fmt: skip
    moved = (saved["method"]["head.0.weight"] - first["head.0.weight"]).abs().max()
    assert 0 < moved < (first["head.0.weight"] - weights_of_start()["head.0.weight"]).abs().max()


def weights_of_start():
    """The weights before the first step."""
    return weights(train_once(*smoke_options("source_only"), *LEARN, "run.lr=0").folder)


def test_the_phases_are_told(tmp_path):
    result = train(tmp_path, *options())
    assert [(p["name"], p["steps"], p["learn"]) for p in result["phases"]] == [
        ("train_head", 4, ["head"]), ("train", 4, ["backbone", "head"])
    ]  # fmt: skip
    assert result["steps"] == 8


def test_off_it_is_one_phase(tmp_path):
    result = train(tmp_path, *options("run.head_first=false"))
    assert [p["name"] for p in result["phases"]] == ["train"]


@pytest.mark.full
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    train(tmp_path / "whole", *options("run.save_seconds=0"))
    for step in (2, 6):
        folder = tmp_path / f"at_{step}"
        kill_in("train", folder, monkeypatch, *options("run.save_seconds=0"), step=step)
        train(folder, *options("run.save_seconds=0"))
        assert same_weights(folder, tmp_path / "whole")


class Planned:
    """What ``planned`` reads of a method."""

    trains_network = False

    def __init__(self, *phases, pretrained=True, learn="all"):
        self.backbone = Wide((3, 28, 28), width=0.1)
        self.backbone.pretrained, self.backbone.learn = pretrained, learn
        self._phases = phases

    def phases(self, budget):
        return list(self._phases)


def test_the_budget_is_shared_by_both_parts():
    phase = Phase(
        "train", steps=7, learn=("backbone.layers.conv2", "head"), score_after=("source",)
    )
    head, rest = planned(Planned(phase), Budget(1, {}), True)
    assert (head.steps, head.learn, head.cache, head.score_after) == (4, ("head",), "backbone", ())
    assert rest == replace(phase, steps=3, part="rest")


@pytest.mark.parametrize(
    ("phase", "method", "asked"),
    [
        (Phase("train", steps=7, learn=("backbone", "head")), {}, False),
        (Phase("train", steps=7, learn=("backbone", "head")), {"pretrained": False}, True),
        (Phase("train", steps=7, learn=("backbone", "head")), {"learn": "none"}, True),
        (Phase("train", steps=1, learn=("backbone", "head")), {}, True),
        (Phase("train", steps=7, learn=("backbone",)), {}, True),
        (Phase("train", steps=7, learn=("head",)), {}, True),
        (Phase("train", steps=7, learn=("backbone", "head"), head_first=False), {}, True),
    ],
)
def test_other_phases_stay_as_they_are(phase, method, asked):
    assert planned(Planned(phase, **method), Budget(1, {}), asked) == [phase]
