"""Files of numbers of others: each is the right data, or one error that names the variable."""

import bz2
import gzip
import struct
import wave

import numpy as np
import pytest
import scipy.sparse
from scipy.io import savemat, wavfile

from translearn.data.files import matlab
from translearn.data.sets.fsdd import read_wav
from translearn.data.sets.gbu import GbuFeatures
from translearn.errors import DataError
from translearn.semantics.attribute_files import GbuAttributes
from translearn.semantics.tables import Arrays
from translearn.semantics.text import Words


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch):
    """These files are whole, so none is tried in a process of its own first."""
    monkeypatch.setattr(matlab, "survived", lambda read: True)


FEATURES = np.arange(24.0).reshape(4, 6)  # a column an image
LABELS = np.array([[1], [1], [2], [2], [3], [3]])
NAMES = np.array([["ant"], ["bat"], ["cat"]], dtype=object)
SPLITS = {
    "att": np.eye(3), "allclasses_names": NAMES, "trainval_loc": [[1], [3]],
    "test_seen_loc": [[2], [4]], "test_unseen_loc": [[5], [6]],
}  # fmt: skip


def of_gbu(root, features=None, **splits):
    folder = root / "xlsa17" / "data" / "AWA2"
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / "res101.mat", {"features": FEATURES, "labels": LABELS, **(features or {})})
    savemat(folder / "att_splits.mat", {**SPLITS, **splits})
    return GbuFeatures("AWA2", str(root)).read()


def changed(value):
    odd = FEATURES.copy()
    odd[1, 1] = value
    return odd


def test_features_are_read_dense_or_sparse(tmp_path):
    whole = of_gbu(tmp_path)
    for dress in (scipy.sparse.csc_matrix(FEATURES), FEATURES.astype(np.uint8)):
        assert of_gbu(tmp_path, {"features": dress}).train.x.equal(whole.train.x)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("features", changed(np.nan)), ("features", changed(np.inf)), ("features", changed(1e300)),
        ("features", FEATURES + 1j), ("features", np.array(["a", "b"])), ("features", NAMES),
        ("features", {"a": 1}), ("features", np.empty((0, 6))), ("features", np.empty((4, 0))),
        ("features", scipy.sparse.csc_matrix(changed(np.nan))), ("features", 1.0),
        ("labels", LABELS + 0.5), ("labels", LABELS * np.nan), ("labels", np.empty((0, 1))),
        ("labels", LABELS * 1e300), ("labels", NAMES), ("labels", LABELS + 7),
        ("labels", LABELS[:4]), ("labels", LABELS + 1j),
    ],
)  # fmt: skip
def test_features_and_labels_that_are_none_are_refused(key, value, tmp_path):
    with pytest.raises(DataError, match=key) as caught:
        of_gbu(tmp_path, {key: value})
    assert str(tmp_path) in str(caught.value) and len(str(caught.value).splitlines()) <= 6


@pytest.mark.parametrize("key", ["trainval_loc", "test_seen_loc", "test_unseen_loc"])
@pytest.mark.parametrize(
    "value", [np.empty((0, 1)), [[np.nan]], [[1.5]], [[0]], [[7]], NAMES, {"a": 1}, [["x"]], [[1j]]]
)
def test_lists_of_places_that_are_none_are_refused(key, value, tmp_path):
    with pytest.raises(DataError, match=key):
        of_gbu(tmp_path, **{key: value})


@pytest.mark.parametrize(
    "value", [np.eye(3), np.empty((0, 1), object), NAMES[[0, 0, 1]], {"a": 1}, np.array([[{}]])]
)
def test_names_that_are_none_are_refused(value, tmp_path):
    with pytest.raises(DataError, match="allclasses_names"):
        of_gbu(tmp_path, allclasses_names=value)


@pytest.mark.parametrize(
    "value", [np.eye(3) * np.nan, np.eye(3) + 1j, NAMES, np.empty((3, 0)), {"a": 1}, np.eye(4)]
)
def test_attributes_that_are_none_are_refused(value, tmp_path):
    of_gbu(tmp_path, att=value)
    with pytest.raises(DataError, match="att"):
        GbuAttributes("xlsa17/data/AWA2/att_splits.mat", root=str(tmp_path)).vectors(["ant"])


ROWS = np.eye(2)


def of_npz(root, names=("desk", "mug"), rows=ROWS, **also):
    np.savez(root / "v.npz", n=np.asarray(names), v=np.asarray(rows), **also)
    return Arrays("v.npz", "v", "n", str(root)).vectors(["mug"]).tolist()


