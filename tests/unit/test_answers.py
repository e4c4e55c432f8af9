import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error, r2_score, recall_score
from torch.nn import functional as F

from translearn.answers import ANSWERS, Classes, Number
from translearn.data.access import LabelledSet, TrainView, UnlabelledSet
from translearn.methods.base import Method


def drawn(count=50, seed=0):
    draws = torch.Generator().manual_seed(seed)
    true = 200 + 30 * torch.randn(count, generator=draws)
    return true, true + 10 * torch.randn(count, generator=draws)


def seen(labels, task="target", others=None):
    """A number that has seen these labels of the source."""
    x, found = torch.zeros(len(labels), 1), Number()
    sets = {"source": LabelledSet(x, labels), "target": UnlabelledSet(x)} | (others or {})
    found.see(TrainView(sets), task)
    return found


def test_classes_have_the_loss_and_the_figures_that_they_had():
    draws = torch.Generator().manual_seed(0)
    scores, y = torch.randn(40, 4, generator=draws), torch.randint(4, (40,), generator=draws)
    answer = Classes()
    assert torch.equal(answer.loss(scores, y), F.cross_entropy(scores, y))
    half = scores.bfloat16()
    assert torch.equal(answer.loss(half, y), F.cross_entropy(half.float(), y))
    found = answer.metrics(answer.decode(scores), y)
    predicted = scores.argmax(dim=1)
    assert found == pytest.approx({
        "accuracy": accuracy_score(y, predicted),
        "per_class_accuracy": recall_score(y, predicted, average="macro"),
        "macro_f1": f1_score(y, predicted, average="macro"),
    })  # fmt: skip
    assert not answer.state_dict()  # a model of classes has no more tensors than before


def test_figures_of_numbers_are_those_of_scikit_learn_and_scipy():
    true, predicted = drawn()
    assert Number().metrics(predicted, true) == pytest.approx({
        "mse": mean_squared_error(true.double(), predicted.double()),
        "r2": r2_score(true.double(), predicted.double()),
        "pearson": pearsonr(true.double(), predicted.double()).statistic,
    }, rel=1e-9)  # fmt: skip


def test_figures_that_are_not_defined_are_absent():
    same, other = torch.full((4,), 2.0), torch.arange(4.0)
    assert set(Number().metrics(other, same)) == {"mse"}
    assert set(Number().metrics(same, other)) == {"mse", "r2"}


def test_numbers_are_learned_in_deviations_of_the_source_and_given_back_in_their_unit():
    true, predicted = drawn()
    answer = seen(true)
    scores = ((predicted - true.mean()) / true.std(correction=0)).unsqueeze(1)
    assert torch.allclose(answer.decode(scores), predicted, atol=1e-3)
    expected = np.mean((predicted - true).double().numpy() ** 2) / np.var(true.double().numpy())
    assert float(answer.loss(scores, true)) == pytest.approx(expected, rel=1e-5)


def test_a_method_that_sees_no_source_labels_takes_those_that_it_sees():
    x, labels = torch.zeros(3, 1), torch.tensor([1.0, 2.0, 3.0])
    view = {"source": UnlabelledSet(x), "target": LabelledSet(x, labels)}
    for task in ("source", "target"):  # both are decoded alike
        assert float(seen(labels * 9, task, view).mean) == 2.0


def test_equal_labels_are_not_scaled():
    answer = seen(torch.full((3,), 5.0))
    assert float(answer.mean) == 5.0 and float(answer.deviation) == 1.0


def test_what_it_has_seen_is_part_of_the_model():
    again = Number()
    again.load_state_dict(seen(torch.tensor([1.0, 3.0])).state_dict())
    assert float(again.mean) == 2.0


def test_a_method_learns_classes_unless_it_says_more():
    assert Method.answers == ("class",) and set(ANSWERS) == {"class", "number"}
