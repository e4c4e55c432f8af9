"""No method sees a label outside its access: permuting them leaves every weight as it was.

Methods are found by glob; each test has a counterpart that shows it can fail.
"""

import pytest
import torch
from permuted_data import OUTSIDE
from runs import (
    METHODS,
    config_of,
    each_variant,
    log_lines,
    same_weights,
    smoke_data,
    smoke_options,
    train,
    train_once,
    weights,
)

from translearn.components import resolve_class
from translearn.data.access import Access, LabelledSet, TrainView, Unlabelled, UnlabelledSet
from translearn.data.sets.digits import Digits
from translearn.data.types import DataSource
from translearn.methods.base import Method

SEALED = ["source/val", "source/test", "target/val", "target/test"]
TRAIN = {"source": "source/train", "target": "target/train"}


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    monkeypatch.setenv("TRANSLEARN_TRUST", "permuted_data")


def access_of(method) -> Access:
    config = config_of(f"method={method}", f"data={smoke_data(method)}")
    return resolve_class(config["method"]["_target_"], Method).access


def options_of(method, *overrides):
    return (*smoke_options(method), "run.batch_size=64", "run.device=cpu", "run.threads=1",
            "run.max_steps=8", *overrides)  # fmt: skip


def plain_run(method, *overrides):
    """The folder of the run on the data as it is."""
    return finite(train_once(*options_of(method, *overrides)).folder)


def run(method, folder, places, *overrides):
    """The folder of a run on data whose labels are permuted in some places."""
    config = config_of(*options_of(method, "run.precision=fp32", *overrides))
    name = resolve_class(config["data"]["_target_"], DataSource).__name__
    config["data"]["_target_"] = f"permuted_data.Permuted{name}"
    config["data"]["places"] = places
    train(folder, config=config)
    return finite(folder)


def finite(folder):
    assert all(torch.isfinite(w).all() for w in weights(folder).values() if w.is_floating_point())
    return folder


def read_t1(folder):
    return log_lines(folder)[-1]["zsl/t1"]


@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_hidden_labels_change_nothing(method, variant, tmp_path):
    hidden = [place for task, place in TRAIN.items() if not access_of(method).allows(task)]
    permuted = run(method, tmp_path / "permuted", [*hidden, *SEALED], *variant)
    assert same_weights(plain_run(method, *variant), permuted)


@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_granted_labels_do_matter(method, variant, tmp_path):
    granted = [place for task, place in TRAIN.items() if access_of(method).allows(task)]
    for place in granted:
        permuted = run(method, tmp_path / place, [place], *variant)
        assert not same_weights(plain_run(method, *variant), permuted)


@pytest.mark.parametrize(("method", "variant"), each_variant(["zeroshot"]))
def test_unseen_images_change_nothing(method, variant, tmp_path):
    """Neither do gamma and the weights of closed forms, which are buffers of the model."""
    chosen = (*variant, "data.unseen=[2,5,8]")
    plain = plain_run(method, *chosen)
    config = config_of(*options_of(method, "run.precision=fp32", *chosen))
    config["data"]["_target_"] = "permuted_data.UnseenNoise"
    noise = train(tmp_path / "noise", config=config)
    assert same_weights(plain, tmp_path / "noise")
    assert noise["metrics"]["zsl/t1"] != read_t1(plain)


LEARN_FROM_TARGET = [method for method in METHODS if access_of(method).target_labels]


@pytest.mark.parametrize(("method", "variant"), each_variant(LEARN_FROM_TARGET))
def test_labels_outside_the_budget_change_nothing(method, variant, tmp_path):
    options = (*variant, "data.target_labels_per_class=3")
    plain = plain_run(method, *options)
    full = Digits(target_labels_per_class=3).load()
    assert len(full.tasks["target"].train) == 30
    assert full.tasks["target"].val is None
    assert full.tasks["target/rest"].train.y is None
    outside = run(method, tmp_path / "outside", [*SEALED, OUTSIDE], *options)
    assert same_weights(plain, outside)
    inside = run(method, tmp_path / "inside", ["target/train"], *options)
    assert not same_weights(plain, inside)


def test_what_is_unlabelled_has_no_labels_to_read():
    view = TrainView.of(Digits().load(), Access(source_labels=True, target_labels=False))
    assert isinstance(view["source"], LabelledSet)
    assert isinstance(view["target"], UnlabelledSet)
    assert not hasattr(view["target"], "y")
    assert not hasattr(Unlabelled(torch.zeros(1), torch.zeros(1)), "y")
