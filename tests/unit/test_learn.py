"""backbone.learn: what of the network is tuned; under nothing that learns all is computed once."""

import pytest
import torch
from runs import MACHINE, config_of, smoke_options, train, train_once, weights
from torch import nn

from translearn.backbones.base import Backbone
from translearn.backbones.digits import Wide
from translearn.commands.last_model import without_download
from translearn.engine import build
from translearn.engine.build import build_backbone, build_method, build_run
from translearn.engine.features import Extraction
from translearn.errors import ConfigError
from translearn.runtime import Runtime
from translearn.system.signals import Stop

CLASSES = {"source": ["a", "b"], "target": ["a", "b"]}
SHAPE = (3, 28, 28)
ON_FEATURES = ["source_only", "target_only", "dann", "mcc", "im", "finetune", "multitask", "adabn"]

CHEAP = ("dann",)


def still(method, *more):
    return train_once(*smoke_options(method), "backbone.learn=none", *more)


@pytest.mark.parametrize(
    "method",
    [pytest.param(m, marks=pytest.mark.full if m not in CHEAP else ()) for m in ON_FEATURES],
)
def test_a_backbone_that_does_not_learn_ends_as_it_began(method):
    ended, began = (
        weights(still(method).folder),
        weights(train_once(*smoke_options("frozen")).folder),
    )
    names = [n for n in began if n.startswith("backbone.") and n in ended]
    assert names or method == "adabn"
    assert all(torch.equal(ended[name], began[name]) for name in names)
    result = still(method).result
    assert result["status"] == "done" and "target/test/accuracy" in result["metrics"]
    learned = {name for phase in result["phases"] for name in phase["learn"]}
    assert learned and not any(name.startswith("backbone") for name in learned)
    assert all(still(method).gradients)


def test_each_sample_passes_the_network_once(tmp_path, monkeypatch):
    passed, features = [], Wide.features

    def counted(self, x):
        passed.append(len(x))
        return features(self, x)

    monkeypatch.setattr(Wide, "features", counted)
    anew = ("backbone.learn=none", "run.feature_cache=false")
    job = build_run(config_of(*MACHINE, *smoke_options("dann"), *anew), tmp_path, Stop())
    every = sum(
        job.judge.size(task, split) for task in job.tasks.tasks for split in ("val", "test")
    ) + sum(len(data) for data in job.view.values())
    beside = 1 + 1 + 2 + 2 + 2 * job.run.batch_size  # the probe of its width, sizes, folding
    assert every <= sum(passed) < every + 2 * 512 + 64 + beside
    count = len(passed)
    train(tmp_path, *smoke_options("dann"), *anew)
    assert len(passed) == 2 * count  # neither steps nor scores passed it again


def test_computed_once_or_at_every_step_it_learns_the_same(tmp_path, monkeypatch):
    once = weights(still("mcc").folder)

    def anew(*arguments):
        backbone = build_backbone(*arguments)
        backbone.passes_features = False
        return backbone

    monkeypatch.setattr(build, "build_backbone", anew)
    train(tmp_path, *smoke_options("mcc"), "backbone.learn=none")
    for name, tensor in weights(tmp_path).items():
        assert torch.allclose(tensor, once[name], rtol=1e-3, atol=1e-5), name


@pytest.mark.parametrize(
    ("asked", "pretrained", "learn"),
    [("null", True, "none"), ("null", False, "all"), ("last", True, "last"), ("all", True, "all")],
)  # fmt: skip
def test_nothing_of_a_pretrained_backbone_learns_unless_asked(
    monkeypatch, asked, pretrained, learn
):
    monkeypatch.setattr(Wide, "pretrained", pretrained)
    method = build_method(config_of("method=dann", f"backbone.learn={asked}"), CLASSES, SHAPE)
    backbone = method.backbone
    assert backbone.learn == learn and method.on_features is (learn == "none")
    backbone.hold()
    groups = [
        {p.requires_grad for p in backbone.group_parameters([name])}
        for name in backbone.group_paths
    ]
    expected = {"none": [False, False], "last": [False, True], "all": [True, True]}[learn]
    assert [set(groups[0]) == {expected[0]}, set(groups[-1]) == {expected[1]}] == [True, True]
    stored = config_of("method=dann", f"backbone.learn={asked}")
    stored["backbone"]["pretrained"] = pretrained
    assert without_download(stored)["backbone"]["learn"] in (learn, None)


@pytest.mark.parametrize("method", ["selftaught", "selfcluster"])
def test_what_trains_the_network_refuses_none(monkeypatch, method):
    with pytest.raises(ConfigError, match=r"about training the network.*\n.*backbone.learn=none"):
        build_method(config_of(f"method={method}", "backbone.learn=none"), CLASSES, SHAPE)
    monkeypatch.setattr(Wide, "pretrained", True)
    parts = (CLASSES, SHAPE, dict.fromkeys(CLASSES, SHAPE))
    assert build_method(config_of(f"method={method}"), *parts).backbone.learn == "all"


def test_stems_below_the_network_refuse_none():
    shapes = {"source": SHAPE, "target": (1, 40, 40)}
    with pytest.raises(ConfigError, match="layers below it"):
        build_method(config_of("method=multitask", "backbone.learn=none"), CLASSES, SHAPE, shapes)


@pytest.mark.parametrize(
    "options", [("method.transfer=first:1",), ("method/closeness=feature",)], ids=str
)
def test_layers_that_do_not_learn_are_not_transferred(options):
    overrides = ("method=finetune", "backbone.learn=none", *options)
    with pytest.raises(ConfigError, match=r"tunes no layer.*\nadd backbone.learn=all"):
        build_method(config_of(*overrides), CLASSES, SHAPE)


def test_a_word_that_is_none_of_them_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"backbone\.learn=some"):
        train(tmp_path, "backbone.learn=some", "run=smoke")


def test_features_pass_a_backbone_and_samples_do_not():
    net = Wide(SHAPE).eval()
    features, images = torch.randn(2, net.out_dim), torch.randn(2, *SHAPE)
    net.passes_features = True
    assert net(features) is features and torch.equal(net(images), net.features(images))
    assert not Backbone.passes_features


def test_an_empty_set_has_no_features():
    cpu = Runtime(torch.device("cpu"), 0, 1, False, 1)
    extraction, none = Extraction({}, cpu, 4, 0), torch.zeros(0, 3, 8, 8)
    everything = extraction.features(nn.Identity(), "x", none, 5)
    assert everything.shape == (0, 5)
