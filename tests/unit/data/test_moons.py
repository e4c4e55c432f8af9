"""The moons of the DANN paper, and the picture of what is learned on them."""

import math

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from runs import checked, config_of, train
from sklearn.datasets import make_moons

from translearn.data.arrangements.pair import Pair
from translearn.data.sets.moons import Moons
from translearn.errors import ConfigError


def test_they_are_those_of_the_authors():
    points, labels = make_moons(150, noise=0.05, random_state=1)
    middle = points.mean(axis=0)
    first = Moons().read()
    assert np.allclose(first.train.x.numpy(), 2 * (points - middle), atol=1e-6)
    assert first.train.y.tolist() == labels.tolist()
    other, labels = make_moons(150, noise=0.05, random_state=2)
    angle = -35 * math.pi / 180
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    turned = Moons(turned=True).read()
    assert np.allclose(turned.train.x.numpy(), (2 * (other - middle)) @ turn.T, atol=1e-6)
    assert turned.train.y.tolist() == labels.tolist()


@pytest.mark.parametrize("options", [{"count": 40}, {"noise": 0.0}, {"degrees": 180.0}])
def test_options_reach_the_sets_by_name(options):
    tasks = Pair(source="moons", target="moons_turned", protocol="transductive", **options).load()
    count = options.get("count", 150)
    assert len(tasks.tasks["target"].train) == len(tasks.tasks["target"].test) == count
    assert tasks.tasks["source"].train.x.shape == (count - count // 10, 2)


def test_too_few_points_are_refused():
    with pytest.raises(ConfigError, match="count=5 must be"):
        checked(Moons, count=5)


@pytest.mark.full
def test_dann_turns_with_the_moons_and_the_boundary_is_drawn(tmp_path):
    found = {}
    for method in ("source_only", "dann"):
        words = (f"method={method}", "data=moons", "run.device=cpu")
        torch.manual_seed(0)
        found[method] = train(tmp_path / method, *words)["metrics"]["target/test/accuracy"]
    assert found["dann"] > found["source_only"] + 0.05
    picture = train(
        tmp_path / "drawn", config=config_of("data=moons", "run=smoke", "run.figures=true")
    )
    assert picture["warnings"] == []
    assert imread(tmp_path / "drawn/figures/boundary.png").ndim == 3
