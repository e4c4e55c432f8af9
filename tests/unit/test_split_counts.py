"""result.json tells how many samples of each class a run had, and no label that was hidden."""

import json

import pytest
from embedded import digits

from translearn.data.access import Access, TrainView
from translearn.data.types import permutation
from translearn.engine.counts import split_counts
from translearn.engine.judge import Judge
from translearn.runtime import Runtime

ACCESSES = [Access(source, target) for source in (True, False) for target in (True, False)]


def counted(tasks, access):
    view = TrainView.of(tasks, access)
    return split_counts(view, Judge(tasks, {}, Runtime.__new__(Runtime), 8, 0, 0))


def relabelled(tasks, task):
    """The same, with all labels of a training split drawn anew."""
    labels = tasks.tasks[task].train.y
    labels.copy_(labels[permutation(len(labels), 5)] // 2)
    return tasks


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize("budget", [None, 3])
def test_what_a_method_saw_is_counted_by_class_and_what_it_did_not_see_is_not(access, budget):
    tasks = digits(target_labels_per_class=budget).load()
    found = counted(tasks, access)
    for task, domain in tasks.tasks.items():
        train = found[task]["train"]
        assert train["samples"] == len(domain.train)
        assert ("per_class" in train) is access.allows(task)
        if access.allows(task):
            assert sum(train["per_class"].values()) == len(domain.train)
            assert train["per_class"]["3"] == int((domain.train.y == 3).sum())
        test = found[task]["test"]
        assert sum(test["per_class"].values()) == test["samples"] == len(domain.test)
    hidden = found["target"].get("unlabelled")
    assert hidden == (None if budget is None else {"samples": 1264})
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize("task", ["source", "target"])
def test_hidden_labels_change_no_count(access, task):
    before = counted(digits().load(), access)
    after = counted(relabelled(digits().load(), task), access)
    assert (before == after) is not access.allows(task)
