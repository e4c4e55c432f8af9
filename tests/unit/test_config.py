"""Ranges, nearest names, trusted classes and checked construction."""

import pytest
from runs import config_of

from translearn.backbones.base import Backbone
from translearn.components import build, check, resolve_class
from translearn.config import RunConfig, Select
from translearn.errors import ConfigError, nearest
from translearn.methods.base import Method
from translearn.methods.source_only import SourceOnly
from translearn.settings import differences, flatten

RUN = config_of()["run"]


def test_values_become_enums():
    assert RunConfig.of({**RUN, "select": "oracle"}).select is Select.oracle


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("source_samples", 0), ("source_samples", -1), ("batch_size", 0), ("max_steps", 0),
        ("lr", -0.1),
        ("momentum", -1.0), ("weight_decay", -1.0), ("warmup", -0.1), ("clip", 0.0),
        ("threads", 0), ("gpus", 0), ("workers", -1), ("evaluations", 0), ("eval_samples", 0),
        ("eval_batch_size", 0), ("log_every", 0), ("save_seconds", -1.0), ("ema", 1.0),
        ("ema", -0.1), ("evaluate", ["train"]),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused_by_name(key, value):
    with pytest.raises(ConfigError, match=rf"run\.{key}="):
        RunConfig.of({**RUN, key: value})


@pytest.mark.parametrize(
    ("key", "value"), [("max_steps", None), ("clip", None), ("lr", 0.0), ("workers", 0)]
)
def test_values_at_the_edge_are_taken(key, value):
    assert getattr(RunConfig.of({**RUN, key: value}), key) == value


def test_an_unknown_key_gets_the_nearest_name():
    with pytest.raises(ConfigError, match=r"run\.batchsize does .*; did you mean run.batch_size"):
        RunConfig.of({**RUN, "batchsize": 3})


def test_the_nearest_name_or_all_of_them():
    assert nearest("dan", ["dann", "source_only"]) == "; did you mean dann?"
    assert nearest("zzzzzz", ["b", "a"]) == "; there are a, b"


def test_nested_keys_are_joined_by_dots():
    assert flatten({"a": {"b": {"c": 1}, "d": 2}, "e": {}}) == {"a.b.c": 1, "a.d": 2, "e": {}}


def test_differences_name_what_decides_a_result_and_nothing_else():
    config = config_of("seed=1")
    assert differences(config, config) == []
    elsewhere = ["data_root=/x", "output_root=/y", "run.resume=auto", "run.save_seconds=1"]
    elsewhere += ["run.figures=false", "run.workers=3", "run.log_every=7", "run.resident_mb=0"]
    assert differences(config, config_of("seed=1", *elsewhere)) == []
    assert differences(config, {**config, "overrides": ["seed=1"], "experiment": "x"}) == []
    assert differences(config, config_of("seed=2")) == ["seed: 1 -> 2"]
    changed = differences(config, config_of("seed=1", "run.lr=0.5", "run.gpus=2"))
    assert "run.gpus: 1 -> 2" in changed
    assert any(line.startswith("run.lr: ") for line in changed)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "translearn.train.os.system",  # an alias inside the trusted package
        "translearn.components.importlib.import_module",
        "translearn.methods.source_only.perceptron",  # a function
        "translearn.errors.ConfigError",  # a class of another kind
        "translearn.methods.none.Nothing",
        "translearn",
        "SourceOnly",
        "",
    ],
)
def test_only_classes_of_the_right_kind_from_trusted_packages_are_built(target):
    with pytest.raises(ConfigError, match="_target_="):
        resolve_class(target, Method)


def test_a_trusted_package_of_the_user_is_taken(tmp_path, monkeypatch):
    (tmp_path / "my_methods.py").write_text(
        "from os import system\n"
        "from translearn.methods.source_only import SourceOnly\n"
        "class Mine(SourceOnly):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="TRANSLEARN_TRUST"):
        resolve_class("my_methods.Mine", Method)
    monkeypatch.setenv("TRANSLEARN_TRUST", "other,my_methods")
    assert issubclass(resolve_class("my_methods.Mine", Method), SourceOnly)
    with pytest.raises(ConfigError, match="not a Method"):
        resolve_class("my_methods.system", Method)


def test_arguments_are_checked_without_building():
    config = config_of("backbone=lenet")["backbone"]
    check("backbone", config, Backbone, ["input_shape"])
    with pytest.raises(ConfigError, match=r"backbone\.width does not exist"):
        check("backbone", {**config, "width": 3}, Backbone, ["input_shape"])
    with pytest.raises(ConfigError, match=r"backbone\.input_shape is not set"):
        check("backbone", config, Backbone, [])
    with pytest.raises(ConfigError, match="has no _target_"):
        check("backbone", {}, Backbone, [])
    method = config_of("method=dann")["method"]
    with pytest.raises(ConfigError, match=r"method\.strenth does .* mean method.strength"):
        check("method", {**method, "strenth": 1}, Method, ["backbone", "tasks"])


def test_parts_are_handed_over_by_name():
    built = build(config_of("backbone=lenet")["backbone"], Backbone, input_shape=(3, 28, 28))
    assert isinstance(built, Backbone)
    assert built.out_dim > 0
