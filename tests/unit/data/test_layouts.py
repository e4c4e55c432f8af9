"""Classes and splits by folders and tables: what is read, and what is refused with which words."""

import csv
import os
import unicodedata

import pytest

from translearn.data.arrangements.folders import FolderPair
from translearn.data.sets.folder import ImageFolder
from translearn.data.sets.layouts import SPLITS
from translearn.errors import ConfigError, DataError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def split_folder(folder, train="train", val="valid", test="test"):
    for split, count in ((train, 6), (val, 2), (test, 4)):
        for name in ("cat", "dog"):
            touch(
                folder,
                *(f"{split}/{name}/{number}.jpg" for number in range(count)) if split else (),
            )
    return folder


def read(folder, **options):
    return ImageFolder(str(folder), **options).read()


def names(split):
    return sorted(f"{path.parent.parent.name}/{path.parent.name}" for path in split.x.paths)


@pytest.mark.parametrize("layout", ["auto", "splits"])
@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"), ("train", "valid", "test"), ("Training", "validation", "testing"),
        ("TRAIN", "dev", "Test"),
    ],
)  # fmt: skip
def test_train_val_test_above_class_folders_are_splits(tmp_path, layout, train, val, test):
    samples = read(split_folder(tmp_path, train, val, test), layout=layout)
    assert samples.classes == ("cat", "dog") and samples.protocol == "given"
    parts = (samples.train, samples.val, samples.test)
    assert [len(part) for part in parts] == [12, 4, 8]
    for part, name in zip(parts, (train, val, test), strict=True):
        assert set(names(part)) == {f"{name}/cat", f"{name}/dog"}
        assert [p.parent.name for p in part.x.paths] == [samples.classes[y] for y in part.y]


def test_splits_that_a_folder_has_are_kept_and_the_others_cut_by_the_seed(tmp_path):
    source = split_folder(tmp_path / "a", test="")
    target = split_folder(tmp_path / "b", val="")
    tasks = FolderPair(source=str(source), target=str(target)).load().tasks
    one, other = tasks["source"], tasks["target"]
    assert set(names(one.val)) == {"valid/cat", "valid/dog"}
    assert [len(s) for s in (one.train, one.val, one.test)] == [10, 4, 2]
    assert set(names(other.test)) == {"test/cat", "test/dog"}
    assert [len(s) for s in (other.train, other.val, other.test)] == [11, 1, 8]
    assert set(names(one.train)) == set(names(other.train)) == {"train/cat", "train/dog"}


def test_loose_images_beside_classes_are_left_out_and_told(tmp_path):
    touch(tmp_path / "a", "cat/1.jpg", "dog/1.jpg", "loose.jpg", "loose2.png")
    left_out = read(tmp_path / "a").listing.left_out
    assert left_out == {"beside the class folders": ["loose.jpg", "loose2.png"]}
    split_folder(tmp_path / "b")
    touch(tmp_path / "b", "train/loose.jpg", "x.jpg")
    left_out = read(tmp_path / "b").listing.left_out
    assert left_out == {"beside the class folders": ["train/loose.jpg", "x.jpg"]}


@pytest.mark.parametrize("other", ["", "sketches/cat"])
def test_what_may_be_splits_is_asked_for(tmp_path, other):
    deep = "/cat" if other else ""
    touch(
        tmp_path,
        *(f"{split}{deep}/1.jpg" for split in ("train", "test")),
        f"{other}/1.jpg" * bool(other) or "train/2.jpg",
    )
    with pytest.raises(DataError, match=r"data\.layout=classes takes them") as caught:
        read(tmp_path)
    assert len(str(caught.value).splitlines()) <= 6
    assert {"train", "test"} <= set(read(tmp_path, layout="classes").classes)


