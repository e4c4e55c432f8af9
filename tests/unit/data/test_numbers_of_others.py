"""Vectors as other tools write them: the right classes and numbers, or an error."""

import csv
import io
import unicodedata

import numpy as np
import pytest
import torch

from translearn.data.scaling import fitted
from translearn.data.sets.numbers import SignalFile, VectorFile
from translearn.errors import DataError

X = np.random.default_rng(0).normal(size=(12, 3)).round(3)


def table(labels, header=("a", "b", "c", "label"), x=X, **dialect):
    """A table of 12 lines whose labels take turns; of ``header`` None has no first line."""
    text = io.StringIO()
    writer = csv.writer(text, **dialect)
    if header:
        writer.writerow(header)
    writer.writerows([*row, labels[n % len(labels)]] for n, row in enumerate(x))
    return text.getvalue()


def read(path, content, label=None):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return VectorFile(str(path), label).read()


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["x", "y"], ["x", "y"]), (["x, y", 'z "q"'], ["x, y", 'z "q"']),
        ([1, 2], ["1", "2"]), (["1.0", "2."], ["1", "2"]), (["1e3", "7"], ["7", "1000"]),
        ([-1, "+1"], ["-1", "1"]), (["-0", "1"], ["0", "1"]), (["007", "8"], ["7", "8"]),
        (["007", "7", "x"], ["7", "007", "x"]), (["1_2", "12"], ["12", "1_2"]),
        (["1e3", "1000", "x"], ["1000", "1e3", "x"]), (["1.5", "v2"], ["1.5", "v2"]),
        (["12345678901234567890", "12345678901234567891"],
         ["12345678901234567890", "12345678901234567891"]),
        (["caf\u00e9", "cafe\u0301", "tea"], ["caf\u00e9", "tea"]),
        (["True", "False"], ["False", "True"]),
        (["none", "scratch"], ["none", "scratch"]), (["=1+1", "{a}"], ["=1+1", "{a}"]),
    ],
)  # fmt: skip
def test_labels_are_the_classes_that_were_written(labels, classes, tmp_path):
    found = read(tmp_path / "v.csv", table(labels))
    assert sorted(found.classes) == sorted(classes)
    texts = np.array([str(labels[n % len(labels)]) for n in range(len(X))])
    np.savez(tmp_path / "v.npz", x=X, y=texts)
    assert VectorFile(str(tmp_path / "v.npz")).read().classes == found.classes
    np.savez(tmp_path / "v.npz", x=X, y=np.char.encode(texts, "utf-8"))
    assert VectorFile(str(tmp_path / "v.npz")).read().classes == found.classes


@pytest.mark.parametrize(
    "labels",
    [["0.5", "1"], ["1", "nan"], ["x", "NaN"], ["a", "N/A"], ["1e300", "2"], ["1e-3", "2"]],
)
def test_labels_that_are_none_are_refused_in_text_and_arrays(labels, tmp_path):
    with pytest.raises(DataError, match=r"v\.csv.*row \d"):
        read(tmp_path / "v.csv", table(labels))
    np.savez(tmp_path / "v.npz", x=X, y=np.array(labels * 6))
    with pytest.raises(DataError, match=r"v\.npz: y .*row \d"):
        VectorFile(str(tmp_path / "v.npz")).read()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e300, 0.5, 2.0**53])
def test_numbers_that_are_no_labels_are_refused(value, tmp_path):
    y = np.arange(12.0) % 2
    y[3] = value
    np.savez(tmp_path / "v.npz", x=X, y=y)
    np.save(tmp_path / "v.npy", np.c_[X, y])
    (tmp_path / "v.svm").write_text("".join(f"{label} 1:2\n" for label in y))
    for name in ("v.npz", "v.npy", "v.svm"):
        with pytest.raises(DataError, match="row 3"):
            VectorFile(str(tmp_path / name), -1 if name == "v.npy" else None).read()


@pytest.mark.parametrize(
    "dress",
    [
        {}, {"header": ("0", "1", "2", "label")}, {"header": ("0", "1", "2", "Class")},
        {"delimiter": ";"}, {"delimiter": "\t"}, {"lineterminator": "\n"},
        {"lineterminator": "\r"}, {"quoting": csv.QUOTE_ALL},
    ],
)  # fmt: skip
def test_tables_of_other_tools_are_the_same_numbers(dress, tmp_path):
    content = table("xy", **dress)
    for text in (content, "\ufeff" + content, content + "\n\n"):
        found = read(tmp_path / "v.csv", text)
        assert found.classes == ("x", "y")
        assert np.array_equal(found.train.x, X.astype(np.float32))


