"""Rules that choose weights without target labels."""

import inspect
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from embedded import digits
from runs import config_of, log_lines, train

from translearn.config import Select, conf_dir
from translearn.data.types import Split
from translearn.engine.build import build_run
from translearn.engine.scoring import label_free_scores
from translearn.errors import ConfigError
from translearn.metrics.choice import BY_ERRORS, BY_PREDICTIONS, RULES, prefers
from translearn.metrics.label_free import (
    batch_nuclear_norm,
    deep_embedded,
    density_ratio,
    importance_weighted,
    information_maximisation,
    mean_entropy,
    score_of,
    soft_neighbourhood_density,
)
from translearn.report.choices import chosen_point, points_of
from translearn.report.collect import read_run
from translearn.system.signals import Stop

SURE = torch.eye(4).repeat(3, 1)  # every class in use, no doubt
ONE = torch.eye(4)[[0] * 12]  # no doubt, always the same class
FLAT = torch.full((12, 4), 0.25)


LABEL_FREE = [name for name, rule in RULES.items() if rule.label_free]
ROOT = Path(__file__).parents[2]
PAGES = [path.read_text() for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))]


def test_every_rule_has_its_entry_in_the_table():
    assert list(RULES) == list(Select)
    assert [*BY_PREDICTIONS, *BY_ERRORS] == LABEL_FREE


@pytest.mark.parametrize("name", Select)
def test_a_rule_is_whole(name):
    rule = RULES[name]
    if rule.label_free:  # of predictions, or of weights and errors
        taken = inspect.signature(score_of(name)).parameters.values()
        required = [p for p in taken if p.default is inspect.Parameter.empty]
        assert len(required) == (1 if rule.looks_at == "predictions" else 2)
        assert rule.metric == f"target/unlabelled/{name}" and rule.needs == "source"
    else:
        assert not rule.score
        assert rule.metric is None or rule.metric.endswith("/accuracy")
    assert any(f"`{name}`" in page or f"select={name}" in page for page in PAGES), "no page tells"


def test_the_comment_of_run_select_is_the_table():
    text = (Path(conf_dir()) / "run" / "default.yaml").read_text()
    comment = text[text.index("select: last") : text.index("select_floor:")]
    lines = [line.strip().removeprefix("#").split(maxsplit=1) for line in comment.splitlines()[1:]]
    assert dict(lines) == {str(name): rule.about for name, rule in RULES.items()}


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


def test_the_density_ratio_of_two_gaussians_is_the_known_one():
    draw = np.random.default_rng(0)
    source, target = draw.normal(0, 1, (20000, 1)), draw.normal(1, 1, (10000, 1))
    asked = np.linspace(-1, 2, 7)[:, None]
    expected = np.exp(asked[:, 0] - 0.5)  # N(1, 1) over N(0, 1)
    assert density_ratio(source, target, asked) == pytest.approx(expected, rel=0.1)


def test_weighted_source_errors_estimate_the_target_error():
    draw = np.random.default_rng(1)
    source, target, held_out = (draw.normal(m, 1, (20000, 1)) for m in (0, 1, 0))
    weights = density_ratio(source, target, held_out)
    wrong = (held_out[:, 0] < 0).astype(float)
    assert wrong.mean() == pytest.approx(0.5, abs=0.02)
    at_target = 0.5 * math.erfc(1 / math.sqrt(2))  # the share of N(1, 1) below 0
    assert importance_weighted(weights, wrong) == pytest.approx(-at_target, abs=0.01)
    assert deep_embedded(weights, wrong) == pytest.approx(-at_target, abs=0.01)


