from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from filelock import Timeout

from translearn.artifacts.folder import done, run_lock
from translearn.errors import ConfigError
from translearn.launch.settle import fresh_folder


def _make(root):
    return str(fresh_folder(Path(root), "%Y-%m-%d/%H-%M-%S"))  # to the second: they must collide


@pytest.mark.full
def test_runs_of_the_same_moment_get_folders_of_their_own(tmp_path):
    with ProcessPoolExecutor(4) as pool:
        folders = list(pool.map(_make, [str(tmp_path)] * 4))
    assert len(set(folders)) == 4


def test_a_root_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="output_root"):
        fresh_folder(tmp_path / "file", "%Y")


def test_only_a_done_run_is_done(tmp_path):
    assert not done(tmp_path)
    for text, expected in (
        ('{"status": "done"}', True),
        ('{"status": "failed"}', False),
        ("{", False),
    ):
        (tmp_path / "result.json").write_text(text)
        assert done(tmp_path) is expected


def _try(folder):
    try:
        with run_lock(Path(folder)):
            return True
    except Timeout:
        return False


def test_a_folder_is_locked_against_other_processes_and_not_against_itself(tmp_path):
    with run_lock(tmp_path), run_lock(tmp_path), ProcessPoolExecutor(1) as pool:
        assert pool.submit(_try, str(tmp_path)).result() is False
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(_try, str(tmp_path)).result() is True
