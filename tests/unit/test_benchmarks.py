"""The benchmarks that README's figures come from still run on the code of today."""

import subprocess
import sys
from pathlib import Path

import pytest
from surroundings import HANG

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "row"),
    [
        ("loop.py --rounds 1 --steps 1", "lenet, loop / lenet, plain PyTorch loop"),
        ("views.py --rounds 2 --steps 1", "loop"),
    ],
)
def test_it_prints_its_table(script, row):
    name, *options = script.split()
    done = subprocess.run(
        [sys.executable, BENCHMARKS / name, *options], capture_output=True, text=True, timeout=HANG
    )
    assert done.returncode == 0, done.stderr
    assert row in done.stdout
