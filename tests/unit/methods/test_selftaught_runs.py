"""Whole self-taught runs, in this process: earlier runs, what is told."""

import json

import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from runs import config_of, train, weights

from translearn.backbones.digits import Wide
from translearn.commands.predictor import Predictor
from translearn.components import resolve_class
from translearn.errors import CheckpointError, ConfigError
from translearn.methods.parts.clusters import Clusters
from translearn.methods.parts.pretext import Pixels
from translearn.methods.parts.pretraining import UNTOUCHED
from translearn.methods.selfcluster import SelfCluster

TAUGHT = ("method=selftaught", "data=digits_photos", "data.target_labels_per_class=2", "run=smoke",
          "run.max_steps=4")  # fmt: skip
CLUSTER = ("method=selfcluster", "data=digits_photos", "run=smoke", "run.max_steps=4")


def test_linear_evaluation_leaves_the_trunk_as_pretraining_made_it(tmp_path):
    """Batch-norm statistics included, whether features are cached or images are augmented."""
    options = (*TAUGHT, "run.batch_size=20", "run.ema=0")
    train(tmp_path / "cached", *options, "run.augment_tasks=[]")
    train(tmp_path / "augmented", *options, "run.augment_tasks=[target]")
    one, other = weights(tmp_path / "cached"), weights(tmp_path / "augmented")
    trunk = [name for name in one if name.startswith(("backbone.", "pretext."))]
    assert any("running_mean" in name for name in trunk)
    assert all(torch.equal(one[name], other[name]) for name in trunk)
    assert not torch.equal(one["head.0.weight"], other["head.0.weight"])


def recorded(folder, *options):
    """A finished run with its config on record, as tl-run leaves it."""
    (folder / ".hydra").mkdir(parents=True)
    config = config_of(*options, "run.device=cpu", "run.threads=1", "run.precision=fp32")
    OmegaConf.save(OmegaConf.create(config), folder / ".hydra" / "config.yaml")
    return train(folder, config=config)


@pytest.mark.full
def test_an_earlier_run_replaces_the_pretraining(tmp_path):
    earlier, init = tmp_path / "earlier", f"method.init={tmp_path / 'earlier'}"
    recorded(earlier, *TAUGHT)
    result = train(tmp_path / "again", *TAUGHT, init)
    assert [(p["name"], p["steps"]) for p in result["phases"]] == [("pretrain", 0), ("target", 4)]
    mine, theirs = weights(tmp_path / "again"), weights(earlier)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs if "head" not in name)
    clusters = train(tmp_path / "clusters", *CLUSTER, init, "method/cluster=kmeans")
    assert clusters["steps"] == 0 and "target/test/cluster_accuracy" in clusters["metrics"]

    with pytest.raises(ConfigError, match=r"has the pretext SimCLR, and this run a VICReg"):
        train(tmp_path / "pretext", *TAUGHT, init, "method/pretext=vicreg")
    with pytest.raises(ConfigError, match="does not fit"):
        train(tmp_path / "shape", *TAUGHT, init, "backbone=lenet")
    with pytest.raises(ConfigError, match="may have seen the test images"):
        train(tmp_path / "cut", *TAUGHT, init, "data.split_seed=1")
    with pytest.raises(CheckpointError, match="no finished run"):
        train(tmp_path / "none", *TAUGHT, "method.init=/nowhere")


@pytest.mark.parametrize("cluster", ["kmeans", "scan", "spectral"])
def test_what_leaves_the_backbone_as_it_is_can_be_started_from(cluster):
    options = config_of(*CLUSTER, f"method/cluster={cluster}")["method"]["cluster"]
    untouched = resolve_class(options["_target_"], Clusters).untouched
    assert untouched is (cluster in UNTOUCHED) is (cluster != "scan")


@pytest.mark.full
def test_scan_starts_from_the_pretraining_of_a_spectral_run(tmp_path):
    recorded(tmp_path / "earlier", *CLUSTER, "method/cluster=spectral")
    result = train(tmp_path / "run", *CLUSTER, f"method.init={tmp_path / 'earlier'}",
                   "method.cluster.start=spectral")  # fmt: skip
    assert [p["name"] for p in result["phases"]] == ["pretrain", "mine", "scan"]


@pytest.mark.full
@pytest.mark.parametrize(
    "options",
    [
        (*TAUGHT, "method.freeze=none"),
        CLUSTER,
        ("method=target_only", "data=digits_photos", "run=smoke"),
    ],
    ids=["tuned", "scanned", "supervised"],
)
def test_a_backbone_that_saw_more_is_no_pretraining(options, tmp_path):
    recorded(tmp_path / "earlier", *options)
    with pytest.raises(ConfigError, match="not what a pretext alone"):
        train(tmp_path / "run", *TAUGHT, f"method.init={tmp_path / 'earlier'}")


@pytest.mark.full
def test_clusters_are_told(tmp_path):
    result = recorded(tmp_path, "method=selfcluster", "data=digits_photos", "run=smoke",
                      "method/pretext=none", "method/cluster=kmeans",
                      "method.clusters=12", "run.figures=true")  # fmt: skip
    metrics = result["metrics"]
    for split in ("val", "test"):
        for name in ("cluster_accuracy", "nmi", "ari", "purity"):
            assert 0 < metrics[f"target/{split}/{name}"] < 1
    assert metrics["target/test/clusters"] == 12
    assert len(result["cluster_sizes"]["target"]) == 12
    assert sum(result["cluster_sizes"]["target"]) == 360
    assert set(result["per_class"]["target"]) == set("0123456789")
    assert result["headline"] == "target/test/cluster_accuracy"
    assert result["quadrant"] == "source_unlabelled+target_unlabelled"
    json.dumps(result)
    # the picture has a row a cluster; prediction names clusters, not the classes of their number
    with Image.open(tmp_path / "figures" / "clusters.png") as picture:
        assert picture.size == (16 * 29 + 1, 12 * 29 + 1)
    for number in range(3):
        pixels = torch.full((28, 28), 80 * number, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(tmp_path / f"{number}.png")
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    labels = [found[0][0] for found, *_ in Predictor.load(tmp_path).predict(paths)]
    assert set(labels) <= {f"cluster_{i}" for i in range(12)} and len(labels) == 3


def test_no_label_selects_clusters(tmp_path):
    with pytest.raises(ConfigError, match="no label selects"):
        train(tmp_path, *CLUSTER, "run.select=oracle")


def test_values_that_contradict_are_refused(tmp_path):
    for options, message in [
        ((*TAUGHT, "method/pretext=sparse_coding", "method.freeze=none"), "no layers to tune"),
        ((*TAUGHT, "method.pretrain_share=1"), "below 1"),
        ((*TAUGHT, "method/pretext=none"), "is for method=selfcluster"),
        ((*CLUSTER, "method.cluster.selflabel_share=0.5"), "nothing of 1 for phase scan"),
        ((*CLUSTER, "method/pretext=sparse_coding"), "is for method=selftaught"),
    ]:
        with pytest.raises(ConfigError, match=message):
            train(tmp_path, *options)


def test_pixels_have_no_earlier_run():
    shapes = dict.fromkeys(("source", "target"), (3, 28, 28))
    tasks = {"source": ("a", "b"), "target": ("a", "b")}
    with pytest.raises(ConfigError, match="uses no pretraining"):
        SelfCluster(Wide((3, 28, 28), 0.25), tasks, shapes, pretext=Pixels, init="/nowhere")
