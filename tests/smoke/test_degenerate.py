"""Sizes at their limits, for every method: refused in a sentence, or right and finite numbers."""

import math

import pytest
import torch
from PIL import Image
from runs import METHODS, each_variant, smoke_options, train

from translearn.errors import TranslearnError
from translearn.system.problems import of_type

SIZES = {
    "a batch of one": ["run.batch_size=1"],
    "a batch of two": ["run.batch_size=2"],
    "a batch larger than the set": ["run.batch_size=3000", "run.max_steps=1"],
    "one step": ["run.max_steps=1"],
    "one sample": ["run.source_samples=1"],
    "no validation": ["data.val_fraction=0"],
    "almost all for validation": ["data.val_fraction=0.99"],
    "one label a class": ["data.target_labels_per_class=1"],
    "more labels than there are": ["data.target_labels_per_class=100000"],
    "no step moves anything": ["run.lr=0"],
    "warm-up to the end": ["run.warmup=1"],
    "one by one": ["run.eval_batch_size=1", "run.eval_samples=1"],
    "every rule": ["run.rules=true"],
}  # fmt: skip
FOLDERS = {
    "one class": {"s/a": 6, "t/a": 6},
    "one image a class": {"s/a": 1, "s/b": 1, "t/a": 1, "t/b": 1},
    "two images a class": {"s/a": 2, "s/b": 2, "t/a": 2, "t/b": 2},
    "a target of one": {"s/a": 6, "s/b": 6, "t": 1},
    "a target of two": {"s/a": 6, "s/b": 6, "t": 2},
    "a class of one": {"s/a": 12, "s/b": 1, "t/a": 12, "t/b": 1},
    "few, and an unlabelled target": {"s/a": 1, "s/b": 1, "t": 9},
    "nine of them": {"s/a": 9, "s/b": 9, "t/a": 9, "t/b": 9},
}
SMALL = ("data=folder", "data.size=28", "data.crop=28", "backbone=narrow", "run.batch_size=4",
         "run.evaluate=[val,test]")  # fmt: skip
CLUSTERS = {
    "two clusters": ["method.clusters=2"],
    "a thousand": ["method.clusters=1000"],
    "more than images": ["method.clusters=1438", "method/cluster=kmeans"],
    "more than images, searched": ["method.clusters=auto", "method.cluster_range=[2,2000]"],
    "a range turned round": ["method.clusters=auto", "method.cluster_range=[5,2]"],
    "more neighbours than images": ["method.cluster.neighbours=5000"],
}


def right_or_refused(folder, *options):
    """The run ends with finite numbers, or in an error for people, before anything was learned."""
    try:
        result = train(folder, *options)
    except Exception as error:
        told = of_type(error)
        assert isinstance(told, TranslearnError), repr(error)
        assert len(str(told)) > 20 and len(str(told).splitlines()) <= 4, str(told)
        assert "not finite" not in str(told)  # not the fault of a rate
        return
    assert result["status"] == "done"
    assert all(math.isfinite(value) for value in result["metrics"].values()), result["metrics"]


def draw_folders(top, counts):
    draws = torch.Generator().manual_seed(0)
    for place, count in counts.items():
        (top / place).mkdir(parents=True)
        for number in range(count):
            pixels = torch.randint(0, 256, (8, 8, 3), generator=draws, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(top / place / f"{number}.png")


@pytest.mark.full
@pytest.mark.parametrize("method", METHODS)
def test_sizes_of_the_run(method, tmp_path):
    for number, (name, options) in enumerate(SIZES.items()):
        if method == "zeroshot" and "labels_per_class" in options[0]:
            continue  # its target has no training images
        print(name)
        right_or_refused(tmp_path / str(number), *smoke_options(method), *options)


@pytest.mark.full
@pytest.mark.parametrize("method", sorted(set(METHODS) - {"zeroshot"}))
def test_sizes_of_folders(method, tmp_path):
    for number, (name, counts) in enumerate(FOLDERS.items()):
        print(name)
        draw_folders(tmp_path / str(number), counts)
        places = (f"data.{key}={tmp_path / str(number) / key[0]}" for key in ("source", "target"))
        right_or_refused(tmp_path / f"run{number}", *smoke_options(method), *SMALL, *places)


@pytest.mark.parametrize(("method", "variant"), [v for v in each_variant() if v.values[1]])
@pytest.mark.parametrize("size", ["a batch of one", "a batch of two", "one sample"])
def test_sizes_of_a_batch_of_each_variant(method, variant, size, tmp_path):
    right_or_refused(tmp_path / "run", *smoke_options(method, variant), *SIZES[size])


@pytest.mark.full
@pytest.mark.parametrize("name", CLUSTERS)
def test_numbers_of_clusters(name, tmp_path):
    right_or_refused(tmp_path / "run", *smoke_options("selfcluster"), *CLUSTERS[name])


@pytest.mark.parametrize("size", ["a batch of one", "one step", "no validation", "one by one"])
def test_sizes_of_the_default_run(size, tmp_path):
    right_or_refused(tmp_path / "run", *smoke_options("dann"), *SIZES[size])


def test_a_batch_of_one_is_told(tmp_path):
    options = (*smoke_options("selftaught"), "run.batch_size=1")
    with pytest.raises(TranslearnError, match=r"run\.batch_size is 1"):
        train(tmp_path / "run", *options)
