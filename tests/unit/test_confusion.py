import pytest
import torch
from runs import config_of, same_weights, train
from sklearn.metrics import f1_score

from translearn.errors import ConfigError
from translearn.metrics.confusion import macro_f1


def counted(true, predicted, classes):
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    for row, column in zip(true, predicted, strict=True):
        confusion[row, column] += 1
    return confusion


@pytest.mark.parametrize(
    ("true_classes", "predicted_classes"),
    [(5, 5), (3, 5), (5, 2), (1, 1)],  # also predicted and never true, true and never predicted
)
def test_macro_f1_is_that_of_scikit_learn(true_classes, predicted_classes):
    draw = torch.Generator().manual_seed(0)
    true = torch.randint(true_classes, (80,), generator=draw).tolist()
    predicted = torch.randint(predicted_classes, (80,), generator=draw).tolist()
    expected = f1_score(true, predicted, average="macro", zero_division=0)
    # the seventh class is neither true nor predicted, and is left out
    assert macro_f1(counted(true, predicted, 7)) == pytest.approx(expected, abs=1e-12)


def test_a_class_that_is_predicted_and_never_true_counts_as_zero():
    assert macro_f1(counted([0, 0, 1], [0, 2, 1], 3)) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_the_data_choose_the_headline(tmp_path):
    quick = ("method=source_only", "data=moons", "run=smoke")
    assert train(tmp_path / "a", *quick)["headline"] == "target/test/accuracy"
    result = train(tmp_path / "b", *quick, "+data.headline=macro_f1")
    assert result["headline"] == "target/test/macro_f1" and result["headline"] in result["metrics"]
    assert same_weights(tmp_path / "a", tmp_path / "b")
    for name in ("har", "wisdm"):
        assert config_of(f"data={name}")["data"]["headline"] == "macro_f1"


def test_a_headline_that_is_no_metric_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.headline"):
        train(tmp_path / "a", "method=source_only", "data=moons", "+data.headline=f1")
