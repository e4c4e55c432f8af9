"""Vectors and signals of the user's own: every form is the same data, or one clear error."""

import numpy as np
import pytest
import torch
from number_files import FORMS, drawn, pair_of, write
from runs import checked

from translearn.data.arrangements.numbers import SignalPair, VectorPair
from translearn.data.arrangements.other_classes import OtherClasses
from translearn.data.arrangements.pair import Pair
from translearn.data.files.number_files import SUFFIXES, read_numbers
from translearn.data.files.number_tables import read_number_table
from translearn.data.identity import changed_since
from translearn.data.scaling import Scaling, fitted, over_sum
from translearn.engine.data_record import data_record, keep_record
from translearn.errors import ConfigError, DataError

BY_COLUMN = {".npy": {"label": -1}}


@pytest.mark.parametrize("suffix", FORMS)
def test_every_form_is_the_same_data(suffix, tmp_path):
    tasks = VectorPair(**pair_of(tmp_path, suffix, **BY_COLUMN.get(suffix, {}))).load()
    (tmp_path / "npz").mkdir()
    expected = VectorPair(**pair_of(tmp_path / "npz")).load()
    assert tasks.name == "vectors:s->t" and tasks.input_shape == (6,)
    assert "60 vectors of 6, 3 classes" in str(tasks.listings["source"])
    for task, domain in tasks.tasks.items():
        same = expected.tasks[task]
        assert domain.classes == same.classes == ("0", "1", "2")
        for name in ("train", "val", "test"):
            one, other = getattr(domain, name), getattr(same, name)
            assert torch.allclose(one.x, other.x) and torch.equal(one.y, other.y)


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".npy"])
def test_a_target_without_labels_is_all_for_training(suffix, tmp_path, caplog):
    options = pair_of(tmp_path, suffix, labelled=False)
    options["source"] = str(write(tmp_path / "s.npz", *drawn()))
    target = VectorPair(**options).load().tasks["target"]
    assert len(target.train) == 60 and target.train.y is target.test is target.val is None
    assert "t" + suffix in caplog.text
    test = str(write(tmp_path / "test.npz", *drawn(seed=3)))
    tasks = VectorPair(**options, test=test).load()
    assert len(tasks.tasks["target"].test) == 60 and "given" in tasks.protocol
    assert list(tasks.listings) == ["source", "target", "test"]


@pytest.mark.parametrize(("axes", "told"), [("auto", "turned"), ("time_first", "turned")])
def test_time_is_found_by_its_length_and_said(axes, told, tmp_path):
    x, y = drawn(shape=(3, 32))
    write(tmp_path / "s.npz", x, y)
    write(tmp_path / "t.npz", x.transpose(0, 2, 1), y)
    files = {"source": str(tmp_path / "s.npz"), "target": str(tmp_path / "t.npz")}
    if axes != "auto":
        files["source"] = str(write(tmp_path / "u.npz", x.transpose(0, 2, 1), y))
    tasks = SignalPair(**files, axes=axes).load()
    source, target = tasks.tasks.values()
    assert tasks.input_shape == (3, 32) and torch.equal(source.train.x, target.train.x)
    assert told in str(tasks.listings["target"])


def test_columns_are_brought_into_the_order_of_the_source(tmp_path):
    x, y = drawn()
    write(tmp_path / "s.csv", x, y, list("abcdef"))
    write(tmp_path / "t.csv", x[:, ::-1], y, list("fedcba"))
    source, target = (
        VectorPair(source=str(tmp_path / "s.csv"), target=str(tmp_path / "t.csv"))
        .load()
        .tasks.values()
    )
    assert torch.equal(source.train.x, target.train.x) and source.columns == tuple("abcdef")


def test_sparse_rows_count_from_0_or_from_1_together(tmp_path):
    (tmp_path / "s.svmlight").write_text("1 1:2 3:1\n-1 2:5\n" * 9)
    (tmp_path / "t.svmlight").write_text("1 5:2\n-1 2:5\n" * 9)
    tasks = VectorPair(source=str(tmp_path / "s.svmlight"), target=str(tmp_path / "t.svmlight"))
    found = tasks.load()
    assert found.input_shape == (5,) and found.tasks["source"].classes == ("-1", "1")
    assert found.tasks["source"].columns == ("1", "2", "3", "4", "5")
    (tmp_path / "t.svmlight").write_text("1 0:1 5:2\n-1 2:5\n" * 9)
    assert tasks.load().input_shape == (6,)


