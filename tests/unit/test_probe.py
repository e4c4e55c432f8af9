"""Probes and the picture of clusters, at the end of short runs."""

from PIL import Image
from runs import same_weights, train

SMOKE = ("data=digits", "run=smoke")


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
    options = ("method=selftaught", *SMOKE, "run.probe=true")
    few = train(tmp_path / "few", *options, "data.target_labels_per_class=1")
    many = train(tmp_path / "many", *options)
    key = "target/test/linear_accuracy"
    assert few["metrics"][key] < many["metrics"][key] - 0.1


def test_the_picture_has_a_row_a_cluster(tmp_path):
    train(tmp_path, "method=selfcluster", *SMOKE, "method.pretext=none", "method.cluster=kmeans",
          "method.clusters=7")  # fmt: skip
    picture = Image.open(tmp_path / "figures" / "clusters.png")
    assert picture.size == (16 * 29 + 1, 7 * 29 + 1)
