"""Run folders of others: whatever lies in them, a command says what is wrong and goes on."""

import os
import time
from pathlib import Path

import pytest
from foreign_files import NO_RESULT, NO_YAML, RUN, result

from translearn.artifacts.folder import stored_config
from translearn.artifacts.pointers import POINTER
from translearn.commands import table
from translearn.data.identity import same
from translearn.errors import CheckpointError
from translearn.launch.arguments import stored_overrides
from translearn.report.collect import collect

SECONDS = 2.0


def folder_of(top: Path, config: bytes = RUN.encode(), result_json: bytes | None = None) -> Path:
    (top / ".hydra").mkdir(parents=True)
    (top / ".hydra" / "config.yaml").write_bytes(config)
    if result_json is not None:
        (top / "result.json").write_bytes(result_json)
    return top


DEAR = ("too long", "many entries", "many variables", "deep lists")


def kinds_of(family):
    """Each kind of a family; those that take a while are of the full tier."""
    return [pytest.param(k, marks=pytest.mark.full) if k in DEAR else k for k in family]


@pytest.mark.parametrize("kind", kinds_of(NO_YAML))
def test_a_config_that_is_none_is_refused_in_time(kind, tmp_path):
    folder, start = folder_of(tmp_path / "run", NO_YAML[kind]), time.process_time()
    with pytest.raises(CheckpointError) as caught:
        stored_config(folder)
    assert "config.yaml" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3 and len(str(caught.value)) < 700
    assert not same(folder, {"seed": None})
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    "options",
    [
        ["--csv", "-"],
        pytest.param([], marks=pytest.mark.full),
        pytest.param(["--markdown", "-"], marks=pytest.mark.full),
        pytest.param(["--html", "-"], marks=pytest.mark.full),
    ],
    ids=" ".join,
)
def test_beside_every_bad_folder_the_good_row_stands(options, tmp_path, capsys):
    folder_of(tmp_path / "good", result_json=result().encode())
    every = [kind for kind in NO_RESULT if options[:1] != ["--csv"] or kind not in DEAR]
    for kind in every:
        folder_of(tmp_path / f"of {kind}", result_json=NO_RESULT[kind])
    for kind, content in NO_YAML.items():
        if kind not in DEAR:
            folder_of(tmp_path / f"killed {kind}", content)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "pipe" / ".hydra").mkdir(parents=True)
    for name in ("pipe/result.json", "pipe/.hydra/config.yaml", "pipe/metrics.jsonl"):
        os.mkfifo(tmp_path / name)
    pointers = (b"\0\0", bytes(range(128, 256)), b"x" * 10_000, b"", b"../nothing", b"a\nb")
    for number, pointer in enumerate(pointers):
        (tmp_path / f"pointer {number}").mkdir()
        (tmp_path / f"pointer {number}" / POINTER).write_bytes(pointer)
    runs = {run.folder.name: run for run in collect([tmp_path])}
    assert runs["good"].status == "done"
    for kind in every:
        run = runs[f"of {kind}"]
        assert run.status == "broken" and run.reason.startswith("result.json cannot be read: ")
        assert len(run.reason) < 400 and len(run.reason.splitlines()) == 1, run.reason
    assert table.main([str(tmp_path), *options]) == 0
    printed = capsys.readouterr().out
    assert "50.00" in printed or "0.5" in printed
    assert printed.lower().count("broken") >= len(every)


@pytest.mark.parametrize("bad", ["config.yaml", "overrides.yaml", "hydra.yaml"])
@pytest.mark.parametrize(
    "kind", ["binary", "expanding", "deep lists", "a number", "a tag of Python"]
)
def test_words_of_a_foreign_run_are_read_within_bounds(bad, kind, tmp_path):
    folder = folder_of(tmp_path / "run")
    (folder / ".hydra" / "overrides.yaml").write_text("- seed=1\n")
    (folder / ".hydra" / bad).write_bytes(NO_YAML[kind])
    words = [f"run.resume={folder}"]
    if bad == "hydra.yaml" and kind == "a number":
        assert stored_overrides(words) == ["seed=1"]
        return
    with pytest.raises(CheckpointError, match=bad):
        stored_overrides(words)


def test_flags_among_stored_options_are_refused(tmp_path):
    folder = folder_of(tmp_path / "run")
    (folder / ".hydra" / "overrides.yaml").write_text("- --multirun\n- seed=1\n")
    with pytest.raises(CheckpointError, match="no list of options"):
        stored_overrides([f"run.resume={folder}"])
