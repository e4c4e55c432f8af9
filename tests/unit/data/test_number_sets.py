"""Published vectors and signals: small copies of their files, and the real ones where they are."""

import numpy as np
import pytest
from real_formats import real_root
from scipy.io import savemat

from translearn.data.arrangements.pair import Pair
from translearn.data.arrangements.subjects import SubjectPair
from translearn.errors import ConfigError, DataError


def reviews(root, of_train="-1 0:2 4999:1\n1 7:1\n"):
    folder = root / "amazon_reviews"
    folder.mkdir()
    for domain in ("books", "dvd"):
        (folder / f"{domain}_train.svmlight").write_text(of_train * 10)
        (folder / f"{domain}_test.svmlight").write_text("1 3:1\n-1 2:4\n1 0:1\n")


def windows(root, folder, shape, subjects, count=12):
    (root / folder).mkdir()
    draws = np.random.default_rng(0)
    for subject in subjects:
        for split in ("train", "test"):
            x = draws.normal(size=(count, *shape)).astype(np.float32)
            np.savez(
                root / folder / f"{split}_{subject}.npz", samples=x, labels=np.arange(count) % 6
            )


def test_reviews_have_5000_columns_whatever_words_occur(tmp_path):
    reviews(tmp_path)
    tasks = Pair(root=str(tmp_path), source="books", target="dvd").load()
    assert tasks.input_shape == (5000,) and tasks.protocol == "published"
    source = tasks.tasks["source"]
    assert len(source.train) == 18 and len(source.test) == 3
    assert source.test.y.tolist() == [1, 0, 1] and source.classes == ("negative", "positive")
    assert sorted(source.train.x[source.train.y == 0][0].nonzero().flatten().tolist()) == [0, 4999]


def test_histograms_are_scaled_as_published(tmp_path):
    (tmp_path / "office_caltech10").mkdir()
    draws, y = np.random.default_rng(0), np.arange(1, 41) % 10 + 1
    for domain in ("amazon", "webcam"):
        counts = draws.integers(0, 9, (40, 20)).astype(np.uint8)
        savemat(tmp_path / f"office_caltech10/{domain}.mat", {"fts": counts, "labels": y[:, None]})
    tasks = Pair(root=str(tmp_path), source="surf_amazon", target="surf_webcam",
                 protocol="transductive", normalise=["l1", "per_domain"]).load()  # fmt: skip
    target = tasks.tasks["target"]
    shares = target.train.x / target.train.x.sum(dim=1, keepdim=True)
    assert len(target.test) == 40 and target.scaling.by_sum
    assert np.allclose(target.scaling.shift, shares.mean(dim=0), atol=1e-6)
    assert not np.allclose(tasks.tasks["source"].scaling.shift, target.scaling.shift, atol=1e-4)


@pytest.mark.parametrize(("name", "stored", "shape", "subjects"), [
    ("har", (9, 128), (9, 128), (2, 11)), ("wisdm", (128, 3), (3, 128), (7, 18))])  # fmt: skip
def test_windows_of_subjects_have_their_channels_first(name, stored, shape, subjects, tmp_path):
    windows(tmp_path, name.upper(), stored, subjects)
    source, target = subjects
    tasks = SubjectPair(root=str(tmp_path), set=name, source=source, target=target).load()
    assert tasks.name == f"{name}:{source}->{target}" and tasks.input_shape == shape
    assert len(tasks.tasks["target"].test) == 12 and len(tasks.tasks["source"].train) == 11


WRONG = {
    "a subject": (lambda root: SubjectPair(root=root, source=1), ConfigError, "subjects of har"),
    "twice": (lambda root: SubjectPair(root=root, source=2, target=2), ConfigError, "are both 2"),
    "no file": (lambda root: SubjectPair(root=root), DataError, "HAR/train_2.npz"),
    "no reviews": (lambda root: Pair(root=root, source="dvd", target="books"), DataError,
                   "dvd_train.svmlight"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_missing_is_told(name, tmp_path):
    make, kind, told = WRONG[name]
    with pytest.raises(kind, match=told):
        make(str(tmp_path)).load()


def test_files_of_another_set_are_told(tmp_path):
    reviews(tmp_path, of_train="3 0:2\n")
    with pytest.raises(DataError, match=r"books_train.svmlight must have a label .* of -1, 1"):
        Pair(root=str(tmp_path), source="books", target="dvd").load()
    windows(tmp_path, "HAR", (3, 128), (2, 11))
    with pytest.raises(DataError, match=r"train_2.npz must have windows of 9 x 128"):
        SubjectPair(root=str(tmp_path)).load()


@pytest.mark.realdata
def test_the_real_files_are_the_published_ones():
    root = real_root()
    sizes = {"books": 4465, "dvd": 3586, "electronics": 5681, "kitchen": 5945}
    for source, target in (("books", "dvd"), ("electronics", "kitchen")):
        tasks = Pair(root=root, source=source, target=target, val_fraction=0).load().tasks
        assert [len(tasks[task].train) for task in tasks] == [2000, 2000]
        assert [len(t.test) for t in tasks.values()] == [sizes[source], sizes[target]]
    for domain, count in {"caltech10": 1123, "dslr": 157, "webcam": 295}.items():
        tasks = Pair(root=root, source="surf_amazon", target=f"surf_{domain}",
                     protocol="transductive").load()  # fmt: skip
        assert len(tasks.tasks["target"].train) == count and tasks.input_shape == (800,)
    for name, source, target in (("har", 12, 16), ("wisdm", 7, 18)):
        assert SubjectPair(root=root, set=name, source=source, target=target).load().tasks
