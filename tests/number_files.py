"""Files of vectors and signals in every form that is read."""

import numpy as np
from sklearn.datasets import dump_svmlight_file

CLASSES = 3
FORMS = (".npz", ".csv", ".tsv", ".svmlight", ".npy")


def drawn(count=60, shape=(6,), seed=0, shift=0.0):
    """Samples (count, *shape) around a mean for each class, float32, and their labels."""
    draws = np.random.default_rng(seed)
    y = np.arange(count) % CLASSES
    x = draws.normal(size=(count, *shape)) + shift
    x[np.arange(count), y % shape[0]] += 3
    return x.astype(np.float32), y


def write(path, x, y=None, names=None):
    """A file of the form that its suffix says; labels in an array or a column called ``label``."""
    suffix = path.suffix
    if suffix == ".npz":
        np.savez(path, x=x, **({} if y is None else {"y": y}))
    elif suffix == ".npy":
        np.save(path, x if y is None else np.c_[x, y])
    elif suffix == ".svmlight":
        dump_svmlight_file(x, np.zeros(len(x)) if y is None else y, str(path), zero_based=True)
    else:
        mark = {".csv": ",", ".tsv": "\t"}[suffix]
        columns = names or [f"c{i}" for i in range(x.shape[1])]
        table = x.astype(object) if y is None else np.c_[x.astype(object), y]
        lines = [[*columns, *([] if y is None else ["label"])], *table.tolist()]
        path.write_text("\n".join(mark.join(map(str, line)) for line in lines) + "\n")
    return path


def pair_of(folder, suffix=".npz", shape=(6,), labelled=True, **options):
    """The options of two such files as source and target."""
    x, y = drawn(shape=shape)
    other, of_other = drawn(shape=shape, seed=1, shift=0.5)
    source = write(folder / f"s{suffix}", x, y)
    target = write(folder / f"t{suffix}", other, of_other if labelled else None)
    return {"source": str(source), "target": str(target), **options}
