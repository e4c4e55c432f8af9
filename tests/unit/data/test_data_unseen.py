import pytest
import torch
from PIL import Image
from runs import config_of

from translearn.data.arrangements.unseen import DigitsAttributes
from translearn.data.arrangements.unseen_photos import Office31ZeroShot, PhotoFolder
from translearn.data.sets.digits import Digits
from translearn.errors import ConfigError


def test_unseen_digits_have_no_training_images_and_are_all_tested():
    tasks = DigitsAttributes(unseen=[9, 2, "5"]).load()
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert target.classes == ("2", "5", "9") and source.classes == tuple("0134678")
    assert len(target.train) == 0 and target.val is None
    everything = Digits(val_fraction=0).load().tasks["source"]
    counts = sum(torch.bincount(s.y, minlength=10) for s in (everything.train, everything.test))
    assert torch.bincount(target.test.y).tolist() == counts[[2, 5, 9]].tolist()
    seen = sum(torch.bincount(s.y) for s in (source.train, source.val, source.test))
    assert seen.tolist() == counts[[0, 1, 3, 4, 6, 7, 8]].tolist()
    trained = {x.numpy().tobytes() for x in source.train.x}
    assert not trained & {x.numpy().tobytes() for x in target.test.x}
    assert not trained & {x.numpy().tobytes() for x in source.test.x}


def test_the_seed_draws_the_classes_and_the_split_stays():
    names = [DigitsAttributes(class_seed=s).load().tasks["target"].classes for s in (0, 0, 1)]
    assert names[0] == names[1] != names[2] and all(len(n) == 3 for n in names)


@pytest.mark.parametrize("unseen", [0, 1, 9, 11, ["2"], [2, 2]])
def test_too_few_classes_on_either_side_are_refused(unseen):
    if unseen == 11:
        assert "source" not in DigitsAttributes(unseen=unseen).load().tasks
        return
    with pytest.raises(ConfigError, match=r"data\.unseen=.* choose 2 to 8, or all"):
        DigitsAttributes(unseen=unseen).load()


def test_a_name_that_is_no_class_is_told():
    with pytest.raises(ConfigError, match=r"data\.unseen: no class ten"):
        DigitsAttributes(unseen=["ten", "2"]).load()


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("ant", "bee", "cat", "dog", "eel")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for shot in range(5):
            image = Image.new("RGB", (12, 10), (40 * number, 50 * shot, 0))
            image.save(tmp_path / "photos" / name / f"{shot}.png")
    return tmp_path / "photos"


def test_a_folder_is_shared_out_by_class(folder):
    tasks = PhotoFolder(folder=str(folder), unseen=["dog", "bee"], size=8, crop=8).load()
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert (source.classes, target.classes) == (("ant", "cat", "eel"), ("bee", "dog"))
    assert len(source.test) == 3 and len(source.val) == 1 and len(source.train) == 11
    assert len(target.test) == 10 and len(target.train) == 0
    for split, classes in ((source.train, source.classes), (target.test, target.classes)):
        for path, label in zip(split.x.paths, split.y.tolist(), strict=True):
            assert path.parent.name == classes[label]
    with pytest.raises(ConfigError, match=r"data\.folder is not set"):
        PhotoFolder()


def test_office31_asks_for_a_domain_that_exists():
    with pytest.raises(ConfigError, match=r"data\.domain=dsrl does not exist; did you mean dslr"):
        Office31ZeroShot("", "dsrl")


def test_the_yaml_describes_every_digit_and_no_two_alike():
    table = config_of("data=digits_attributes")["semantics"]
    rows = [tuple(row) for row in table["classes"].values()]
    assert sorted(table["classes"]) == list("0123456789") and len(set(rows)) == 10
    assert {value for row in rows for value in row} == {0, 1}
