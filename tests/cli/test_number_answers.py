"""Labels that are numbers, through every command."""

import csv
import io
import json

import numpy as np
import pytest
import torch
from commands import run
from runs import config_of, result_of, same_weights, train
from safetensors.torch import load_file
from sklearn.linear_model import LinearRegression

from translearn.errors import ConfigError, DataError

QUICK = ("data=diabetes", "run.source_samples=960", "run.device=cpu", "run.evaluations=1")
METHODS = ("source_only", "target_only", "finetune", "multitask", "coral", "dan")
SHAPES = {
    "vectors": ((6,), ["backbone.sizes=[16]"]),
    "signals": ((3, 24), ["backbone.width=0.125", "backbone.dropout=0"]),
}


def drawn(shape, count=120, seed=0):
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(count, *shape)).astype(np.float32)
    y = 500 + 100 * x.reshape(count, shape[0], -1).mean(axis=2)[:, :2].sum(axis=1)
    return x, y.astype(np.float32)


def files(folder, shape):
    for seed, name in enumerate(("source", "target")):
        x, y = drawn(shape, seed=seed)
        np.savez(folder / f"{name}.npz", x=x, y=y)
    return [f"data.{k}={folder}/{k}.npz" for k in ("source", "target")]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_numbers_gives_their_figures(method, tmp_path):
    result = train(tmp_path / "run", f"method={method}", *QUICK, "run=smoke")
    assert result["headline"] == "target/test/r2"
    for figure in ("mse", "r2", "pearson"):
        assert np.isfinite(result["metrics"][f"target/test/{figure}"])
    assert not any("accuracy" in name for name in result["metrics"])


def test_numbers_are_learned(tmp_path):
    """As well as least squares on the same samples, but for what steps of a network leave."""
    result = train(tmp_path / "run", "method=source_only", "data=diabetes", "run.device=cpu",
                   "run.source_samples=16000", "run.figures=false", "run.evaluations=1",
                   "run.precision=fp32")  # fmt: skip
    from translearn.data.arrangements.pair import Pair

    tasks = Pair(source="diabetes_younger", target="diabetes_older").load().tasks
    source, test = tasks["source"].train, tasks["target"].test
    linear = LinearRegression().fit(source.x.numpy(), source.y.numpy())
    expected = linear.score(test.x.numpy(), test.y.numpy())
    assert result["metrics"]["target/test/r2"] > expected - 0.15


def test_methods_and_options_of_classes_are_refused_before_data_are_read(tmp_path):
    missing = ("data=vectors", "data.source=none.npz", "data.target=no.npz", "data.answer=number")
    with pytest.raises(ConfigError, match="learns classes"):
        train(tmp_path / "a", "method=dann", *missing)
    with pytest.raises(ConfigError, match=r"data\.headline=macro_f1"):
        train(tmp_path / "b", "method=source_only", *missing, "+data.headline=macro_f1")
    for options, told in (
        (("run.select=source_val",), "rules count classes"),
        (("run.rules=true",), "no rule besides last"),
        (("data.target_labels_per_class=3",), r"data\.target_labels instead"),
        (("data.target_labels=500",), "choose 1 to"),
    ):
        with pytest.raises(ConfigError, match=told):
            train(tmp_path / "c", "method=source_only", *QUICK, *options)


def test_a_label_budget_counts_samples(tmp_path):
    result = train(tmp_path / "run", "method=target_only", *QUICK, "run=smoke",
                   "data.target_labels=7")  # fmt: skip
    assert result["label_budget"] == 7
    assert result["splits"]["target"]["train"] == {"samples": 7}
    assert not any(name.startswith("target/val") for name in result["metrics"])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_label_that_is_no_number_is_told_with_its_row(value, tmp_path):
    words = files(tmp_path, (6,))
    x, y = drawn((6,))
    y[3] = value
    np.savez(tmp_path / "source.npz", x=x, y=y)
    with pytest.raises(DataError, match="row 3, counted from 0"):
        train(tmp_path / "run", "method=source_only", "data=vectors", "data.answer=number", *words)


