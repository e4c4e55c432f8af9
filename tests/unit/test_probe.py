"""Probes at the end of short runs."""

import pytest
from runs import same_weights, train

SMOKE = ("data=digits_photos", "run=smoke")


def test_probes_stand_beside_the_metrics_and_change_nothing(tmp_path):
    plain = train(tmp_path / "plain", "method=dann", *SMOKE)
    probed = train(tmp_path / "probed", "method=dann", *SMOKE, "run.probe=true")
    assert same_weights(tmp_path / "plain", tmp_path / "probed")
    added = set(probed["metrics"]) - set(plain["metrics"])
    assert added == {f"{task}/test/{kind}_accuracy" for task in ("source", "target")
                     for kind in ("knn", "linear")}  # fmt: skip
    # three steps teach little, but the classifiers have 1294 labels
    assert probed["metrics"]["source/test/linear_accuracy"] > 0.9
    assert probed["metrics"]["source/test/knn_accuracy"] > 0.9


def test_a_probe_learns_from_the_labels_of_the_budget_alone(tmp_path):
    few = train(tmp_path, "method=selftaught", *SMOKE, "run.probe=true",
                "data.target_labels_per_class=1")["metrics"]  # fmt: skip
    # the source has all its labels, and images of the same digits
    assert few["target/test/linear_accuracy"] < few["source/test/linear_accuracy"] - 0.3


@pytest.mark.full
def test_multitask_is_probed_through_each_task_s_stem(tmp_path):
    metrics = train(tmp_path, "method=multitask", "data=digits_parity", "run=smoke",
                    "run.probe=true")["metrics"]  # fmt: skip
    probed = {name.split("/")[0] for name in metrics if name.endswith("/knn_accuracy")}
    assert probed == {name.split("/")[0] for name in metrics if name.endswith("/test/accuracy")}
    assert len(probed) == 3
    # even or odd of 8x8 digits, which pass a stem of their own; the other tasks have ten classes
    assert metrics["parity/test/linear_accuracy"] > 0.8
