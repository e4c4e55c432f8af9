"""A run that is done is not touched, and a new one may start from it."""

import hashlib
import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from runs import log_lines

from translearn.errors import CheckpointError, ConfigError
from translearn.launch.arguments import compose_jobs, unquoted
from translearn.launch.earlier import (
    expand_like,
    literal,
    refuse_record_as_config,
)
from translearn.system.quoting import quoted, tl_run

SMALL = ("run=smoke", "run.device=cpu", "run.figures=false")


def digests(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def timeless(folder):
    return [{k: v for k, v in x.items() if "seconds" not in k} for x in log_lines(folder)]


@pytest.mark.full
def test_a_run_that_is_done_is_told_and_not_touched(tl_run, tmp_path):
    assert tl_run(*SMALL, "hydra.run.dir=run").returncode == 0
    before = digests(tmp_path / "run")
    for words in (["run.resume=run"], [*SMALL, "hydra.run.dir=run", "run.resume=auto"]):
        again = tl_run(*words)
        assert again.returncode == 0, again.stderr
        assert "run is done: target test accuracy" in again.stdout
        assert "tl-run run.like=run seed=1" in again.stdout
        assert digests(tmp_path / "run") == before
    changed = tl_run("run.resume=run", "seed=5")
    assert changed.returncode == 6
    assert digests(tmp_path / "run") == before


@pytest.mark.full
def test_a_new_run_starts_from_what_one_stored(tl_run, tmp_path):
    assert tl_run(*SMALL, "run.lr=0.03", "hydra.run.dir=run").returncode == 0
    before = digests(tmp_path / "run")
    done = tl_run("run.like=run", "seed=1", "hydra.run.dir=new")
    assert done.returncode == 0, done.stderr
    assert "changed from run: seed: 0 -> 1" in done.stderr
    assert digests(tmp_path / "run") == before
    assert OmegaConf.load(tmp_path / "new/.hydra/config.yaml").run.lr == 0.03
    twin = tl_run("run.like=run", "hydra.run.dir=twin")
    assert "nothing: the same run again" in twin.stderr
    assert timeless(tmp_path / "twin") == timeless(tmp_path / "run")


@pytest.fixture
def stored(tmp_path):
    """The folder of a run whose experiment file has been edited since."""
    extra, record = tmp_path / "mine" / "experiment", tmp_path / "run" / ".hydra"
    extra.mkdir(parents=True)
    record.mkdir(parents=True)
    words, given = ["--config-dir", str(tmp_path / "mine")], ["experiment=own", "seed=3"]
    (extra / "own.yaml").write_text("# @package _global_\nrun: {lr: 0.5, clip: 2.0}\n")
    OmegaConf.save(compose_jobs([*words, *given])[0], record / "config.yaml")
    OmegaConf.save(given, record / "overrides.yaml")
    (record / "hydra.yaml").write_text("hydra: {}\n")
    (extra / "own.yaml").write_text("# @package _global_\nrun: {lr: 0.02, clip: 2.0}\n")
    return tmp_path / "run", words


def composed(words):
    return [OmegaConf.to_container(job, resolve=True) for job in compose_jobs(words)]


@pytest.mark.full
def test_files_that_changed_since_do_not_change_it(stored, capsys):
    folder, words = stored
    (job,) = composed(expand_like([*words, f"run.like={folder}", "seed=4"]))
    assert (job["run"]["lr"], job["run"]["clip"], job["seed"]) == (0.5, 2.0, 4)
    assert capsys.readouterr().err == f"changed from {folder}: seed: 3 -> 4\n"


@pytest.mark.full
def test_what_the_user_says_goes_before_what_was_stored(stored, capsys):
    folder, words = stored
    (job,) = composed(expand_like([*words, f"run.like={folder}", "run.lr=0.1"]))
    assert (job["run"]["lr"], job["seed"]) == (0.1, 3)
    assert "run.lr: 0.5 -> 0.1" in capsys.readouterr().err
    jobs = composed(expand_like([*words, "-m", f"run.like={folder}", "seed=7,8"]))
    assert [job["seed"] for job in jobs] == [7, 8]
    assert {job["run"]["lr"] for job in jobs} == {0.5}


@pytest.mark.full
def test_a_part_chosen_anew_comes_with_its_own_options(stored):
    folder, words = stored
    record = folder / ".hydra" / "overrides.yaml"
    OmegaConf.save([*OmegaConf.load(record), "method.strength=0.7"], record)
    (job,) = composed(expand_like([*words, f"run.like={folder}", "method=source_only"]))
    assert job["method"]["name"] == "source_only" and "strength" not in job["method"]


def test_what_is_no_run_or_continues_one_is_refused(tmp_path, stored):
    folder, words = stored
    with pytest.raises(CheckpointError, match="no run there"):
        expand_like([f"run.like={tmp_path / 'nothing'}"])
    with pytest.raises(ConfigError, match="give one of them"):
        expand_like([f"run.like={folder}", f"run.resume={folder}"])
    with pytest.raises(ConfigError, match=r"tl-run run\.like="):
        refuse_record_as_config(["--config-dir", str(folder / ".hydra")])
    refuse_record_as_config(words)


@pytest.mark.parametrize(
    "text",
    ["plain", "a b", "it's", "a,b", "[x]", "ü", "a=b", "{x}", "#", "a\\b", "(", "a:b", "~x", "a/b"],
)
def test_a_path_is_read_back_as_it_is_printed(text):
    assert read_back(f"output_root={quoted(text)}") == text == unquoted(quoted(text))
    assert tl_run(f"run.like={quoted('a b')}") == "tl-run 'run.like=a b'"


def read_back(override):
    return OverridesParser.create().parse_override(override).value()


@pytest.mark.parametrize("value", ["A B (copy)", "a,b c", "a,b", "it's", "[x", "a}b", "x#y z"])
def test_a_value_that_needs_quotes_is_answered_with_them(value):
    with pytest.raises(ConfigError, match=r"needs quotes|is a sweep: add -m") as caught:
        compose_jobs([f"run.resume={value}"])
    line = str(caught.value)[str(caught.value).index("'run.resume=") :]
    assert read_back(*shlex.split(line)) == value


@pytest.mark.parametrize(
    "value", [None, True, 1, 0.5, 1e-05, "a b", "null", [1, "x y", None], {"a": [0.1]}]
)
def test_values_are_written_as_hydra_reads_them(value):
    assert read_back(f"++run.extra={literal(value)}") == value