def test_a_text_among_the_numbers_is_told(tmp_path):
    lines = ["a,b,label", *(f"{i},{i * i},{i / 3}" for i in range(20)), "1,2,many"]
    for name in ("source", "target"):
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    words = [f"data.{name}={tmp_path}/{name}.csv" for name in ("source", "target")]
    with pytest.raises(DataError, match="'many' in row 20"):
        train(tmp_path / "run", "method=source_only", "data=vectors", "data.answer=number", *words)


HIDDEN = [("source_only", "target"), ("target_only", "source"), ("dan", "target")]


@pytest.mark.parametrize(("method", "hidden"), HIDDEN)
def test_hidden_numbers_change_no_weight(method, hidden, tmp_path):
    """Permuted or drawn anew; and those that it may see do matter."""
    words = files(tmp_path, (6,))
    quick = (f"method={method}", "data=vectors", "data.answer=number", "run.max_steps=4",
             "run.device=cpu", "run.figures=false", *words)  # fmt: skip
    train(tmp_path / "plain", config=config_of(*quick))
    draws = np.random.default_rng(9)
    for how in ("permuted", "random", "seen"):
        files(tmp_path, (6,))
        name = hidden if how != "seen" else {"target": "source", "source": "target"}[hidden]
        x, y = np.load(tmp_path / f"{name}.npz").values()
        y = (
            draws.normal(size=len(y)).astype(np.float32)
            if how == "random"
            else draws.permutation(y)
        )
        np.savez(tmp_path / f"{name}.npz", x=x, y=y)
        train(tmp_path / how, config=config_of(*quick))
        assert same_weights(tmp_path / "plain", tmp_path / how) is (how != "seen")
    weights = load_file(tmp_path / "plain/model.safetensors")
    assert all(torch.isfinite(w).all() for w in weights.values())


@pytest.mark.full
@pytest.mark.parametrize("kind", SHAPES)
def test_every_command_takes_numbers(kind, tmp_path):
    shape, options = SHAPES[kind]
    words = files(tmp_path, shape)

    def command(module, *arguments):
        done = run(f"translearn.{module}", *map(str, arguments), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("train", f"data={kind}", "data.answer=number", "method=source_only", *words, *options,
            "run.source_samples=9600", "run.batch_size=16", "run.probe=true", "run.device=cpu",
            "run.precision=fp32",
            "hydra.run.dir=run")  # fmt: skip
    result = result_of(tmp_path / "run")
    assert result["metrics"]["target/test/r2"] > 0.5 and result["warnings"] == []
    assert {"target/test/knn_r2", "target/test/linear_r2"} <= result["metrics"].keys()
    assert (tmp_path / "run/figures/predicted.png").stat().st_size > 0
    assert "r2" in command("commands.table", "run")
    x, y = drawn(shape, seed=7)
    np.savez(tmp_path / "labelled.npz", x=x, y=y)
    np.save(tmp_path / "bare.npy", x)
    lines = list(csv.DictReader(io.StringIO(command("commands.predict", "run", "labelled.npz"))))
    assert list(lines[0]) == ["path", "number", "error"]
    found = np.array([float(line["number"]) for line in lines])
    assert np.corrcoef(found, y)[0, 1] > 0.7 and abs(found.mean() - y.mean()) < 50
    told = json.loads(command("commands.predict", "run", "bare.npy", "--json"))
    assert [line["number"] for line in told] == found.tolist()
    command("commands.export", "run")
    about = json.loads((tmp_path / "run/export/model.json").read_text())
    assert "unit of the labels" in about["output"]
    program = torch.export.load(tmp_path / "run/export/model.pt2").module()
    assert np.allclose(program(torch.from_numpy(x)).detach().numpy(), found, atol=2.0)
    told = command("commands.data", "check", "labelled.npz", "--answer", "number")
    assert "120 numbers from" in told