TABLE = "a,b,label\n1,2,x\n3,4,y\n"
WRONG = {  # name of the file, its content, and what is told
    "a text": ("csv", TABLE.replace("4", "four"), "line 3, column b is 'four', which is no"),
    "empty": ("csv", TABLE.replace("4", ""), "line 3, column b is empty"),
    "nan": ("csv", TABLE.replace("4", "nan"), "line 3, column b is nan: not finite"),
    "endless": ("csv", TABLE.replace("4", "1e60"), "line 3, column b is 1e60"),
    "short": ("csv", TABLE.replace("3,4,y", "3,y"), "line 3 has 2 cells, and line 1 has 3"),
    "no label": ("csv", TABLE.replace(",x", ","), "line 2 has no label"),
    "twice": ("csv", TABLE.replace("a,b", "a,a"), "two columns are called a"),
    "an index": ("csv", ",a,label\n0,1,x\n1,2,y\n", "column 0 has no name; an index"),
    "no lines": ("csv", "a,b,label\n", "has no line of numbers"),
    "nothing": ("csv", "", "is empty"),
    "one class": ("csv", TABLE.replace("y", "x"), "has 1 class, x"),
    "labels absent": ("csv", TABLE.replace("label", "c").replace("x", "1").replace("y", "2"),
                      "has no labels: no column is called label"),
    "svmlight": ("svmlight", "1 1:2\n2 1:b\n", "line 2: "),
    "svmlight nan": ("svmlight", "1 1:2\n2 3:nan\n", "sample 2, index 3 is not finite"),
    "another form": ("xlsx", "1", "none of the suffixes .npy, .npz, .csv"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_a_text_is_told_with_its_place(name, tmp_path):
    suffix, content, told = WRONG[name]
    path = tmp_path / f"s.{suffix}"
    path.write_text(content)
    refused(path, told)


def refused(path, told, **options):
    x, y = drawn(shape=(2,))
    y = y if path.suffix != ".csv" else None
    suffix = ".csv" if path.suffix == ".xlsx" else path.suffix
    target = write(path.parent / f"t{suffix}", x, y, ["a", "b"])
    with pytest.raises((DataError, ConfigError), match=told) as caught:
        VectorPair(source=str(path), target=str(target), **options).load()
    assert len(str(caught.value).splitlines()) <= 4
    assert str(path) in str(caught.value)


ARRAYS = {
    "objects": ({"x": np.array([[1, "a"]], dtype=object), "y": [0]}, "Python objects"),
    "nan": ({"x": [[1.0, 2.0], [3.0, np.nan]], "y": [0, 1]}, "row 1, column 1, counted from 0"),
    "text": ({"x": [["a", "b"]], "y": [0]}, "x holds text, not numbers"),
    "complex": ({"x": [[1j, 2]], "y": [0]}, "x holds complex numbers"),
    "a list": ({"x": [1.0, 2.0], "y": [0, 1]}, r"the shape \(2,\); samples are \(N, D\)"),
    "signals": ({"x": np.zeros((4, 2, 3)), "y": [0, 1] * 2}, "choose data=signals"),
    "nothing": ({"x": np.zeros((0, 2)), "y": []}, r"the shape \(0, 2\)"),
    "few labels": ({"x": np.eye(2), "y": [0]}, "2 samples and 1 labels"),
    "one-hot": ({"x": np.eye(2), "y": np.eye(2)}, r"the shape \(2, 2\); labels are \(N,\)"),
    "numbers": ({"x": np.eye(2), "y": [0.5, 1]}, "has 0.5 in row 0"),
    "no labels": ({"x": np.eye(2), "z": [0, 1]}, "no array is called label, labels, y, class"),
    "which": ({"a": np.eye(2), "b": np.eye(2), "y": [0, 1]}, "which array holds the samples?"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_wrong_in_arrays_is_told_with_its_place(name, tmp_path):
    arrays, told = ARRAYS[name]
    np.savez(tmp_path / "s.npz", **arrays)
    refused(tmp_path / "s.npz", told)


NAMED = {
    "another array": ({"label": "lab"}, "no array is data.label=lab"),
    "another sample": ({"samples": "z"}, "has no array 'z'; there are x, y"),
    "twice": ({"target": "source"}, "a file is named twice"),
    "both": ({"normalise": ["standard", "per_domain"]}, "choose one of none, standard"),
    "none and": ({"normalise": ["l1", "none"]}, "choose one of none, standard"),
    "no option": ({"axes": "auto"}, "data.axes is no option of vectors"),
    "absent": ({"source": "/nowhere.csv"}, "/nowhere.csv"),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_wrong_in_options_is_told(name, tmp_path):
    changes, told = NAMED[name]
    options = pair_of(tmp_path)
    changes = {k: options["source"] if v == "source" else v for k, v in changes.items()}
    with pytest.raises((ConfigError, DataError), match=told):
        checked(VectorPair, **{**options, **changes}).load()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TABLE, "line 2, column label is 'x'.*\n.*data.label=labl; did you mean label"),
        ("1,2,x\n3,4,y\n", "line 1, column 2 is 'x'.*\n.*data.label=labl; its first line names"),
    ],
)
def test_a_column_of_labels_that_is_not_there_is_told(content, told, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=told):
        read_number_table(path, "labl")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_not_there_is_told_in_one_way(suffix, tmp_path):
    path = tmp_path / f"s{suffix}"
    with pytest.raises(DataError, match=f"there is no file {path}"):
        read_numbers(path, None, None)


def test_classes_and_columns_that_the_source_lacks_are_told(tmp_path):
    x, y = drawn()
    source = str(write(tmp_path / "s.csv", x, y))
    for content, told in (
        ((x, y + 1), "labels that .* does not have: 3"),
        ((x, y, list("abcdef")), "columns of .* are not those of"),
    ):
        target = str(write(tmp_path / "t.csv", *content))
        with pytest.raises(DataError, match=told):
            VectorPair(source=source, target=target).load()
    target = str(write(tmp_path / "t.npz", x[:, :5], y))
    with pytest.raises(DataError, match=r"has 5 numbers, and one of .* has 6"):
        VectorPair(source=source, target=target).load()


def test_it_cannot_be_told_which_axis_of_a_square_is_time(tmp_path):
    options = pair_of(tmp_path, shape=(8, 8))
    with pytest.raises(DataError, match=r"which axis is time.*\nadd data.axes=channels_first"):
        SignalPair(**options).load()
    assert SignalPair(**options, axes="channels_first").load().input_shape == (8, 8)
    with pytest.raises(DataError, match="choose data=signals"):
        VectorPair(**options).load()


STEPS = [["none"], ["standard"], ["per_domain"], ["l1"], ["l1", "standard"]]


@pytest.mark.parametrize("shape", [(6,), (3, 16)])
@pytest.mark.parametrize(
    "steps", [["none"], ["standard"], ["per_domain"], ["l1"], ["l1", "standard"]]
)
def test_numbers_are_scaled_by_training_samples(steps, shape, tmp_path):
    made = VectorPair if len(shape) == 1 else SignalPair
    pair = made(**pair_of(tmp_path, shape=shape), normalise=steps)
    if len(shape) == 2 and "l1" in steps:
        with pytest.raises(ConfigError, match="l1 is for vectors"):
            pair.load()
        return
    for task, domain in pair.load().tasks.items():
        if steps == ["none"]:
            assert domain.scaling is None
            continue
        own = pair.load().tasks[task if "per_domain" in steps else "source"].train.x.double()
        own = own / own.abs().sum(dim=1, keepdim=True) if "l1" in steps else own
        over = [0] if len(shape) == 1 else [0, 2]
        scaling = domain.scaling
        assert scaling.by_sum is ("l1" in steps)
        if steps == ["l1"]:
            assert scaling.shift is None
            continue
        mean, std = own.mean(dim=over), own.std(dim=over, correction=0)
        assert torch.allclose(scaling.shift.flatten().double(), mean, atol=1e-5)
        assert torch.allclose(1 / scaling.scale.flatten().double(), std, rtol=1e-5)
        again = Scaling.of(scaling.record(), shape)
        assert torch.equal(again.shift, scaling.shift) and torch.equal(again.scale, scaling.scale)


def test_what_never_differs_is_not_divided_by_0():
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    scaling = fitted([x], by_sum=False)
    assert scaling.scale.tolist() == [1.0, 1.0] and scaling.shift.tolist() == [2.0, 5.0]
    assert torch.equal(over_sum(torch.zeros(2, 3)), torch.zeros(2, 3))


def test_images_are_not_scaled():
    with pytest.raises(ConfigError, match="for vectors and signals, and digits_photos has images"):
        Pair(source="digits", target="digits_photos", normalise=["standard"],
             title="digits_photos").load()  # fmt: skip


def test_a_file_is_a_set_by_name(tmp_path):
    x, _ = drawn()
    file = str(write(tmp_path / "x.npz", x, np.arange(60) % 4))
    tasks = OtherClasses(set="vectors", file=file, source_classes=["0", "2"]).load()
    assert [domain.classes for domain in tasks.tasks.values()] == [("0", "2"), ("1", "3")]


@pytest.mark.parametrize("how", ["the same", "changed", "moved"])
def test_a_file_is_known_by_its_content(how, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = pair_of(tmp_path)
    config, folder = {"data": options}, tmp_path / "run"
    folder.mkdir()
    before = data_record(VectorPair(**options).load(), config, most=None, seed=0)
    assert list(before.places) == ["source", "target"]
    keep_record(folder, before, config)
    if how == "moved":
        (tmp_path / "elsewhere").mkdir()
        moved = (tmp_path / "s.npz").rename(tmp_path / "elsewhere" / "s.npz")
        config = {"data": {**options, "source": str(moved)}}
    if how == "changed":
        write(tmp_path / "t.npz", *drawn(seed=7))
    changed = changed_since(folder, config)
    assert changed == ([f"data.target={tmp_path / 't.npz'}"] if how == "changed" else [])
