"""Every kind of sample through every command: it works, or says in a line why not."""

import csv
import io
import json

import numpy as np
import pytest
from commands import run
from number_files import drawn, pair_of, write
from runs import result_of

KINDS = {
    "vectors": ((6,), ["backbone.sizes=[16]", "run.lr=0.05"]),
    "signals": ((3, 24), ["backbone.width=0.125", "backbone.dropout=0"]),
}


def command(module, *words, cwd):
    return run(f"translearn.{module}", *map(str, words), cwd=cwd)


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tmp_path_factory):
    """The folder of a kind's files and of a run on them, and the shape of a sample."""
    folder, (shape, options) = tmp_path_factory.mktemp(request.param), KINDS[request.param]
    files = [f"data.{k}={v}" for k, v in pair_of(folder, shape=shape).items()]
    done = command(
        "train", f"data={request.param}", *files, "method=dann", *options, "run.batch_size=16",
        "run.source_samples=960", "run.evaluations=1", "run.probe=true", "run.device=cpu",
        "hydra.run.dir=run", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, shape


@pytest.mark.full
def test_a_run_learns_probes_and_draws(trained):
    folder, _ = trained
    result = result_of(folder / "run")
    assert result["metrics"]["source/test/accuracy"] > 0.7 and result["warnings"] == []
    assert result["metrics"]["target/test/knn_accuracy"] > 0.7
    drawn_figures = {path.stem for path in (folder / "run/figures").glob("*.png")}
    assert {"curves", "confusion_target", "classes", "embedding"} <= drawn_figures
    assert "samples" not in drawn_figures


@pytest.mark.full
def test_prediction_is_what_the_run_measured(trained):
    folder, shape = trained
    x, y = drawn(shape=shape, count=90, seed=5)
    files = [write(folder / "labelled.npz", x, y), write(folder / "bare.npy", x)]
    if len(shape) == 1:
        files.append(write(folder / "bare.csv", x))
    answers = []
    for file in files:
        done = command("commands.predict", "run", file.name, cwd=folder)
        assert done.returncode == 0, done.stderr
        lines = list(csv.DictReader(io.StringIO(done.stdout)))
        assert [line["path"] for line in lines] == [f"{file.name}:{n}" for n in range(90)]
        answers.append([line["label"] for line in lines])
    assert all(one == answers[0] for one in answers)
    assert np.mean([int(a) == b for a, b in zip(answers[0], y, strict=True)]) > 0.7
    done = command("commands.predict", "run", "bare.npy", "--json", "--top", 2, cwd=folder)
    assert len(json.loads(done.stdout)[0]["labels"]) == 2


@pytest.mark.full
def test_what_cannot_be_predicted_is_told(trained):
    folder, shape = trained
    write(folder / "other.npy", drawn(shape=(shape[0] + 1, *shape[1:]))[0])
    for words, told in (
        (["other.npy"], "a sample of"),
        (["nowhere.npy"], "nowhere.npy"),
        (["run"], "none of the suffixes"),
        (["bare.npy", "--grid", "x.png"], "--grid draws images"),
    ):
        write(folder / "bare.npy", drawn(shape=shape)[0])
        done = command("commands.predict", "run", *words, cwd=folder)
        assert done.returncode in (2, 3) and told in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) <= 6


@pytest.mark.full
def test_an_exported_model_takes_the_numbers_as_they_are(trained):
    folder, shape = trained
    done = command("commands.export", "run", "--force", cwd=folder)
    assert done.returncode == 0, done.stderr
    about = json.loads((folder / "run/export/model.json").read_text())
    assert about["input"]["shape"] == ["batch", *shape] and "resize" not in about


@pytest.mark.full
def test_a_run_goes_on_on_the_same_file_alone(trained):
    folder, _ = trained
    words = ["run.resume=run", "run.device=cpu"]
    assert command("train", *words, cwd=folder).returncode == 0
    done = command("commands.table", "run", cwd=folder)
    assert done.returncode == 0 and "dann" in done.stdout


@pytest.mark.parametrize("shape", [(6,), (2, 24)])
def test_check_tells_what_a_file_holds(shape, tmp_path, capsys):
    from translearn.commands.data import run_command

    file = write(tmp_path / "x.npz", *drawn(shape=shape))
    assert run_command(["check", str(file)]) == 0
    told = capsys.readouterr().out
    assert f"60 {'vectors' if len(shape) == 1 else 'signals'} of" in told and "0 (20)" in told
    bare = write(tmp_path / "x.npy", drawn(shape=shape)[0])
    assert run_command(["check", str(bare)]) == 0 and "no labels" in capsys.readouterr().out
    np.savez(tmp_path / "bad.npz", x=np.full((3, *shape), np.nan))
    assert run_command(["check", str(tmp_path / "bad.npz")]) == 3
    assert "row 0" in capsys.readouterr().err
