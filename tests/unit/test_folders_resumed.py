"""Which folder a run continues in, and that it is nobody else's."""

import json
import multiprocessing
import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from runs import result_of
from surroundings import HANG

from translearn.artifacts.folder import refuse_differences, run_lock, stored_config
from translearn.errors import CheckpointError, ConfigError
from translearn.launch.arguments import stored_overrides
from translearn.launch.settle import fresh_folder, resumed_folder, settle
from translearn.settings import AFTERWARDS_KEYS

STAMP = "%Y-%m-%d/%H-%M-%S-%f"
CONFIG = {"seed": 0, "method": {"name": "dann"}, "run": {"lr": 0.1, "resume": None}}
spawn = multiprocessing.get_context("spawn")


def several(root):
    return [str(fresh_folder(Path(root), STAMP)) for _ in range(25)]


def hold_lock(folder, ready, over):
    with run_lock(Path(folder)):
        ready.set()
        over.wait(60)


def write_run(folder, config=CONFIG, status=None):
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(config)))
    if status:
        (folder / "result.json").write_text(json.dumps({"status": status}))
    return folder


def auto(root, config=CONFIG):
    """What ``run.resume=auto`` finds; the lock that comes with it is given back."""
    folder = resumed_folder("auto", root, OmegaConf.create(config))
    if folder is not None:
        assert run_lock(folder).held
        run_lock(folder).release()
    return folder


@pytest.mark.full
def test_four_processes_of_the_same_second_never_share_a_folder(tmp_path):
    with spawn.Pool(4) as pool:
        folders = [path for made in pool.map(several, [str(tmp_path)] * 4) for path in made]
    assert len(set(folders)) == 100
    assert all(Path(path).is_dir() for path in folders)


@pytest.mark.timeout(HANG)
@pytest.mark.parametrize("stamp", [STAMP, "%H-%M-%S-%f"])
def test_a_root_that_is_a_file_is_refused(tmp_path, stamp):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="output_root="):
        fresh_folder(tmp_path / "file", stamp)


@pytest.mark.parametrize("key", [*AFTERWARDS_KEYS, "run.figures", "run.workers"])
def test_auto_takes_a_run_that_may_be_continued_with_these_options(key, tmp_path):
    wanted = write_run(tmp_path / "2026-01-02" / "10-00-00-000000")
    group, name = key.split(".")
    other = {**CONFIG, group: {**CONFIG.get(group, {}), name: 3}}
    assert auto(tmp_path, other) == wanted
    assert auto(tmp_path, {**other, "run": {**other["run"], "lr": 0.2}}) is None


def test_auto_takes_the_newest_unfinished_run_with_the_same_config(tmp_path, capsys):
    write_run(tmp_path / "2026-01-01" / "10-00-00-000000")
    wanted = write_run(tmp_path / "2026-01-02" / "10-00-00-000000", status="interrupted")
    write_run(tmp_path / "2026-01-03" / "10-00-00-000000", {**CONFIG, "seed": 1})
    write_run(tmp_path / "2026-01-04" / "10-00-00-000000", status="done")
    write_run(tmp_path / "sweeps" / "2026-01-05")
    broken = write_run(tmp_path / "2026-01-06" / "10-00-00-000000")
    (broken / ".hydra" / "config.yaml").write_text("]broken[")
    empty = write_run(tmp_path / "2026-01-07" / "10-00-00-000000")
    (empty / ".hydra" / "config.yaml").write_text("")
    assert auto(tmp_path, {**CONFIG, "run": {"lr": 0.1, "resume": "auto"}}) == wanted
    said = capsys.readouterr().err
    assert f"passed over: {broken}" in said and f"passed over: {empty}" in said


def test_auto_passes_over_a_run_that_another_process_holds(tmp_path):
    older = write_run(tmp_path / "2026-01-01" / "10-00-00-000000")
    newer = write_run(tmp_path / "2026-01-02" / "10-00-00-000000")
    ready, over = spawn.Event(), spawn.Event()
    process = spawn.Process(target=hold_lock, args=(str(newer), ready, over))
    process.start()
    try:
        assert ready.wait(60)
        assert auto(tmp_path) == older
    finally:
        over.set()
        process.join()
    assert auto(tmp_path) == newer


