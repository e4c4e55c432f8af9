"""Data configs of 0.1 mean what they meant: by their old ``_target_`` and the keys they had."""

import pytest
import torch
from runs import config_of

from translearn.components import build, check
from translearn.data.types import DataSource
from translearn.renamed.names import RENAMED

PHOTOS = {"size": 32, "crop": 24}
CUT = {"val_fraction": 0.1, "split_seed": 0}
BUDGET = {**CUT, "target_labels_per_class": None}
# old target -> the keys of its yaml in 0.1, without ``download`` and ``name``
KEYS = {
    "digits.Digits": BUDGET,
    "pairs.DigitPair": {"source": "mnist", "target": "usps", "size": 28, **BUDGET},
    "class_splits.DigitsSplit": BUDGET,
    "class_splits.MnistSplit": BUDGET,
    "class_splits.Office31Classes": {
        "domain": "webcam", "source_classes": 16, "class_seed": 7, **BUDGET, **PHOTOS,
    },
    "digit_tasks.DigitTasks": {"tasks": ["mnist", "usps"], "names": None, **BUDGET},
    "digit_tasks.DigitsParity": BUDGET,
    "unseen.DigitsAttributes": {"unseen": 3, "class_seed": 0, **CUT},
    "unseen.MnistAttributes": {"unseen": 3, "class_seed": 0, **CUT},
    "unseen_photos.PhotoFolder": {
        "folder": "photos", "unseen": 2, "class_seed": 0, **CUT, **PHOTOS,
    },
    "unseen_photos.Office31ZeroShot": {
        "domain": "webcam", "unseen": 10, "class_seed": 0, **CUT, **PHOTOS,
    },
    "folder.Folder": {
        "source": "a", "target": "b", "test_fraction": 0.2, **BUDGET, **PHOTOS,
    },
    "fsdd.SpokenDigits": {
        "target_speaker": "theo", "source_speakers": None, "length": 8000, "mels": 40, **BUDGET,
    },
    "gbu.GbuFeatures": {"set": "CUB", **CUT},
    "gbu_photos.GbuPhotos": {"set": "AwA2", **CUT, **PHOTOS},
    "office31.Office31": {
        "source": "dslr", "target": "webcam", "protocol": "transductive", **BUDGET, **PHOTOS,
    },
}  # fmt: skip
EMBEDDED = {
    "digits.Digits": "digits_photos",
    "class_splits.DigitsSplit": "digits_split",
    "digit_tasks.DigitsParity": "digits_parity",
    "unseen.DigitsAttributes": "digits_attributes",
}


def old(name):
    config = {"_target_": f"translearn.data.{name}", "name": "old", **KEYS[name]}
    check("data", config, DataSource, ["root", "download"])
    return build(config, DataSource, root="/nowhere")


def test_every_old_data_set_is_here():
    places = ("augment", "speech", "views")
    known = [
        target.removeprefix("translearn.data.") for target in RENAMED.targets if ".data." in target
    ]
    assert sorted(KEYS) == sorted(name for name in known if name not in places)


@pytest.mark.parametrize("name", KEYS)
def test_its_keys_still_build_it(name):
    assert isinstance(old(name), DataSource)


@pytest.mark.parametrize(("name", "data"), EMBEDDED.items())
def test_it_gives_the_same_tasks(name, data):
    before, now = old(name).load(), build(config_of(f"data={data}")["data"], DataSource).load()
    assert (before.name, before.input_shape) == (now.name, now.input_shape)
    assert list(before.tasks) == list(now.tasks)
    for task, domain in now.tasks.items():
        assert before.tasks[task].classes == domain.classes
        assert torch.equal(before.tasks[task].train.x, domain.train.x)
        assert torch.equal(before.tasks[task].test.y, domain.test.y)
