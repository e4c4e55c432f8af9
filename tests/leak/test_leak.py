"""No method sees a label outside its access: other ones leave every weight as it was.

They are permuted, and a second time drawn at random: a permutation hides what leaks by counts.

Methods are found by glob; each test has a counterpart that shows it can fail.
"""

import pytest
import torch
from embedded import digits
from permuted_data import OUTSIDE
from runs import (
    MACHINE,
    access_of,
    config_of,
    each_variant,
    log_lines,
    same_weights,
    smoke_options,
    train,
    train_once,
    weights,
)

from translearn.data.access import Access, LabelledSet, TrainView, Unlabelled, UnlabelledSet

SEALED = ["*/val", "*/test"]
BY_VALIDATION = "method.average_with_source=auto"  # what the method is for: validation is no secret
HOW = ("permuted", "random")
EITHER_WAY = [pytest.param("permuted", marks=pytest.mark.full), "random"]
TRAIN = {"source": "source/train", "target": "target/train"}


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    monkeypatch.setenv("TRANSLEARN_TRUST", "permuted_data")


def options_of(method, *overrides):
    return (*smoke_options(method), "run.batch_size=32", "run.max_steps=4", *overrides)  # fmt: skip


def plain_run(method, *overrides):
    """The folder of the run on the data as it is."""
    return finite(train_once(*options_of(method, *overrides)).folder)


def run(method, folder, places, *overrides, how="permuted"):
    """The folder of a run on data whose labels are changed in some places."""
    config = config_of(*MACHINE, *options_of(method, *overrides))
    if places:
        config["data"] = instead_of(config["data"], "Changed", places=places, how=how)
    train(folder, config=config)
    return finite(folder)


def finite(folder):
    assert all(torch.isfinite(w).all() for w in weights(folder).values() if w.is_floating_point())
    return folder


def instead_of(data, name, **options):
    """The config of a data set made of this one by a class of permuted_data."""
    return {**data, "_target_": f"permuted_data.{name}", "of": data["_target_"], **options}


def unseen_figures(metrics):
    return {name: value for name, value in metrics.items() if name.startswith(("zsl/", "gzsl/"))}


@pytest.mark.full
@pytest.mark.parametrize("method", ["source_only", "dann"])
def test_labels_of_handwriting_change_nothing_for_print(method, tmp_path):
    before = plain_run(method, "data=print_hand")
    hidden = [TRAIN["target"], *SEALED]
    for how in HOW:
        changed = run(method, tmp_path / how, hidden, "data=print_hand", how=how)
        assert same_weights(before, changed)
    seen = run(method, tmp_path / "seen", [TRAIN["source"]], "data=print_hand")
    assert not same_weights(before, seen)


@pytest.mark.full
def test_backgrounds_of_the_target_bring_no_label(tmp_path):
    before = plain_run("source_only", "augment=over_target")
    for how in HOW:
        changed = run("source_only", tmp_path / how, [TRAIN["target"], *SEALED],
                      "augment=over_target", how=how)  # fmt: skip
        assert same_weights(before, changed)
    assert not same_weights(before, plain_run("source_only", "augment=none"))


@pytest.mark.parametrize("how", EITHER_WAY)
@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_hidden_labels_change_nothing(method, variant, how, tmp_path):
    hidden = [place for task, place in TRAIN.items() if not access_of(method, variant).allows(task)]
    sealed = ["*/test"] if BY_VALIDATION in variant else SEALED
    changed = run(method, tmp_path / how, [*hidden, *sealed], *variant, how=how)
    assert same_weights(plain_run(method, *variant), changed)


@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_granted_labels_do_matter(method, variant, tmp_path):
    granted = [place for task, place in TRAIN.items() if access_of(method, variant).allows(task)]
    for place in granted:
        changed = run(method, tmp_path / place, [place], *variant)
        assert not same_weights(plain_run(method, *variant), changed)


@pytest.mark.parametrize(("leak", "caught"), [("OrderLeak", HOW), ("CountLeak", ("random",))])
def test_data_that_leaks_is_found(leak, caught, tmp_path):
    """By its order in both ways; by its counts, only where labels are drawn anew."""
    target = f"data._target_=permuted_data.{leak}"
    plain = run("dann", tmp_path / "plain", [], target)
    for how in HOW:
        other = run("dann", tmp_path / how, ["target/train", *SEALED], target, how=how)
        assert same_weights(plain, other) is (how not in caught)


@pytest.mark.parametrize(("method", "variant"), each_variant(["zeroshot"]))
def test_unseen_images_change_nothing(method, variant, tmp_path):
    """Neither do gamma and the weights of closed forms, which are buffers of the model."""
    chosen = (*variant, "data.unseen=[2,5,8]")
    plain = plain_run(method, *chosen)
    config = config_of(*MACHINE, *options_of(method, *chosen))
    config["data"] = instead_of(config["data"], "UnseenNoise")
    noise = train(tmp_path / "noise", config=config)
    assert same_weights(plain, tmp_path / "noise")
    assert unseen_figures(noise["metrics"]) != unseen_figures(log_lines(plain)[-1])


LEARN_FROM_TARGET = [
    case for case in each_variant()
    if access_of(*case.values).target_labels and BY_VALIDATION not in case.values[1]  # no budget
]  # fmt: skip


@pytest.mark.parametrize("how", EITHER_WAY)
@pytest.mark.parametrize(("method", "variant"), LEARN_FROM_TARGET)
def test_labels_outside_the_budget_change_nothing(method, variant, how, tmp_path):
    options = (*variant, "data.target_labels_per_class=3")
    plain = plain_run(method, *options)
    full = digits(target_labels_per_class=3).load()
    assert len(full.tasks["target"].train) == 30
    assert full.tasks["target"].val is None
    assert len(full.tasks["target"].unlabelled) == 1294 - 30
    outside = run(method, tmp_path / how, [*SEALED, OUTSIDE], *options, how=how)
    assert same_weights(plain, outside)
    if how == "random":  # once for both
        inside = run(method, tmp_path / "inside", ["target/train"], *options)
        assert not same_weights(plain, inside)


def test_what_is_unlabelled_has_no_labels_to_read():
    view = TrainView.of(digits().load(), Access(source_labels=True, target_labels=False))
    assert isinstance(view["source"], LabelledSet)
    assert isinstance(view["target"], UnlabelledSet)
    assert not hasattr(view["target"], "y")
    assert not hasattr(Unlabelled(torch.zeros(1), torch.zeros(1)), "y")
