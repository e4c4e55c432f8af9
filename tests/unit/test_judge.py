import ast
from pathlib import Path

import pytest
import torch
from embedded import digits
from runs import config_of

import translearn
from translearn.config import RunConfig
from translearn.data.access import TrainView
from translearn.data.pipeline.preparation import Preparation
from translearn.data.types import Kind, Split
from translearn.engine.build import build_method, build_run
from translearn.engine.judge import Judge
from translearn.engine.selection import check_selection
from translearn.errors import ConfigError
from translearn.methods.dann import DANN
from translearn.methods.target_only import TargetOnly
from translearn.runtime import Runtime
from translearn.system.signals import Stop


@pytest.fixture(scope="module")
def parts():
    tasks = digits().load()
    config = config_of("method=source_only")
    classes = {task: domain.classes for task, domain in tasks.tasks.items()}
    torch.manual_seed(0)
    method = build_method(config, classes, tasks.input_shape)
    here = Runtime(torch.device("cpu"), 0, 1, bf16=False, threads=1)
    backbone = method.backbone
    prepare = Preparation.of(Kind.image, tasks.input_shape, backbone.mean, backbone.std, here)
    prepare = dict.fromkeys(tasks.tasks, prepare)
    return tasks, method, prepare, Judge(tasks, prepare, here, 100, 10**9, 0)


def test_accuracy_equals_counting_by_hand(parts):
    tasks, method, prepare, judge = parts
    metrics = judge.score(method, "test")
    method.eval()
    for task, domain in tasks.tasks.items():
        with torch.no_grad():
            predicted = method.predict(prepare[task](domain.test.x), task).argmax(dim=1)
        right = [int(p == y) for p, y in zip(predicted, domain.test.y, strict=True)]
        assert metrics[f"{task}/test/accuracy"] == pytest.approx(sum(right) / len(right))
        by_class = [
            sum(r for r, y in zip(right, domain.test.y, strict=True) if y == c)
            / sum(int(y == c) for y in domain.test.y)
            for c in range(10)
        ]
        assert metrics[f"{task}/test/per_class_accuracy"] == pytest.approx(sum(by_class) / 10)


def test_a_limit_scores_the_first_images_and_the_mode_stays(parts):
    _, method, _, judge = parts
    method.train()
    assert int(judge.confusion(method, "target", "test", 33).sum()) == 33
    assert method.training


def test_what_has_no_labels_has_no_score(parts):
    tasks, method, prepare, judge = parts
    hidden = tasks.tasks["target"]
    sealed = {**tasks.tasks, "target": type(hidden)("t", hidden.classes, hidden.train, None,
                                                    Split(hidden.test.x, None))}  # fmt: skip
    other = Judge(type(tasks)("x", sealed, tasks.input_shape), prepare, judge._runtime, 100, 0, 0)
    assert set(other.score(method, "test")) == {
        "source/test/accuracy",
        "source/test/per_class_accuracy",
        "source/test/macro_f1",
    }


def test_a_rule_needs_labels_that_the_method_may_see(parts):
    tasks, _, _, judge = parts

    def run(select):
        return RunConfig.of(config_of(f"run.select={select}")["run"])

    def check(select, method):
        check_selection(run(select), method, judge, TrainView.of(tasks, method.access))

    check("source_val", DANN)
    check("target_val", TargetOnly)
    check("oracle", DANN)
    with pytest.raises(ConfigError, match=r"run\.select=target_val"):
        check("target_val", DANN)


def test_no_other_module_reads_the_labels_of_a_scored_split():
    package = Path(translearn.__file__).parent
    readers = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("val", "test"):
                readers.add(path.relative_to(package).as_posix())
    outside = {reader for reader in readers if not reader.startswith("data/")}
    assert outside == {"engine/judge.py"}


def test_what_a_run_is_made_of_has_no_labels_but_in_its_judge_and_its_view(tmp_path):
    config = config_of("method=dann", "data=digits_photos", "run.device=cpu", "run.threads=1")
    job = build_run(config, tmp_path, Stop())
    for domain in job.tasks.tasks.values():
        assert domain.train.y is None and domain.val is None and domain.test is None
    assert not hasattr(job.view["target"], "y") and len(job.view["source"].y)
    assert job.judge.has("target", "test") and job.judge.has("target", "train")