def test_auto_finds_nothing(tmp_path):
    assert auto(tmp_path / "none") is None
    write_run(tmp_path / "2026-01-01" / "10-00-00-000000", {**CONFIG, "seed": 1})
    assert auto(tmp_path) is None


def test_an_open_seed_fits_every_seed(tmp_path):
    folder = write_run(tmp_path / "2026-01-01" / "10-00-00-000000", {**CONFIG, "seed": 12345})
    assert auto(tmp_path, {**CONFIG, "seed": None}) == folder


def test_a_named_folder_must_hold_a_run(tmp_path):
    folder = write_run(tmp_path / "run")
    job = OmegaConf.create(CONFIG)
    assert resumed_folder(str(folder), tmp_path, job) == folder
    with pytest.raises(CheckpointError, match=r"run\.resume=.*no run there"):
        resumed_folder(str(tmp_path / "none"), tmp_path, job)


@pytest.mark.parametrize("content", [None, "]broken[", "a: ${nothing}"])
def test_the_stored_config_is_read_or_its_path_is_named(tmp_path, content):
    folder = write_run(tmp_path / "run")
    assert stored_config(folder) == CONFIG
    path = folder / ".hydra" / "config.yaml"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(CheckpointError, match=r"config\.yaml"):
        stored_config(folder)


def test_differences_are_refused_in_at_most_six_lines(tmp_path):
    refuse_differences(tmp_path, [])
    with pytest.raises(CheckpointError, match=r"2 more") as refused:
        refuse_differences(tmp_path, [f"run.key{n}: 1 -> 2" for n in range(5)])
    assert "run.key2: 1 -> 2" in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 6


RECORD = ("config.yaml", "hydra.yaml", "overrides.yaml")  # in the order in which Hydra writes


def torn_record(folder, moment):
    """What a kill leaves of a record: some files, and of odd moments one that is still empty."""
    (folder / ".hydra").mkdir(parents=True)
    whole, empty = divmod(moment, 2)
    for name in RECORD[:whole]:
        content = CONFIG if name == "config.yaml" else {}
        (folder / ".hydra" / name).write_text(OmegaConf.to_yaml(OmegaConf.create(content)))
    for name in RECORD[whole : whole + empty]:
        (folder / ".hydra" / name).write_text("")
    return folder


@pytest.mark.parametrize("moment", range(2 * len(RECORD)))
def test_a_run_that_was_killed_before_it_began_is_told_and_starts_again(tmp_path, moment):
    folder = torn_record(tmp_path / "run", moment)
    with pytest.raises(CheckpointError, match="killed before it began\nstart it again: "):
        stored_overrides([f"run.resume={folder}"])
    words = [f"hydra.run.dir={folder}", "run.resume=auto", "seed=3"]
    found, settled = settle(words, [OmegaConf.merge(CONFIG, {"run": {"resume": "auto"}})], False)
    assert found == folder
    assert not settled  # so Hydra writes the record anew


def test_a_record_that_is_whole_is_kept(tmp_path):
    folder = torn_record(tmp_path / "run", 2 * len(RECORD))
    words = [f"hydra.run.dir={folder}", "run.resume=auto"]
    config = OmegaConf.merge(CONFIG, {"run": {"resume": "auto"}})
    assert settle(words, [config], False) == (folder, ["hydra.output_subdir=null"])


@pytest.mark.full
@pytest.mark.parametrize("moment", range(2 * len(RECORD)))
def test_whatever_a_kill_left_of_the_record_the_run_comes_to_its_end(tl_run, tmp_path, moment):
    folder = tmp_path / "run"
    words = ("run=smoke", "seed=3", "run.device=cpu", f"hydra.run.dir={folder}", "run.resume=auto")
    assert tl_run(*words).returncode == 0
    whole = {name: (folder / ".hydra" / name).read_text() for name in RECORD}
    shutil.rmtree(folder)
    torn_record(folder, moment)
    for name, text in whole.items():
        path = folder / ".hydra" / name
        path.write_text(text) if path.exists() and path.stat().st_size else None
    assert tl_run(*words).returncode == 0
    (folder / "result.json").unlink()
    again = tl_run(f"run.resume={folder}")
    assert again.returncode == 0, again.stderr
    assert result_of(folder)["seed"] == 3
