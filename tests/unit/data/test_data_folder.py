import logging
import os
from pathlib import Path

import pytest
import torch
from real_formats import write_classes, write_image
from runs import checked

from translearn.data.access import Access, TrainView
from translearn.data.arrangements.folders import FolderPair
from translearn.data.files.images import why_no_image
from translearn.data.files.listing import list_files
from translearn.errors import ConfigError, DataError


@pytest.fixture
def folders(tmp_path):
    write_classes(tmp_path / "photos", {"cat": 10, "dog": 20})
    write_classes(tmp_path / "sketches", {"cat": 10, "dog": 10}, suffix=".png")
    return tmp_path


def load(folders, target="sketches", **options):
    source, target = str(folders / "photos"), str(folders / target)
    return FolderPair(source=source, target=target, size=16, crop=12, **options).load()


def names(split):
    return [f"{path.parent.name}/{path.name}" for path in split.x.paths]


def test_labelled_target(folders):
    tasks = load(folders)
    assert tasks.name == "folder:photos->sketches" and tasks.input_shape == (3, 12, 12)
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert source.classes == target.classes == ("cat", "dog")
    assert [len(s) for s in (source.train, source.val, source.test)] == [22, 2, 6]
    assert [len(s) for s in (target.train, target.val, target.test)] == [15, 1, 4]
    for domain in tasks.tasks.values():
        for split in (domain.train, domain.val, domain.test):
            labels = [domain.classes.index(name.split("/")[0]) for name in names(split)]
            assert split.y.tolist() == labels
    assert source.train.x.decode(0).shape == (3, 16, 16)


def test_splits_are_disjoint_complete_and_seeded(folders):
    def parts(tasks):
        source = tasks.tasks["source"]
        return [names(split) for split in (source.train, source.val, source.test)]

    train, val, test = parts(load(folders))
    assert len({*train, *val, *test}) == len(train) + len(val) + len(test) == 30
    assert train != sorted(train)
    assert parts(load(folders)) == [train, val, test]
    assert parts(load(folders, split_seed=1)) != [train, val, test]


@pytest.mark.parametrize("nested", [False, True])
def test_target_without_class_names_is_unlabelled(folders, caplog, nested):
    for number in range(7):
        place = f"2024/may/{number}.jpg" if nested else f"{number}.jpg"
        write_image(folders / "new" / place, seed=number)
    with caplog.at_level(logging.WARNING):
        tasks = load(folders, "new")
    target = tasks.tasks["target"]
    assert len(target.train) == 7 and target.train.y is None
    assert target.val is None and target.test is None and target.classes == ("cat", "dog")
    assert "new is read without labels" in caplog.text
    assert "target" in TrainView.of(tasks, Access(source_labels=True, target_labels=False))
    with pytest.raises(DataError, match="new has none"):
        TrainView.of(tasks, Access(source_labels=False, target_labels=True))


def test_a_flat_source_is_unlabelled_and_the_target_names_the_classes(folders):
    for number in range(7):
        write_image(folders / "heap" / f"{number}.jpg", seed=number)
        write_image(folders / "other" / f"{number}.jpg", seed=number)
    tasks = FolderPair(source=str(folders / "heap"), target=str(folders / "sketches"), size=16,
                   crop=12, target_labels_per_class=2).load()  # fmt: skip
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert len(source.train) == 7 and source.train.y is None and source.test is None
    assert target.classes == ("cat", "dog") and len(target.train) == 4 and len(target.test) == 4
    TrainView.of(tasks, Access(source_labels=False, target_labels=True))
    with pytest.raises(DataError, match="heap has none"):
        TrainView.of(tasks, Access(source_labels=True, target_labels=True))
    neither = FolderPair(
        source=str(folders / "heap"), target=str(folders / "other"), size=16, crop=12
    )
    tasks = neither.load()
    assert all(d.train.y is None and d.classes == () for d in tasks.tasks.values())
    TrainView.of(tasks, Access(source_labels=False, target_labels=False))


def test_mismatched_class_folders_are_explained(folders):
    write_classes(folders / "other", {"cat": 2, "horse": 2})
    with pytest.raises(DataError) as caught:
        load(folders, "other")
    message = str(caught.value)
    assert "missing in the target: dog" in message and "only in the target: horse" in message
    assert len(message.splitlines()) <= 6


def test_class_folders_that_differ_in_case_are_a_mismatch(folders):
    write_classes(folders / "other", {"Cat": 2, "Dog": 2})
    with pytest.raises(DataError, match="missing in the target: cat, dog"):
        load(folders, "other")


def test_images_are_found_below_class_folders_and_nothing_else(folders):
    write_image(folders / "photos/cat/deep/er/one.JPEG")
    write_image(folders / "photos/cat/.thumbnails/two.jpg")
    write_image(folders / "photos/.cache/three.jpg")
    (folders / "photos/cat/.hidden.jpg").write_bytes(b"")
    (folders / "photos/cat/notes.txt").write_text("not an image")
    found = list_files(folders / "photos/cat", why_no_image).files
    assert len(found) == 11 and any(name.endswith("/one.JPEG") for name in found)
    assert load(folders).tasks["source"].classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("target", "error"), [("absent", "there is no folder"), ("empty", "has no images")]
)
def test_missing_and_empty_targets_are_named(folders, target, error):
    (folders / "empty/sub").mkdir(parents=True)
    with pytest.raises(DataError, match=error) as caught:
        load(folders, target)
    assert str(folders / target) in str(caught.value)


@pytest.mark.parametrize("make", [os.mkfifo, Path.touch], ids=["fifo", "file"])
def test_what_is_there_and_no_folder_is_not_called_absent(folders, make):
    make(folders / "other")
    with pytest.raises(DataError, match="other is no folder\n") as caught:
        list_files(folders / "other", why_no_image)
    assert "there is no folder" not in str(caught.value)


def test_an_empty_class_and_a_single_class_are_refused(folders):
    (folders / "photos/horse").mkdir()
    with pytest.raises(DataError, match=r"photos/horse has no images"):
        load(folders)
    write_classes(folders / "single", {"cat": 2})
    with pytest.raises(DataError, match="needs two"):
        FolderPair(source=str(folders / "single"), target=str(folders / "sketches")).load()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": None}, "data.source is not set"),
        ({"target": None}, "data.target is not set"),
        ({"target": "a"}, "same folder"),
        ({"crop": 300}, "data.crop=300"),
        ({"test_fraction": 1.0}, "test_fraction=1.0"),
    ],
)
def test_wrong_options_are_refused_before_any_file_is_read(options, message):
    with pytest.raises(ConfigError, match=message):
        checked(FolderPair, **{"source": "a", "target": "b", **options})


def test_paths_are_relative_to_the_current_folder_and_home_is_expanded(folders, monkeypatch):
    monkeypatch.chdir(folders)
    monkeypatch.setenv("HOME", str(folders))
    tasks = FolderPair(source="photos", target="~/sketches").load()
    assert tasks.name == "folder:photos->sketches"


def test_label_budget(folders):
    tasks = load(folders, target_labels_per_class=2)
    assert torch.bincount(tasks.tasks["target"].train.y).tolist() == [2, 2]
    assert tasks.tasks["target"].unlabelled is not None
