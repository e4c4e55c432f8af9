"""The first losses of every method and variant, which a refactoring must not change.

In fp32 on one thread. ``TRANSLEARN_GOLDEN=write pytest -n 0 -m 'full or not full' tests/golden``
records them anew, after a change that is meant, and the processor they come from: other ones round
in another order.
"""

import json
import math
import os
from pathlib import Path

import pytest
from runs import METHODS, each_variant, log_lines, named, smoke_options, train_once, variants_of

from translearn.artifacts.surroundings import processor

RECORD = Path(__file__).with_name("losses.json")
TOLERANCE = 1e-4  # of a loss, or of what it is the difference of
# SCAN's entropy term is 5 (log K - H), im's target term the mean entropy less that of the mean: two
# numbers near log 10 that cancel almost whole
SUBTRACTED = {"selfcluster": {"entropy": 5 * math.log(10)}, "im": {"target": math.log(10)}}


@pytest.mark.parametrize(("method", "variant"), each_variant())
def test_first_losses(method, variant):
    losses = {
        f"{line['phase']}/{line['step']}/{name}": value
        for line in log_lines(train_once(*smoke_options(method, variant)).folder)
        for name, value in line.items()
        if name.startswith("loss/")
    }
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"losses": {}}
    key = named(method, variant)
    if os.environ.get("TRANSLEARN_GOLDEN") == "write":
        record = {"processor": processor(), "losses": {**record["losses"], key: losses}}
        RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
        return
    expected = record["losses"][key]
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        size = SUBTRACTED.get(method, {}).get(name.rpartition("/")[2], abs(value))
        assert losses[name] == pytest.approx(value, abs=TOLERANCE * size), name


def test_the_record_holds_every_variant_and_no_other():
    recorded = json.loads(RECORD.read_text())["losses"]
    assert set(recorded) == {named(m, variant) for m in METHODS for variant in variants_of(m)}