def test_a_first_line_is_no_header_because_a_label_looks_like_one(tmp_path):
    found = read(tmp_path / "v.csv", "0,y\n" + "1,n\n0,y\n" * 6, label=-1)
    assert len(found.train) == 13 and found.classes == ("n", "y")


def test_names_of_columns_are_compared_in_one_form(tmp_path):
    header = ["gr\u00f6\u00dfe", "b", "c", "esp\u00e8ce"]
    for form in ("NFC", "NFD"):
        content = unicodedata.normalize(form, table("xy", header=header))
        found = read(tmp_path / "v.csv", content, label="esp\u00e8ce")
        assert found.columns == tuple(header[:3])


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("1_000", "no number"), ('"0,5"', "decimals with a point"), ("5 6", "parted by"),
        ("5|6", "parted by"), ("0x1F", "no number"), ("True", "no number"), ("5%", "no number"),
        ('"1,234,567"', "no number"), ("\u22121", "no number"), ("'1", "no number"),
    ],
)  # fmt: skip
def test_cells_that_are_no_numbers_are_told_with_what_to_do(cell, told, tmp_path):
    with pytest.raises(DataError, match="line 2, column a") as caught:
        read(tmp_path / "v.csv", f"a,b,label\n{cell},1,x\n1,2,y\n")
    assert told in str(caught.value) and len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("1 2000000000:1\n", "has the index 2000000000"), ("1\n0\n", "no sample with a number"),
        ("1 99999999999999999999:1\n", "line 3"), ("1 -5:1\n", "line 3"),
        ("1 3:1 1:2\n", "line 3"), ("1,2 2:1\n", "line 3"), ("cat 2:1\n", "line 3"),
    ],
)  # fmt: skip
def test_sparse_rows_that_are_none_are_refused(lines, told, tmp_path):
    sound = "" if "no sample" in told else "0 1:2\n1 2:1\n"
    with pytest.raises(DataError, match=told):
        read(tmp_path / "v.svm", sound + lines)


def test_sparse_rows_in_any_dress(tmp_path):
    plain = "0 1:2\n1 2:1 # a comment\n1\n+1 qid:4 1:3\n"
    for content in (plain, "\ufeff" + plain, plain.replace("\n", "\r\n")):
        found = read(tmp_path / "v.svm", content)
        assert found.train.x.tolist() == [[2, 0], [0, 1], [0, 0], [3, 0]]


@pytest.mark.parametrize(("offset", "warned"), [(0, False), (1e3, False), (1.6e9, True)])
def test_what_single_precision_loses_is_told(offset, warned, tmp_path, caplog):
    found = read(tmp_path / "v.csv", table("xy", x=(X * [1, 0, 1e-12] + [offset, offset, 1])))
    assert ("column a" in caplog.text) is warned and len(found.train) == 12
    np.savez(tmp_path / "v.npz", x=X + offset, y=np.arange(12) % 2)
    caplog.clear()
    VectorFile(str(tmp_path / "v.npz")).read()
    assert ("column 0" in caplog.text) is warned
    caplog.clear()
    np.savez(tmp_path / "v.npz", x=(X + offset).astype(np.float32), y=np.arange(12) % 2)
    VectorFile(str(tmp_path / "v.npz")).read()
    assert not caplog.text  # as the file has them


ORDERS = {
    "columns": np.asfortranarray, "other bytes": lambda x: x.astype(">f4"),
    "backwards": lambda x: x[::-1].copy()[::-1], "long": lambda x: x.astype(np.longdouble),
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_arrays_of_any_order_are_the_same_numbers(order, tmp_path):
    np.savez(tmp_path / "v.npz", x=ORDERS[order](X), y=(np.arange(12) % 2).astype(">i2"))
    found = VectorFile(str(tmp_path / "v.npz")).read()
    assert np.array_equal(found.train.x, X.astype(np.float32)) and found.classes == ("0", "1")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("time_first", [False, True])
def test_signals_of_any_order_are_turned_by_their_shape_alone(order, time_first, tmp_path):
    signals = np.random.default_rng(0).normal(size=(12, 2, 9))
    stored = signals.transpose(0, 2, 1) if time_first else signals
    np.savez(tmp_path / "s.npz", x=ORDERS[order](stored), y=np.arange(12) % 2)
    found = SignalFile(str(tmp_path / "s.npz")).read()
    assert np.array_equal(found.train.x, signals.astype(np.float32))
    assert ("turned" in str(found.listing)) is time_first


@pytest.mark.parametrize("size", [0.0, 1e-45, 1e-44, 1e-38, 1.0, 1e37])
def test_numbers_of_any_size_are_scaled_to_finite_ones(size):
    x = torch.tensor(X * size, dtype=torch.float32)
    found = fitted([x], by_sum=False)
    assert ((x - found.shift) * found.scale).isfinite().all()
