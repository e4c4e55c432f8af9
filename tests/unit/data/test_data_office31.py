import logging
import shutil

import pytest
import torch
from real_formats import real_root, write_classes
from runs import checked

from translearn.data.access import Access, TrainView
from translearn.data.arrangements.pair import Pair
from translearn.errors import ConfigError, DataError


@pytest.fixture
def root(tmp_path):
    write_classes(tmp_path / "office31/amazon/images", {"bike": 20, "mug": 30})
    write_classes(tmp_path / "office31/webcam/images", {"bike": 10, "mug": 10})
    return tmp_path


def office31(root, source="amazon", target="webcam", protocol="transductive", **options):
    title = "office31:{source}->{target}"
    named = {"source": source, "target": target, "protocol": protocol, "title": title}
    return checked(Pair, root, **named, **options)


def load(root, **options):
    return office31(str(root), **options).load()


def test_transductive(root, caplog):
    with caplog.at_level(logging.WARNING):
        tasks = load(root)
    assert tasks.name == "office31:amazon->webcam" and tasks.protocol == "transductive"
    assert tasks.input_shape == (3, 224, 224)
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert len(source.train) == 45 and source.val.x == source.test.x and len(source.test) == 5
    assert not set(source.train.x.paths) & set(source.test.x.paths)
    assert len(target.train) == 20 and target.val is None
    assert target.test.x == target.train.x and torch.equal(target.test.y, target.train.y)
    assert "cannot be compared" in caplog.text  # 50 images are not the published 2817


def test_split(root):
    tasks = load(root, protocol="split")
    assert tasks.protocol == "split"
    for domain, counts in (("source", [36, 4, 10]), ("target", [15, 1, 4])):
        parts = [getattr(tasks.tasks[domain], name) for name in ("train", "val", "test")]
        assert [len(part) for part in parts] == counts
        assert len({path for part in parts for path in part.x.paths}) == sum(counts)


@pytest.mark.parametrize("protocol", ["transductive", "split"])
def test_splits_are_seeded_and_labels_stay_with_their_files(root, protocol):
    first, again = load(root, protocol=protocol), load(root, protocol=protocol)
    other = load(root, protocol=protocol, split_seed=1)
    train = first.tasks["source"].train
    assert train.x == again.tasks["source"].train.x != other.tasks["source"].train.x
    classes = first.tasks["source"].classes
    assert [classes.index(path.parent.name) for path in train.x.paths] == train.y.tolist()


def test_target_labels_need_the_split_protocol(root):
    oracle = Access(source_labels=False, target_labels=True)
    with pytest.raises(ConfigError, match=r"data\.protocol=split"):
        TrainView.of(load(root), oracle)
    assert len(TrainView.of(load(root, protocol="split"), oracle)["target"]) == 15
    with pytest.raises(ConfigError, match=r"data\.protocol=split"):
        load(root, target_labels_per_class=2)
    tasks = load(root, protocol="split", target_labels_per_class=2)
    assert len(tasks.tasks["target"].train) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "amazn"}, "did you mean amazon"),
        ({"target": "amazon"}, "both amazon"),
        ({"protocol": "splits"}, "one of transductive, split"),
        ({"crop": 257}, "data.crop=257"),
    ],
)
def test_wrong_options_are_refused_before_any_file_is_read(options, message):
    with pytest.raises(ConfigError, match=message):
        office31("/nowhere", **options)


def test_a_missing_domain_is_explained_with_the_layout(root):
    shutil.rmtree(root / "office31/webcam")
    with pytest.raises(DataError) as caught:
        load(root)
    message = str(caught.value)
    assert str(root / "office31/webcam/images") in message
    assert "office31/{amazon,dslr,webcam}/images/<class>/*.jpg" in message
    assert "data=print_hand" in message and len(message.splitlines()) <= 5


def test_different_classes_are_refused(root):
    shutil.rmtree(root / "office31/webcam/images/mug")
    with pytest.raises(DataError, match="different classes: mug"):
        load(root)


@pytest.mark.realdata
def test_the_real_set(caplog):
    with caplog.at_level(logging.WARNING):
        tasks = load(real_root(), source="webcam", target="amazon")
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert len(source.classes) == 31 and len(source.train) + len(source.val) == 795
    assert len(target.train) == len(target.test) == 2817
    assert not caplog.text
    assert target.train.x.decode(0).shape == (3, 256, 256)
