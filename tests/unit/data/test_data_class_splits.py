import pytest
import torch
from embedded import digits as embedded_digits
from embedded import digits_split
from real_formats import digits, real_root, write_classes, write_mnist
from runs import train

from translearn.data.arrangements.other_classes import OtherClasses
from translearn.data.cuts import split_of_classes
from translearn.data.types import Split
from translearn.errors import ConfigError, DataError


def test_kept_classes_are_labelled_by_their_place():
    split = Split(torch.arange(6).view(6, 1, 1, 1), torch.tensor([0, 3, 1, 3, 2, 0]))
    kept = split_of_classes(split, (3, 0))
    assert kept.x.flatten().tolist() == [0, 1, 3, 5] and kept.y.tolist() == [1, 0, 0, 1]


def test_digits_split_shares_out_the_images_of_digits():
    whole = embedded_digits().load().tasks["source"]
    tasks = digits_split().load()
    assert tasks.name == "digits_split" and tasks.input_shape == (1, 28, 28)
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert source.classes == ("0", "1", "2", "3", "4") and target.classes == tuple("56789")
    assert len(source.test) + len(target.test) == len(whole.test) == 360
    known = {x.numpy().tobytes(): int(y) for x, y in zip(whole.test.x, whole.test.y, strict=True)}
    for x, y in zip(target.test.x, target.test.y, strict=True):
        assert known[x.numpy().tobytes()] == y + 5


def test_label_budget():
    tasks = digits_split(target_labels_per_class=3).load().tasks
    assert torch.bincount(tasks["target"].train.y).tolist() == [3] * 5
    assert tasks["target"].val is None and tasks["target"].unlabelled is not None


def test_mnist_split(tmp_path):
    write_mnist(tmp_path, train=400)
    tasks = OtherClasses(str(tmp_path), "mnist", download=False).load()
    assert tasks.protocol == "published"
    images, labels = digits(20, 28, seed=20)
    test = tasks.tasks["target"].test
    expected = [(x.tobytes(), y - 5) for x, y in zip(images, labels, strict=True) if y > 4]
    assert [(x.numpy().tobytes(), int(y)) for x, y in zip(test.x, test.y, strict=True)] == expected


def office(root, **options):
    return OtherClasses(str(root), "office31", size=24, crop=24, **options).load()


@pytest.fixture
def webcam(tmp_path):
    write_classes(tmp_path / "office31/webcam/images", {f"class{i}": 10 for i in range(6)})
    return tmp_path


def test_office31_classes_are_drawn_by_a_seed(webcam):
    tasks = office(webcam, source_classes=4).tasks
    source, target = tasks["source"], tasks["target"]
    assert len(source.classes) == 4 and len(target.classes) == 2
    assert {*source.classes, *target.classes} == {f"class{i}" for i in range(6)}
    for domain in (source, target):
        for split in (domain.train, domain.val, domain.test):
            named = [domain.classes.index(path.parent.name) for path in split.x.paths]
            assert named == split.y.tolist()
    others = {office(webcam, source_classes=4, class_seed=s).tasks["source"].classes
              for s in range(8)}  # fmt: skip
    assert len(others) > 1


def test_the_sources_classes_are_named_or_the_first_half(webcam):
    assert office(webcam).tasks["source"].classes == ("class0", "class1", "class2")
    named = office(webcam, source_classes=["class4", "class1"])
    assert named.name == "webcam_classes"
    assert named.tasks["source"].classes == ("class1", "class4")
    assert named.tasks["target"].classes == ("class0", "class2", "class3", "class5")


def test_wrong_options_and_missing_files_are_explained(webcam):
    with pytest.raises(ConfigError, match="did you mean webcam"):
        OtherClasses("/nowhere", "office31", domain="webcm")
    for wrong in (5, 1, ["class1"], ["class1", "class1"]):
        with pytest.raises(ConfigError, match="choose 2 to 4"):
            office(webcam, source_classes=wrong)
    with pytest.raises(ConfigError, match=r"data\.source_classes: no class clas1; did you mean"):
        office(webcam, source_classes=["clas1", "class2"])
    with pytest.raises(DataError, match="data=print_hand"):
        office(webcam / "none")


def test_target_only_needs_the_targets_classes_alone(tmp_path):
    options = ("data=digits_split", "run=smoke", "data.target_labels_per_class=1")
    result = train(tmp_path / "run", "method=target_only", *options)
    assert set(result["metrics"]) == {
        "target/test/accuracy", "target/test/per_class_accuracy", "target/test/macro_f1"
    }  # fmt: skip
    assert set(result["per_class"]) == {"target"}
    for method in ("source_only", "dann"):
        with pytest.raises(ConfigError, match="same classes"):
            train(tmp_path / method, f"method={method}", *options)


@pytest.mark.realdata
def test_ten_labels_of_each_class_of_the_real_webcam():
    for seed in range(3):
        tasks = OtherClasses(
            real_root(), "office31", source_classes=16, class_seed=7, split_seed=seed,
            target_labels_per_class=10,
        ).load()  # fmt: skip
        assert len(tasks.tasks["target"].train) == 150
        assert len(tasks.tasks["source"].classes) == 16
