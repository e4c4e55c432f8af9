"""No method sees a label outside its access: permuting them leaves every weight as it was.

Methods are found by glob; each test has a counterpart that shows it can fail.
"""

import pytest
import torch
from permuted_data import OUTSIDE
from runs import METHODS, config_of, log_lines, same_weights, smoke_data, train, weights

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


def run(method, folder, places, *overrides):
    config = config_of(
        f"method={method}", f"data={smoke_data(method)}", "run=smoke", "run.batch_size=64",
        "run.device=cpu", "run.threads=1", "run.max_steps=8", *overrides,
    )  # fmt: skip
    if places:
        name = resolve_class(config["data"]["_target_"], DataSource).__name__
        config["data"]["_target_"] = f"permuted_data.Permuted{name}"
        config["data"]["places"] = places
    train(folder, config=config)
    assert all(torch.isfinite(w).all() for w in weights(folder).values() if w.is_floating_point())
    return folder


def read_t1(folder):
    return log_lines(folder)[-1]["zsl/t1"]


@pytest.mark.parametrize("method", METHODS)
def test_hidden_labels_change_nothing(method, tmp_path):
    hidden = [place for task, place in TRAIN.items() if not access_of(method).allows(task)]
    plain = run(method, tmp_path / "plain", [])
    permuted = run(method, tmp_path / "permuted", [*hidden, *SEALED])
    assert same_weights(plain, permuted)


@pytest.mark.parametrize("method", METHODS)
def test_granted_labels_do_matter(method, tmp_path):
    granted = [place for task, place in TRAIN.items() if access_of(method).allows(task)]
    plain = run(method, tmp_path / "plain", [])
    for place in granted:
        assert not same_weights(plain, run(method, tmp_path / place, [place]))


@pytest.mark.parametrize("variant", ["embedding", "eszsl", "conse"])
def test_unseen_images_change_nothing(variant, tmp_path):
    """Neither do gamma and the weights of closed forms, which are buffers of the model."""
    chosen = (f"method.variant={variant}", "data.unseen=[2,5,8]")
    plain = run("zeroshot", tmp_path / "plain", [], *chosen)
    config = config_of("method=zeroshot", "data=digits_attributes", "run=smoke", *chosen,
                       "run.batch_size=64", "run.device=cpu", "run.threads=1",
                       "run.max_steps=8")  # fmt: skip
    config["data"]["_target_"] = "permuted_data.UnseenNoise"
    noise = train(tmp_path / "noise", config=config)
    assert same_weights(plain, tmp_path / "noise")
    assert noise["metrics"]["zsl/t1"] != read_t1(plain)


@pytest.mark.parametrize("method", [m for m in METHODS if access_of(m).target_labels])
def test_labels_outside_the_budget_change_nothing(method, tmp_path):
    budget = "data.target_labels_per_class=3"
    plain = run(method, tmp_path / "plain", [], budget)
    full = Digits(target_labels_per_class=3).load()
    assert len(full.tasks["target"].train) == 30
    assert full.tasks["target"].val is None
    assert full.tasks["target/rest"].train.y is None
    outside = run(method, tmp_path / "outside", [*SEALED, OUTSIDE], budget)
    assert same_weights(plain, outside)
    assert not same_weights(plain, run(method, tmp_path / "inside", ["target/train"], budget))


def test_what_is_unlabelled_has_no_labels_to_read():
    view = TrainView.of(Digits().load(), Access(source_labels=True, target_labels=False))
    assert isinstance(view["source"], LabelledSet)
    assert isinstance(view["target"], UnlabelledSet)
    assert not hasattr(view["target"], "y")
    assert not hasattr(Unlabelled(torch.zeros(1), torch.zeros(1)), "y")
