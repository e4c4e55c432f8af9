"""The first losses of every method, fp32 and one thread: what a refactoring must not change.

``TRANSLEARN_GOLDEN=write pytest tests/golden`` records them anew, after a change that is meant.
"""

import json
import os
from pathlib import Path

import pytest
from runs import METHODS, log_lines, smoke_data, train

RECORD = Path(__file__).with_name("losses.json")


@pytest.mark.parametrize("method", METHODS)
def test_first_losses(method, tmp_path):
    train(tmp_path, f"method={method}", f"data={smoke_data(method)}", "run=smoke")
    losses = {
        f"{line['phase']}/{line['step']}/{name}": value
        for line in log_lines(tmp_path)
        for name, value in line.items()
        if name.startswith("loss/")
    }
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if os.environ.get("TRANSLEARN_GOLDEN") == "write":
        RECORD.write_text(json.dumps({**record, method: losses}, indent=2, sort_keys=True) + "\n")
    else:
        assert losses == pytest.approx(record[method], rel=1e-4)
