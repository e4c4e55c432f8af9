from dataclasses import replace

import pytest
import torch

from translearn.data.access import Access, LabelledSet, TrainView, UnlabelledSet, limit_labels
from translearn.data.cuts import cut_domain, cut_test, keep_classes
from translearn.data.types import Domain, Kind, Samples, Split, TaskSet, permutation
from translearn.errors import ConfigError, DataError

CLASSES = ("a", "b", "c")


def split(count, labelled=True):
    """Images whose pixel is their number, of class number % 3."""
    x = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1)
    return Split(x, torch.arange(count) % 3 if labelled else None)


def samples(name, train, test=None):
    return Samples(name, CLASSES, train, test, Kind.vector, (1,), "published")


def pair(protocol="published", target_labelled=True):
    source = cut_domain(samples("s", split(30), split(6)), 0.2, 0)
    target = cut_domain(samples("t", split(60, target_labelled)), 0.1, 0)
    return TaskSet("s_t", {"source": source, "target": target}, (1, 1, 1), protocol)


def numbers(data):
    return data.x.flatten().tolist()


def test_permutation_depends_on_its_arguments_alone():
    expected = permutation(100, 3)
    torch.manual_seed(7)
    assert torch.equal(permutation(100, 3), expected)
    assert sorted(expected.tolist()) == list(range(100))
    assert not torch.equal(permutation(100, 4), expected)


def test_cut_is_disjoint_complete_and_keeps_labels_with_images():
    domain = cut_domain(samples("s", split(30)), 0.2, 0)
    assert len(domain.val) == 6 and len(domain.train) == 24
    assert sorted(numbers(domain.train) + numbers(domain.val)) == list(range(30))
    for part in (domain.train, domain.val):
        assert part.y.tolist() == [number % 3 for number in numbers(part)]


def test_the_kind_and_an_input_of_its_own_go_through_the_cut():
    domain = cut_domain(samples("s", split(30)), 0.2, 0, (7,))
    assert domain.kind is Kind.vector and domain.input_shape == (7,)


def test_the_test_is_cut_where_none_is_published():
    whole = cut_test(samples("s", split(30)), 0.2, 0)
    assert len(whole.test) == 6 and len(whole.train) == 24
    assert sorted(numbers(whole.train) + numbers(whole.test)) == list(range(30))
    published = samples("s", split(30), split(6))
    assert cut_test(published, 0.2, 0) is published
    assert cut_test(samples("s", split(30)), 0.0, 0).test is None


@pytest.mark.parametrize(("whole", "part"), [(30, 28), (30, 30), (200, 7)])
@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_a_set_made_of_another_is_cut_as_that_one(whole, part, fraction):
    first = cut_domain(samples("s", split(whole)), fraction, 3)
    second = cut_domain(replace(samples("t", split(part)), made_of=whole), fraction, 3)
    for one, other in ((first.train, second.train), (first.val, second.val)):
        assert numbers(other) == [number for number in numbers(one) if number < part]
        assert other.y.tolist() == [number % 3 for number in numbers(other)]


def test_some_classes_of_it_are_a_set_of_their_own():
    """Their samples are no longer the first ones of the other set."""
    some = keep_classes(replace(samples("t", split(28)), made_of=30), [0, 2], "t")
    domain = cut_domain(some, 0.2, 0)
    assert sorted(numbers(domain.train) + numbers(domain.val)) == [
        number for number in range(28) if number % 3 != 1
    ]


def test_no_validation_split_without_a_fraction():
    assert cut_domain(samples("s", split(30)), 0.0, 0).val is None


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_impossible_fractions_are_refused(fraction):
    with pytest.raises(ConfigError, match=r"data\.val_fraction"):
        cut_domain(samples("s", split(30)), fraction, 0)


@pytest.mark.parametrize("source_labels", [False, True])
@pytest.mark.parametrize("target_labels", [False, True])
def test_the_view_holds_no_label_outside_the_access(source_labels, target_labels):
    view = TrainView.of(pair(), Access(source_labels, target_labels))
    for task, granted in (("source", source_labels), ("target", target_labels)):
        assert isinstance(view[task], LabelledSet if granted else UnlabelledSet)
        assert hasattr(view[task], "y") == granted


def test_a_label_that_does_not_exist_is_refused():
    with pytest.raises(DataError, match="'target'"):
        TrainView.of(pair(target_labelled=False), Access(True, True))


def test_target_labels_are_refused_where_the_same_images_are_scored():
    with pytest.raises(ConfigError, match=r"add data\.protocol=split"):
        TrainView.of(pair("transductive"), Access(False, True))
    TrainView.of(pair("transductive"), Access(True, False))


def test_unknown_task_names_the_known_ones():
    with pytest.raises(KeyError, match="source, target"):
        TrainView.of(pair(), Access(True, False))["targets"]


def test_budget_keeps_so_many_labels_of_each_class_and_hides_the_rest():
    tasks = pair()
    limited = limit_labels(tasks, 4, seed=0)
    kept = limited.tasks["target"]
    rest = kept.unlabelled.flatten().tolist()
    assert torch.bincount(kept.train.y).tolist() == [4, 4, 4] and kept.val is None
    assert kept.train.y.tolist() == [number % 3 for number in numbers(kept.train)]
    assert list(limited.tasks) == ["source", "target"]
    before = numbers(tasks.tasks["target"].train)
    assert sorted(numbers(kept.train) + rest) == sorted(before)
    again, other = limit_labels(tasks, 4, seed=0), limit_labels(tasks, 4, seed=1)
    assert numbers(again.tasks["target"].train) == numbers(kept.train)
    assert numbers(other.tasks["target"].train) != numbers(kept.train)
    view = TrainView.of(limited, Access(True, True))
    assert isinstance(view.unlabelled("target"), UnlabelledSet)
    assert view.limited("target") and numbers(view.unlabelled("target")) == rest


def test_without_a_budget_all_samples_come_without_labels():
    view = TrainView.of(pair(), Access(True, True))
    assert isinstance(view["target"], LabelledSet) and not view.limited("target")
    assert isinstance(view.unlabelled("target"), UnlabelledSet)
    assert numbers(view.unlabelled("target")) == numbers(view["target"])


@pytest.mark.parametrize("per_class", [0, 1000])
def test_impossible_budgets_are_refused(per_class):
    with pytest.raises(ConfigError, match=r"data\.target_labels_per_class"):
        limit_labels(pair(), per_class, seed=0)


def test_a_budget_needs_labels():
    with pytest.raises(DataError, match="has no labels"):
        limit_labels(pair(target_labelled=False), 1, seed=0)


def test_domain_without_labels_can_be_cut():
    domain = cut_domain(samples("t", split(10, labelled=False)), 0.2, 0)
    assert isinstance(domain, Domain) and domain.train.y is None and domain.val.y is None