def test_unlabelled_targets_may_have_folders_named_as_splits(tmp_path):
    touch(tmp_path / "source", "cat/1.jpg", "dog/1.jpg")
    touch(tmp_path / "target", "train/1.jpg", "test/2.jpg", "3.jpg")
    tasks = FolderPair(source=str(tmp_path / "source"), target=str(tmp_path / "target")).load()
    target = tasks.tasks["target"]
    assert target.train.y is None and len(target.train) == 3
    assert tasks.listings["target"].layout == "no classes" and tasks.listings["target"].found == 3


@pytest.mark.parametrize("split", sorted(SPLITS))
def test_one_class_may_be_named_as_a_split(tmp_path, split):
    touch(tmp_path, f"{split}/1.jpg", "car/1.jpg")
    assert set(read(tmp_path).classes) == {split, "car"}


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize("name", ["café", "Ångström", "한글", "ガ", "naïve Ω"])
def test_class_names_agree_in_whatever_normal_form(tmp_path, form, name):
    for folder, kind in (("source", "NFC"), ("target", form)):
        touch(tmp_path / folder, f"{unicodedata.normalize(kind, name)}/1.jpg", "dog/1.jpg")
    same = unicodedata.normalize("NFC", unicodedata.normalize(form, name)) == (
        unicodedata.normalize("NFC", name)
    )
    pair = FolderPair(source=str(tmp_path / "source"), target=str(tmp_path / "target"))
    if same:
        tasks = pair.load().tasks
        assert tasks["source"].classes == tasks["target"].classes
        assert unicodedata.normalize("NFC", name) in tasks["target"].classes


def test_class_names_of_any_bytes_are_text(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    touch(tmp_path, f"{name}/1.jpg", "dog/1.jpg")
    samples = read(tmp_path)
    assert samples.classes == ("caf\\xe9", "dog") and samples.train.x.paths[0].parent.name == name


def table(path, rows, mark=",", start=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(start)
        csv.writer(file, delimiter=mark).writerows(rows)
    return path


ROWS = [["path", "label"], ["1.jpg", "dog"], ["sub/2.jpg", "cat"], ["3.jpg", "dog"]]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("way", ["file", "layout", "auto"])
def test_a_table_names_paths_and_labels(tmp_path, mark, start, way):
    touch(tmp_path, "1.jpg", "sub/2.jpg", "3.jpg")
    path = table(tmp_path / "labels.csv", ROWS, mark, start)
    if way == "auto":
        (tmp_path / "sub/2.jpg").rename(tmp_path / "2.jpg")
        table(path, [[cell.replace("sub/", "") for cell in row] for row in ROWS], mark, start)
    place, layout = {
        "file": (path, "auto"),
        "layout": (tmp_path, "csv"),
        "auto": (tmp_path, "auto"),
    }[way]
    samples = read(place, layout=layout)
    assert samples.classes == ("cat", "dog") and samples.train.y.tolist() == [0, 1, 1]
    assert [p.name for p in samples.train.x.paths] == ["2.jpg", "1.jpg", "3.jpg"]
    assert samples.listing.layout == "csv labels.csv"


def test_a_table_may_name_splits(tmp_path):
    touch(tmp_path, *(f"{number}.jpg" for number in range(5)))
    splits = ["", "train", "val", "TEST", "train"]
    rows = [[f"{n}.jpg", "ab"[n % 2], "x", split] for n, split in enumerate(splits)]
    path = table(tmp_path / "t.csv", [["Path", "LABEL", "extra", "Split"], *rows])
    samples = read(path)
    assert [len(s) for s in (samples.train, samples.val, samples.test)] == [3, 1, 1]
    assert samples.protocol == "given"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "must name the columns path and label"),
        ([["file", "class"], ["1.jpg", "cat"]], "it is: file,class"),
        ([["path", "label"], ["", "cat"]], "row 2 has no path"),
        ([["path", "label"], ["1.jpg", " "]], "row 2 has no label"),
        ([["path", "label"], ["1.jpg"]], "row 2 has no label"),
        ([["path", "label"], ["1.jpg", "a"], ["./1.jpg", "b"]], "names 1.jpg again, as line 2"),
        ([["path", "label", "split"], ["1.jpg", "a", "fold1"]], "has the split fold1"),
        ([["path", "label"], ["nowhere.jpg", "a"]], "1 files that are not there: nowhere.jpg"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(tmp_path, rows, told):
    touch(tmp_path, "1.jpg")
    path = table(tmp_path / "t.csv", rows)
    with pytest.raises(DataError) as caught:
        read(path)
    assert told in str(caught.value) and str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 6


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"caf\xe9,label", b'path,label\n"1', b"\0\0"])
def test_a_table_that_is_no_text_is_refused(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"t\.csv"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("layout", "files", "told"),
    [
        ("splits", ["cat/1.jpg", "dog/1.jpg"], "it looks like data.layout=classes"),
        ("csv", ["cat/1.jpg", "dog/1.jpg"], "data.layout=classes"),
        ("csv", ["train/cat/1.jpg", "test/cat/1.jpg"], "data.layout=splits"),
        ("classes", ["1.jpg", "2.jpg"], "data.layout=csv"),
        ("auto", ["1.jpg", "2.jpg"], "data.layout=csv"),
        ("splits", ["valid/cat/1.jpg", "test/cat/1.jpg"], "folders train, val and test"),
    ],
)
def test_another_layout_than_asked_for_is_told_with_the_key(tmp_path, layout, files, told):
    touch(tmp_path, *files)
    with pytest.raises((ConfigError, DataError), match=told):
        read(tmp_path, layout=layout)


