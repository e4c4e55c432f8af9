"""Rules that choose weights without target labels."""

import math

import pytest
import torch
from runs import log_lines, train

from translearn.errors import ConfigError
from translearn.validators import (
    RULES,
    batch_nuclear_norm,
    information_maximisation,
    mean_entropy,
    prefers,
    soft_neighbourhood_density,
)

SURE = torch.eye(4).repeat(3, 1)  # every class in use, no doubt
ONE = torch.eye(4)[[0] * 12]  # no doubt, always the same class
FLAT = torch.full((12, 4), 0.25)


def test_values_of_extreme_predictions():
    assert [mean_entropy(p) for p in (SURE, ONE, FLAT)] == pytest.approx([0, 0, -math.log(4)])
    assert [information_maximisation(p) for p in (SURE, ONE, FLAT)] == pytest.approx(
        [math.log(4), 0, 0], abs=1e-6
    )
    # singular values: sqrt(3) four times; sqrt(12) once; sqrt(12 / 4) once
    assert [12 * batch_nuclear_norm(p) for p in (SURE, ONE, FLAT)] == pytest.approx(
        [4 * math.sqrt(3), math.sqrt(12), math.sqrt(3)], rel=1e-5
    )
    assert soft_neighbourhood_density(ONE) == pytest.approx(math.log(11), rel=1e-5)


def test_soft_neighbourhood_density_equals_a_slow_reference():
    torch.manual_seed(0)
    predictions = torch.randn(9, 4).softmax(dim=1)
    total = 0.0
    for i in range(9):
        unit = [p / p.norm() for p in predictions]
        weights = [math.exp(float(unit[i] @ unit[j]) / 0.05) for j in range(9) if j != i]
        shares = [w / sum(weights) for w in weights]
        total -= sum(p * math.log(p) for p in shares)
    assert soft_neighbourhood_density(predictions) == pytest.approx(total / 9, rel=1e-4)


def test_weights_that_lost_the_source_are_no_candidates():
    assert prefers(score=2, best_score=1, source=0.9, chosen_source=0.95, floor=0.85)
    assert not prefers(score=2, best_score=1, source=0.5, chosen_source=0.95, floor=0.85)
    # the chosen ones fell below the floor when a better source model came
    assert prefers(score=0, best_score=1, source=0.9, chosen_source=0.5, floor=0.85)
    assert not prefers(score=0, best_score=1, source=0.9, chosen_source=0.9, floor=0.85)


@pytest.mark.parametrize("rule", list(RULES))
def test_the_weights_with_the_best_score_are_reported(rule, tmp_path):
    result = train(
        tmp_path, "run=smoke", "run.max_steps=6", "run.evaluations=3", f"run.select={rule}",
        "run.select_floor=0",
    )  # fmt: skip
    key = f"target/unlabelled/{rule}"
    scores = {line["step"]: line[key] for line in log_lines(tmp_path) if key in line}
    assert len(scores) == 3
    assert result["selected_step"] == max(scores, key=scores.get)
    assert result["selection"] == rule and result["oracle"] is False


def test_without_source_labels_there_is_no_floor(tmp_path):
    with pytest.raises(ConfigError, match=r"run\.select=im: this method may not see"):
        train(tmp_path, "method=target_only", "run=smoke", "run.select=im")