def test_deep_embedded_validation_equals_a_slow_reference():
    weights, wrong = [0.5, 2.0, 0.1, 3.0, 1.5], [0.0, 1.0, 0.0, 0.0, 1.0]
    losses = [w * e for w, e in zip(weights, wrong, strict=True)]
    loss_mean, weight_mean = sum(losses) / 5, sum(weights) / 5
    pairs = zip(losses, weights, strict=True)
    covariance = sum((x - loss_mean) * (w - weight_mean) for x, w in pairs) / 4
    variance = sum((w - weight_mean) ** 2 for w in weights) / 4
    risk = loss_mean - covariance / variance * (weight_mean - 1)
    assert deep_embedded(np.array(weights), np.array(wrong)) == pytest.approx(-risk)
    assert importance_weighted(np.array(weights), np.array(wrong)) == pytest.approx(-3.5 / 7.1)
    even = np.ones(4)  # no shift: the plain error, of either
    assert deep_embedded(even, np.array([1.0, 0, 0, 0])) == pytest.approx(-0.25)


@pytest.mark.full
@pytest.mark.parametrize("rule", LABEL_FREE)
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
    told = chosen_point(rule, points_of(read_run(tmp_path)), floor=0)  # what tl-table --rules shows
    assert told["step"] == result["selected_step"]


def test_without_source_labels_there_is_no_floor(tmp_path):
    with pytest.raises(ConfigError, match=r"run\.select=im: this method may not see"):
        train(tmp_path, "method=target_only", "run=smoke", "run.select=im")


def test_every_rule_that_the_method_may_use_is_scored_and_logged(tmp_path):
    result = train(tmp_path, "run=smoke", "run.max_steps=2", "run.evaluations=2", "run.rules=true")
    assert result["rules"] == [name for name, rule in RULES.items() if rule.needs == "source"]
    names = {f"target/unlabelled/{name}" for name in LABEL_FREE}
    assert names <= result["metrics"].keys()
    points = [line for line in log_lines(tmp_path) if names <= line.keys()]
    assert [line["phase"] == "end" for line in points] == [False, False, True]
    last, end = points[1], points[2]
    assert {name: last[name] for name in names} == {name: end[name] for name in names}
    assert result["metrics"]["target/unlabelled/iw"] <= 0


def job_on(tasks):
    config = config_of("run=smoke", "run.device=cpu", "run.threads=1", "run.precision=fp32")
    config["run"]["rules"] = True
    return build_run(config, Path("unused"), Stop(), tasks=tasks)


def test_no_label_of_the_target_changes_a_label_free_score():
    tasks = digits().load()
    target = tasks.tasks["target"]
    parts = {name: getattr(target, name) for name in ("train", "val", "test")}
    wrong = {name: Split(part.x, part.y.roll(1)) for name, part in parts.items()}
    permuted = replace(tasks, tasks={**tasks.tasks, "target": replace(target, **wrong)})
    first, second = (
        label_free_scores(job, job.run, job.method) for job in map(job_on, (tasks, permuted))
    )
    assert len(first) == len(LABEL_FREE)
    assert first == second


def test_the_judge_tells_where_the_source_is_wrong():
    tasks = digits().load()
    job = job_on(tasks)
    features, wrong = job.judge.source_errors(job.method, 30)
    job.method.eval()
    with torch.no_grad():
        x = job.prepare["source"](tasks.tasks["source"].val.x[:30])
        predicted = job.method.predict(x, "source").argmax(dim=1)
        assert torch.allclose(features, job.method.represent(x, "source"), atol=1e-5)
    labels = tasks.tasks["source"].val.y[:30]
    assert wrong.tolist() == [float(p != y) for p, y in zip(predicted, labels, strict=True)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("method=target_only", "run.select=dev"), "may not see"),
        (("method=finetune", "data=digits_split", "run.select=iw"), "other classes"),
        (("method=zeroshot", "data=digits_attributes", "run.select=im"), "no target training"),
        (("method=selfcluster", "run.rules=true"), r"run\.rules=true: there is no rule"),
    ],
)
def test_rules_that_make_no_sense_are_refused(options, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        train(tmp_path, "run=smoke", *options)
