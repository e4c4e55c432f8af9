"""Every method on its embedded data, as CI users run it. Methods are found by glob."""

import json

import commands
import pytest
import torch
from runs import (
    METHODS,
    config_of,
    each_variant,
    log_lines,
    smoke_data,
    smoke_options,
    train,
    train_once,
    weights,
)

from translearn.components import build
from translearn.data.types import DataSource
from translearn.engine.build import build_method
from translearn.engine.learners import learners
from translearn.methods.base import Budget, Method


@pytest.mark.parametrize(
    "method", [pytest.param(m, marks=pytest.mark.full if m != "dann" else ()) for m in METHODS]
)
def test_the_command_of_each_method(method, tmp_path):
    done = commands.run(
        "translearn.train", f"method={method}", f"data={smoke_data(method)}", "run=smoke",
        "run.device=cpu", f"hydra.run.dir={tmp_path / 'run'}",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["status"] == "done"
    scored = {"target/test/cluster_accuracy"} if method == "selfcluster" else {
        "source/test/accuracy", "target/test/accuracy"
    }  # fmt: skip
    assert set(result["metrics"]) >= scored
    assert result["headline"] in (scored if method != "zeroshot" else {"zsl/t1"})
    assert str(tmp_path / "run") in done.stdout.replace("\n", "")


@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_losses_are_finite_and_exactly_the_learners_change(method, variant, tmp_path):
    overrides = smoke_options(method, variant)
    short = train_once(*overrides)
    losses = [v for line in log_lines(short.folder) for k, v in line.items() if "loss/" in k]
    assert all(torch.isfinite(torch.tensor(losses)))
    assert not (short.folder / "figures").exists()  # run.figures=false
    learned = {name for phase in short.result["phases"] for name in phase["learn"]}
    assert bool(losses) is bool(learned)
    start = weights(short.folder)
    train(tmp_path / "longer", *overrides, "run.max_steps=6")
    after = weights(tmp_path / "longer")
    built = built_method(overrides)
    for name, _ in built.named_parameters():
        trained = any(f"{name}.".startswith(f"{path}.") for path in learned)
        trained = trained or ".teacher." in name  # a copy of what the phase before has learned
        assert torch.equal(start[name], after[name]) is not trained, name


@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_every_learner_receives_a_gradient(method, variant):
    """The loop calls the optimizer with a gradient on every parameter that a phase learns."""
    once = train_once(*smoke_options(method, variant))
    assert len(once.gradients) == once.result["steps"] and all(once.gradients)


@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_phases_name_learners_that_exist(method, variant):
    overrides = smoke_options(method, variant)
    built = built_method(overrides)
    names = config_of(*overrides)["method"]["phases"]
    for phase in built.phases(Budget(1000, dict.fromkeys(names, 10), 3)):
        assert bool(list(learners(built, phase.learn))) is (phase.steps > 0)
        assert 0 <= phase.steps <= 3


def built_method(overrides) -> Method:
    config = config_of(*overrides)
    tasks = build(config["data"], DataSource, root="").load()
    classes = {task: domain.classes for task, domain in tasks.tasks.items()}
    return build_method(config, classes, tasks.input_shape)