def test_a_table_is_no_folder_of_classes(tmp_path):
    path = table(tmp_path / "t.csv", ROWS)
    with pytest.raises(ConfigError, match=r"data\.layout=csv"):
        read(path, layout="classes")


def test_a_class_folder_of_unreadable_formats_says_what_it_has(tmp_path):
    touch(tmp_path, "cat/1.jpg", "dog/1.heic", "dog/2.heic")
    with pytest.raises(
        DataError, match=r"dog has no images\nleft out: 2 of another kind \(.heic\)"
    ):
        read(tmp_path)


def test_one_folder_that_holds_the_classes_is_pointed_at(tmp_path):
    touch(tmp_path / "source", "photos/cat/1.jpg", "photos/dog/1.jpg")
    touch(tmp_path / "target", "1.jpg")
    with pytest.raises(DataError, match=r"data.source=.*/source/photos"):
        FolderPair(source=str(tmp_path / "source"), target=str(tmp_path / "target")).load()


def test_a_class_that_a_split_lacks_is_told_by_name(tmp_path):
    for folder in ("source", "target"):
        touch(tmp_path / folder, *(f"cat/{n}.jpg" for n in range(20)), "dog/1.jpg", "eel/1.jpg")
    tasks = FolderPair(source=str(tmp_path / "source"), target=str(tmp_path / "target")).load()
    whole = {f"{task}/{split}" for task in tasks.tasks for split in ("train", "val", "test")}
    told = {note.split()[0]: note for note in tasks.notes}
    for place in whole:
        task, split = place.split("/")
        part = getattr(tasks.tasks[task], split)
        for label, name in enumerate(tasks.tasks[task].classes):
            lacks = label not in part.y.tolist()
            assert (name in told.get(place, "").split("sample of")[-1]) == lacks
    assert told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"layout": "class"}, "one of auto, classes, splits, csv"),
        ({"alpha": "red"}, "data.alpha=red"),
        ({"on_bad": "ignore"}, "data.on_bad=ignore"),
        ({"max_pixels": 0}, "data.max_pixels=0"),
        ({"max_pixels": "many"}, "data.max_pixels=many"),
        ({"size_": 3}, "did you mean data.size"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_read(options, told):
    with pytest.raises(ConfigError, match=told):
        FolderPair(source="nowhere", target="nowhere2", **options)
