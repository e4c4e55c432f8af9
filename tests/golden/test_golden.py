"""The first losses of every method, fp32 and one thread: what a refactoring must not change.

``TRANSLEARN_GOLDEN=write pytest -n 0 tests/golden`` records them anew, after a change that is
meant, and the processor they come from: other ones round in another order.
"""

import json
import math
import os
from pathlib import Path

import pytest
from runs import METHODS, log_lines, smoke_data, train

from translearn.engine.environment import processor

RECORD = Path(__file__).with_name("losses.json")
TOLERANCE = 1e-4  # of a loss, or of what it is the difference of
# SCAN's entropy term is 5 (log K - H), two numbers near log 10 that cancel almost whole
SUBTRACTED = {"selfcluster": {"entropy": 5 * math.log(10)}}


@pytest.mark.parametrize("method", METHODS)
def test_first_losses(method, tmp_path):
    train(tmp_path, f"method={method}", f"data={smoke_data(method)}", "run=smoke")
    losses = {
        f"{line['phase']}/{line['step']}/{name}": value
        for line in log_lines(tmp_path)
        for name, value in line.items()
        if name.startswith("loss/")
    }
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"losses": {}}
    if os.environ.get("TRANSLEARN_GOLDEN") == "write":
        record = {"processor": processor(), "losses": {**record["losses"], method: losses}}
        RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
        return
    expected = record["losses"][method]
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        size = SUBTRACTED.get(method, {}).get(name.rpartition("/")[2], abs(value))
        assert losses[name] == pytest.approx(value, abs=TOLERANCE * size), name
