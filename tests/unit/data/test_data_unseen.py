import pytest
import torch
from embedded import digits, digits_attributes
from PIL import Image
from real_formats import write_usps
from runs import config_of

from translearn.data.arrangements.unseen import Unseen
from translearn.errors import ConfigError


def test_unseen_digits_have_no_training_images_and_are_all_tested():
    tasks = digits_attributes(unseen=[9, 2, "5"]).load()
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert target.classes == ("2", "5", "9") and source.classes == tuple("0134678")
    assert len(target.train) == 0 and target.val is None
    everything = digits(val_fraction=0).load().tasks["source"]
    counts = sum(torch.bincount(s.y, minlength=10) for s in (everything.train, everything.test))
    assert torch.bincount(target.test.y).tolist() == counts[[2, 5, 9]].tolist()
    seen = sum(torch.bincount(s.y) for s in (source.train, source.val, source.test))
    assert seen.tolist() == counts[[0, 1, 3, 4, 6, 7, 8]].tolist()
    trained = {x.numpy().tobytes() for x in source.train.x}
    assert not trained & {x.numpy().tobytes() for x in target.test.x}
    assert not trained & {x.numpy().tobytes() for x in source.test.x}


def test_the_seed_draws_the_classes_and_the_split_stays():
    names = [digits_attributes(class_seed=s).load().tasks["target"].classes for s in (0, 0, 1)]
    assert names[0] == names[1] != names[2] and all(len(n) == 3 for n in names)


@pytest.mark.parametrize("unseen", [0, 1, 9, 11, ["2"], [2, 2]])
def test_too_few_classes_on_either_side_are_refused(unseen):
    if unseen == 11:
        assert "source" not in digits_attributes(unseen=unseen).load().tasks
        return
    with pytest.raises(ConfigError, match=r"data\.unseen=.* choose 2 to 8, or all"):
        digits_attributes(unseen=unseen).load()


def test_a_name_that_is_no_class_is_told():
    with pytest.raises(ConfigError, match=r"data\.unseen: no class ten"):
        digits_attributes(unseen=["ten", "2"]).load()


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("ant", "bee", "cat", "dog", "eel")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for shot in range(5):
            image = Image.new("RGB", (12, 10), (40 * number, 50 * shot, 0))
            image.save(tmp_path / "photos" / name / f"{shot}.png")
    return tmp_path / "photos"


def test_a_folder_is_shared_out_by_class(folder):
    tasks = Unseen(set="folder", folder=str(folder), unseen=["dog", "bee"], size=8, crop=8).load()
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert (source.classes, target.classes) == (("ant", "cat", "eel"), ("bee", "dog"))
    assert len(source.test) == 3 and len(source.val) == 1 and len(source.train) == 11
    assert len(target.test) == 10 and len(target.train) == 0
    for split, classes in ((source.train, source.classes), (target.test, target.classes)):
        for path, label in zip(split.x.paths, split.y.tolist(), strict=True):
            assert path.parent.name == classes[label]
    with pytest.raises(ConfigError, match=r"data\.folder is not set"):
        Unseen(set="folder", unseen=2)


def test_office31_asks_for_a_domain_that_exists():
    with pytest.raises(ConfigError, match=r"data\.domain=dsrl does not exist; did you mean dslr"):
        Unseen("", "office31", domain="dsrl")


def test_the_yaml_describes_every_digit_and_no_two_alike():
    table = config_of("data=digits_attributes")["semantics"]
    rows = [tuple(row) for row in table["classes"].values()]
    assert sorted(table["classes"]) == list("0123456789") and len(set(rows)) == 10
    assert {value for row in rows for value in row} == {0, 1}


def test_unseen_classes_of_any_set(tmp_path):
    write_usps(tmp_path)
    tasks = Unseen(str(tmp_path), "usps", unseen=["2", "5"], title="{set}_unseen").load()
    assert tasks.name == "usps_unseen" and tasks.protocol == "published"
    assert tasks.tasks["target"].classes == ("2", "5") and len(tasks.tasks["target"].test) == 4
    assert len(tasks.tasks["source"].train) == 29 and len(tasks.tasks["source"].test) == 16


def test_a_set_that_publishes_no_unseen_classes_needs_some(tmp_path):
    write_usps(tmp_path)
    with pytest.raises(ConfigError, match=r"data\.unseen is not set; give names of classes"):
        Unseen(str(tmp_path), "usps").load()


@pytest.mark.parametrize("name", [1000.0, 7.5, True, None])
def test_a_name_that_was_read_as_something_else_needs_quotes(name):
    with pytest.raises(ConfigError, match="needs quotes"):
        digits_attributes(unseen=[name, "2"]).load()
    with pytest.raises(ConfigError) as plain:
        digits_attributes(unseen=["1e3", "2"]).load()
    assert "quotes" not in str(plain.value)
