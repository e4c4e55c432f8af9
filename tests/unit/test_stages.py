""".ci/stages.py: a stage that fails fails CI, one that became dear is named."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / ".ci" / "stages.py"


@pytest.fixture
def stages(tmp_path, monkeypatch):
    """The module, with a file of records of its own and no real data."""
    spec = importlib.util.spec_from_file_location("stages", FILE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "stages", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RECORD", tmp_path / "stages.json")
    monkeypatch.delenv("TRANSLEARN_DATA", raising=False)
    return module


def test_a_stage_that_fails_is_named_and_the_others_still_run(stages, monkeypatch, capfd):
    monkeypatch.setattr(stages, "STAGES", {"bad": "exit 3", "good": "echo 3 passed"})
    assert stages.main(["--record"]) == 1
    out = capfd.readouterr().out
    assert "bad FAILED" in out and "good FAILED" not in out
    assert "3 passed" in out  # what a stage prints stands in the output
    assert not stages.RECORD.exists()


def test_what_a_stage_used_is_kept_and_compared(stages, monkeypatch, capfd):
    monkeypatch.setattr(stages, "STAGES", {"busy": "python -c 'sum(range(10**7))'"})
    assert stages.main(["--record"]) == 0
    assert json.loads(stages.RECORD.read_text()).keys() == {"busy"}
    capfd.readouterr()
    for known, told in ((1e6, False), (0.0, True)):
        stages.RECORD.write_text(json.dumps({"busy": known}))
        assert stages.main([]) == 0
        assert ("busy GREW" in capfd.readouterr().out) is told
        assert json.loads(stages.RECORD.read_text()) == {"busy": known}


def test_real_data_is_read_where_it_is(stages, monkeypatch, capfd):
    monkeypatch.setattr(stages, "STAGES", {})
    monkeypatch.setattr(stages, "REAL_DATA", "printenv TRANSLEARN_DATA")
    assert stages.main([]) == 0
    assert "real data" not in capfd.readouterr().out
    monkeypatch.setenv("TRANSLEARN_DATA", "/some/place")
    assert stages.main([]) == 0
    assert "/some/place" in capfd.readouterr().out
