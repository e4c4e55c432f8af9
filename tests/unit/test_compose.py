"""Every method composes with every data set, and every recipe keeps its word."""

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf.errors import ConfigAttributeError, ValidationError
from runs import DATA, METHODS, config_of, each_variant, smoke_options

from translearn.backbones.base import Backbone
from translearn.components import check
from translearn.config import RunConfig, conf_dir, plain
from translearn.data.pipeline.augment import Augment
from translearn.data.types import DataSource
from translearn.engine.checks import METHOD_PARTS
from translearn.engine.job import phase_settings
from translearn.methods.base import Method
from translearn.semantics.base import Semantics

EXPERIMENTS = sorted(path.stem for path in (Path(conf_dir()) / "experiment").glob("*.yaml"))


@pytest.mark.full
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_fits_every_data_set(method, data):
    fits(config_of(f"method={method}", f"data={data}"))


# what a data set says of a part beside choosing it; another choice then lacks the key
OF_A_CHOICE = {"office31_zeroshot": {"semantics"}}  # of which all choices for names have it


@pytest.mark.parametrize("data", DATA)
def test_a_data_set_leaves_its_backbone_and_augmentation_to_be_chosen(data):
    keys = set(yaml.safe_load((Path(conf_dir()) / "data" / f"{data}.yaml").read_text()))
    assert keys - OF_A_CHOICE.get(data, set()) <= {"defaults", "data", "run"}


@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_every_variant_fits_its_embedded_data(method, variant):
    fits(config_of(*smoke_options(method, variant)))


@pytest.mark.full
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_fits(experiment):
    fits(config_of(f"experiment={experiment}"))


def fits(config):
    run = RunConfig.of(config["run"])
    check("data", config["data"], DataSource, ["root"])
    check("backbone", config["backbone"], Backbone, ["input_shape"])
    check("augment", config["augment"], Augment, ["size"])
    check("views", config["views"], Augment, ["size"])
    check("method", config["method"], Method, METHOD_PARTS)
    if config.get("semantics"):
        check("semantics", config["semantics"], Semantics, ["root"])
    assert phase_settings(run, config["method"]["phases"])


def test_each_data_set_has_its_own_backbone_and_the_command_line_wins():
    digits, office = config_of("data=digits_photos"), config_of("data=office31")
    assert digits["backbone"]["name"] == "narrow"
    assert office["backbone"]["name"] == "efficientnet_lite0"
    assert digits["run"]["source_samples"] != office["run"]["source_samples"]
    assert config_of("data=office31", "backbone=resnet18")["backbone"]["name"] == "resnet18"
    assert config_of("data=office31", "run.source_samples=7")["run"]["source_samples"] == 7


@pytest.mark.full
@pytest.mark.parametrize("data", DATA)
def test_smoke_stays_small_on_every_data_set(data):
    run = config_of(f"data={data}", "run=smoke")["run"]
    assert run["max_steps"] == 3
    assert run["batch_size"] == 8


def test_a_recipe_belongs_to_one_method_on_one_data_set():
    assert config_of("method=dann", "data=digits_photos")["method"]["strength"] == 0.3
    assert config_of("method=dann", "data=mnist_usps")["method"]["strength"] == 1.0
    assert "strength" not in config_of("method=source_only", "data=digits_photos")["method"]


def test_values_set_after_composing_are_checked_as_by_hydra():
    with pytest.raises(ConfigAttributeError):
        config_of("run.no_such_key=1")
    with pytest.raises(ValidationError):
        config_of("run.lr=abc")
    job = ["method=finetune", "method/closeness=output", "seed=3", "data.split_seed='${seed}'"]
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        composed = plain(compose("config", job))
    assert config_of(*job) == composed
