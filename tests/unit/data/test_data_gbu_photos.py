import os
from collections import Counter
from pathlib import Path

import pytest
from runs import config_of

from translearn.components import build
from translearn.data.sets.gbu_photos import GbuPhotos
from translearn.errors import ConfigError, DataError
from translearn.semantics.base import Semantics


@pytest.fixture
def root(tmp_path):
    """The layout of AwA2: seen ant and bee, unseen cat+fish and dog."""
    lists = tmp_path / "AwA2" / "splits_PS"
    lists.mkdir(parents=True)
    (lists / "trainvalclasses_PS.txt").write_text("bee\nant")
    (lists / "testclasses_PS.txt").write_text("dog\ncat+fish\n")
    (lists / "test_seen_PS.txt").write_text("ant/ant_1.jpg 0\nbee/bee_1.jpg 1")
    names = [f"{c}/{c}_{n}.jpg" for c in ("ant", "bee", "cat+fish", "dog") for n in (2, 3, 4)]
    (lists / "image_label_PS.txt").write_text("\n".join(f"{name} 9" for name in names))
    for name in (*names, "ant/ant_1.jpg", "bee/bee_1.jpg"):
        path = tmp_path / "AwA2" / "JPEGImages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_photos_are_where_the_lists_say(root):
    tasks = GbuPhotos(str(root), val_fraction=0.2).load()
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert (source.classes, target.classes) == (("ant", "bee"), ("cat+fish", "dog"))
    assert sorted(p.name for p in source.test.x.paths) == ["ant_1.jpg", "bee_1.jpg"]
    assert (len(source.train), len(source.val), len(target.test)) == (5, 1, 6)
    assert len(target.train) == 0
    for domain in (source, target):
        for path, label in zip(domain.test.x.paths, domain.test.y.tolist(), strict=True):
            assert path.parent.name == domain.classes[label]


def test_what_is_missing_is_named(root):
    (root / "AwA2" / "JPEGImages" / "dog" / "dog_3.jpg").unlink()
    with pytest.raises(DataError, match=r"there is no .*dog/dog_3\.jpg"):
        GbuPhotos(str(root)).load()
    with pytest.raises(DataError, match=r"CUB_200_2011/splits_PS/trainvalclasses\.txt"):
        GbuPhotos(str(root), "CUB_200_2011").load()
    with pytest.raises(ConfigError, match=r"data\.set=CUB does not exist"):
        GbuPhotos(str(root), "CUB")


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("data", "seen", "unseen", "attributes"),
    [("awa2_photos", 40, 10, 85), ("cub_photos", 150, 50, 312)],
)
def test_the_real_lists_and_attributes_fit_each_other(data, seen, unseen, attributes):
    if not os.environ.get("TRANSLEARN_DATA"):
        pytest.skip("TRANSLEARN_DATA is not set")
    config = config_of(f"data={data}")
    source = GbuPhotos(config["data_root"], config["data"]["set"])
    lists = [n for n in os.listdir(source.folder / "splits_PS") if n.startswith("t")]
    names = {n.partition("classes")[0]: source.lines(n) for n in lists if "classes" in n}
    assert (len(names["trainval"]), len(names["test"])) == (seen, unseen)
    assert not set(names["trainval"]) & set(names["test"])
    described = build(config["semantics"], Semantics, root=config["data_root"])
    vectors = described.vectors([*names["trainval"], *names["test"]])
    assert (
        vectors.shape == (seen + unseen, attributes) == (seen + unseen, len(described.attributes))
    )
    assert len({tuple(row) for row in vectors.tolist()}) == seen + unseen
    held = {line.split()[0] for line in source.lines("test_seen_PS.txt")}
    others = {line.split()[0] for line in source.lines("image_label_PS.txt")}
    assert not held & others
    folders = Counter(Path(path).parent.name for path in held | others)
    assert set(folders) == set(names["trainval"]) | set(names["test"])