def test_arrays_are_read_of_any_kind_of_numbers_and_names(tmp_path):
    for rows in (ROWS, ROWS.astype(np.float16), ROWS.astype(int), ROWS.astype(bool)):
        assert of_npz(tmp_path, rows=rows) == [[0, 1]]
    assert of_npz(tmp_path, names=[b"desk", b"mug"]) == [[0, 1]]
    other = np.array([{}], dtype=object)
    assert of_npz(tmp_path, other=other) == [[0, 1]]  # objects beside them are never loaded


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": ROWS + 1j}, {"rows": np.empty((2, 0))}, {"rows": ROWS * np.nan},
        {"rows": [[np.inf, 0], [0, 1]]}, {"rows": ROWS * 1e300}, {"rows": [["a"], ["b"]]},
        {"rows": [1, 2]},
        {"rows": np.array([[{}], [{}]])}, {"rows": np.zeros((2, 2, 2))}, {"rows": np.eye(3)},
        {"names": np.array([None, None])}, {"names": [["desk", "mug"]]}, {"names": [1.5, 2.5]},
        {"names": ["desk"]}, {"names": ["Mug", "mug"]},
        {"rows": np.zeros(2, dtype=[("a", int)])}, {"rows": np.array(["2020"], "datetime64[Y]")},
    ],
)  # fmt: skip
def test_arrays_that_are_none_are_refused(wrong, tmp_path):
    with pytest.raises(DataError) as caught:
        of_npz(tmp_path, **wrong)
    assert len(str(caught.value).splitlines()) <= 6


def test_one_array_without_a_name_is_told(tmp_path):
    with open(tmp_path / "v.npz", "wb") as file:
        np.save(file, ROWS)
    with pytest.raises(DataError, match=r"one array \(\.npy\)"):
        Arrays("v.npz", root=str(tmp_path)).vectors(["mug"])


TEXT = "mug 7 7\nDesk 1 2\ndesk 4 0\n. . 1 2\n"


def of_words(root, content):
    (root / "w.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    return Words(["w.txt"], root=str(root)).vectors(["desk", "mug"]).tolist()


@pytest.mark.parametrize(
    "content",
    [
        TEXT, "4 2\n" + TEXT, TEXT.replace("\n", " \n"), TEXT.replace("\n", "\r\n"),
        TEXT.replace(" ", "\t"), "\ufeff" + TEXT, "\ufeff4 2\n" + TEXT,
        gzip.compress(TEXT.encode()), bz2.compress(TEXT.encode()),
        TEXT.encode() + b"caf\xe9 1 2\n", TEXT.rstrip("\n"),
    ],
)  # fmt: skip
def test_word_vectors_are_read_in_any_dress(content, tmp_path):
    assert of_words(tmp_path, content) == [[4, 0], [7, 7]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TEXT.replace("4 0", "inf 0"), "line 3: 'desk' has no finite numbers"),
        (TEXT.replace("4 0", "nan 0"), "line 3: 'desk' has no finite numbers"),
        (TEXT.replace("4 0", "1e60 0"), "line 3: 'desk' has no finite numbers"),
        (TEXT.replace("4 0", "four 0"), "line 3: what stands behind 'desk' is not all numbers"),
        (TEXT.replace("4 0", "4"), "line 3: 1 numbers, not 2"),
        ("2 3\ndesk " + struct.pack("<3f", 1, 2, 3).decode("latin-1") + "\n", "word"),
        (b"2 3\ndesk " + struct.pack("<3f", 1, 2, 3) + b"\nmug ", "binary"),
        (TEXT.encode("utf-16"), "UTF-16"),
        ("", "no file of word vectors"), ("\n\n", "no file of word vectors"),
        ("desk\nmug\n", "no file of word vectors"), ("<!DOCTYPE html>\n<html>", "no file of word"),
        ("5 99999999999\ndesk 1\n", "no file of word vectors"), ("x" * 10**6, "line 1 has no end"),
        (gzip.compress(TEXT.encode())[:-9], "w.txt cannot be read"),
        (gzip.compress(gzip.compress(TEXT.encode())), "no file of word vectors"),
    ],
)  # fmt: skip
def test_word_vectors_that_are_none_are_refused(content, told, tmp_path):
    with pytest.raises(DataError, match=told) as caught:
        of_words(tmp_path, content)
    assert "w.txt" in str(caught.value) and len(str(caught.value).splitlines()) <= 6


SOUND = (3000 * np.sin(np.arange(4000) / 5)).astype(np.int16)


def headless(content):
    """What a recorder writes that cannot go back to its head: sizes of 0, or of all ones."""
    return [
        content[:4] + size + content[8:40] + size + content[44:] for size in (bytes(4), b"\xff" * 4)
    ]


def test_recordings_of_other_kinds_are_refused_by_name(tmp_path):
    path = tmp_path / "x.wav"
    others = [
        (8000, SOUND.astype(np.float32)), (8000, SOUND.astype(np.int32)), (16000, SOUND),
        (8000, np.stack([SOUND, SOUND], 1)), (8000, (SOUND // 256 + 128).astype(np.uint8)),
        (8000, SOUND[:2]), (8000, SOUND[:0]), (8000, SOUND * 0),
    ]  # fmt: skip
    for rate, samples in others:
        wavfile.write(path, rate, samples)
        with pytest.raises(DataError, match=r"x\.wav"):
            read_wav(path)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(8000)
        file.writeframes(bytes(3 * 2000))
    with pytest.raises(DataError, match=r"x\.wav"):
        read_wav(path)
    wavfile.write(path, 8000, SOUND)
    for content in headless(path.read_bytes()):
        path.write_bytes(content)
        try:
            assert read_wav(path).tolist() == SOUND.tolist()
        except DataError as error:
            assert str(path) in str(error) and "variable" not in str(error)
