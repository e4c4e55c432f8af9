"""Features and splits in the published format, written here with a known compatibility."""

import numpy as np
import pytest
from runs import train
from scipy.io import savemat

from translearn.data.arrangements.unseen import Unseen
from translearn.data.types import Kind
from translearn.errors import ConfigError, DataError

CLASSES, ATTRIBUTES, WIDTH, EACH = 200, 16, 40, 8
UNSEEN = [3, 17, 20, 31, 59, 60, 99, 199]  # counted from 0, scattered


def write(folder, **changed):
    """xlsa17's two files: a sample a column, everything counted from 1, as Matlab has it."""
    generator = np.random.default_rng(0)
    att = generator.normal(size=(ATTRIBUTES, CLASSES))
    # around 0 over the seen classes: ESZSL's targets of -1 pull every class along their mean
    att -= np.delete(att, UNSEEN, axis=1).mean(axis=1, keepdims=True)
    labels = generator.permutation(np.repeat(np.arange(CLASSES), EACH))
    known = generator.normal(size=(WIDTH, ATTRIBUTES))
    features = known @ att[:, labels] + 0.02 * generator.normal(size=(WIDTH, len(labels)))
    place = np.arange(len(labels)) + 1
    unseen = np.isin(labels, UNSEEN)
    held = place % 5 == 0
    names = np.empty((CLASSES, 1), dtype=object)
    names[:, 0] = [f"class+{c}" for c in range(CLASSES)]
    splits = {
        "att": att, "original_att": 100 * att, "allclasses_names": names,
        "trainval_loc": place[~unseen & ~held][:, None],
        "test_seen_loc": place[~unseen & held][:, None],
        "test_unseen_loc": place[unseen][:, None],
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / "res101.mat", {"features": features, "labels": labels[:, None] + 1.0})
    savemat(folder / "att_splits.mat", {**splits, **changed})
    return features, labels, splits


def features_of(root, name="AWA2"):
    return Unseen(str(root), name, val_fraction=0.0)


@pytest.fixture
def root(tmp_path):
    return tmp_path, *write(tmp_path / "xlsa17" / "data" / "AWA2")


def test_every_image_is_where_the_split_says_with_its_own_class(root):
    place, features, labels, splits = root
    tasks = features_of(place).load()
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert tasks.input_shape == (WIDTH,) and tasks.protocol == "proposed split"
    assert source.kind is Kind.vector and target.kind is Kind.vector
    assert target.classes == tuple(f"class+{c}" for c in UNSEEN)
    assert len(source.classes) == CLASSES - len(UNSEEN) and len(target.train) == 0
    row_of = {row.tobytes(): i for i, row in enumerate(np.float32(features.T))}
    for domain, split, key in ((source, source.train, "trainval_loc"),
                               (source, source.test, "test_seen_loc"),
                               (target, target.test, "test_unseen_loc")):  # fmt: skip
        rows = [row_of[x.numpy().tobytes()] for x in split.x]
        assert sorted(row + 1 for row in rows) == splits[key].flatten().tolist()
        names = [domain.classes[int(y)] for y in split.y]
        assert names == [f"class+{labels[row]}" for row in rows]


@pytest.mark.full
def test_eszsl_recovers_the_compatibility_through_the_command_path(root, tmp_path):
    result = train(
        tmp_path / "run", "method=zeroshot", "method/variant=eszsl", "data=awa2",
        f"data_root={root[0]}", "run.log_every=1", "run.figures=true",
    )  # fmt: skip
    metrics = result["metrics"]
    assert result["headline"] == "zsl/t1" and metrics["zsl/t1"] > 0.9
    assert metrics["gzsl/harmonic_mean"] > 0.5 and metrics["gzsl/ausuc"] > 0.5
    assert result["steps"] == 0 and [p["name"] for p in result["phases"]][-1] == "solve"
    assert (tmp_path / "run" / "figures" / "seen_unseen.png").stat().st_size > 5000
    # without the compatibility there is nothing to recover: the attributes of other classes
    attributes = root[3]["att"]
    write(root[0] / "xlsa17" / "data" / "AWA2", att=np.roll(attributes, 7, axis=1))
    other = train(
        tmp_path / "other", "method=zeroshot", "method/variant=eszsl", "data=awa2",
        f"data_root={root[0]}",
    )  # fmt: skip
    assert other["metrics"]["zsl/t1"] < 0.6


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test_unseen_loc": np.array([[5000]])}, "does not fit"),
        ({"test_unseen_loc": np.array([[1], [2], [3], [4]])}, "trained on"),
        ({"allclasses_names": np.array(["a"], dtype=object)}, "labels beyond"),
    ],
)
def test_files_that_do_not_fit_are_refused(changed, message, tmp_path):
    write(tmp_path / "xlsa17" / "data" / "CUB", **changed)
    with pytest.raises(DataError, match=message):
        features_of(tmp_path, "CUB").load()


def test_missing_and_broken_files_are_named(root, tmp_path):
    with pytest.raises(ConfigError, match=r"data\.set=AWA3 does not exist; did you mean AWA2"):
        features_of(tmp_path, "AWA3")
    with pytest.raises(ConfigError, match="awa2 publishes its unseen classes"):
        Unseen(str(root[0]), "AWA2", unseen=3).load()
    with pytest.raises(DataError, match=r"(?s)SUN/res101\.mat and 1 more.*unpack xlsa17\.zip"):
        features_of(tmp_path, "SUN").load()
    broken = root[0] / "xlsa17" / "data" / "AWA2" / "res101.mat"
    broken.write_bytes(b"no matrix")
    with pytest.raises(DataError, match=r"res101\.mat cannot be read"):
        features_of(root[0]).load()
