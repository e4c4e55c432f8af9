import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

CONFIG = """\
method: {name: dann}
data: {name: digits, target_labels_per_class: null}
backbone: {name: wide}
augment: {name: color}
run: {select: last}
seed: 3
output_root: ${oc.env:THERE_IS_NO_SUCH_VARIABLE}
stamp: ${now:%Y}
"""


def write_run(folder: Path, age: float = 0.0, **values: object) -> Path:
    """A run folder as tl-run leaves it; ``age`` seconds old."""
    result = {
        "status": "done",
        "exit_code": 0,
        "reason": None,
        "method": "dann",
        "data": "digits_photos",
        "backbone": "wide",
        "augment": "none",
        "seed": 0,
        "overrides": [],
        "experiment": None,
        "selection": "last",
        "oracle": False,
        "label_budget": None,
        "quadrant": "source_labelled+target_unlabelled",
        "protocol": "split",
        "metrics": {"target/test/accuracy": 0.9, "source/test/accuracy": 0.98},
        "headline": "target/test/accuracy",
        "train_seconds": 10.0,
        "train_core_seconds": 9.0,
        "samples_per_second": 1000.0,
        "precision": "fp32",
        "warnings": [],
        **values,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "result.json"
    path.write_text(json.dumps(result))
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return folder


def write_started(folder: Path, config: str = CONFIG) -> Path:
    """A run folder without a result."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text(config)
    return folder


@pytest.fixture(name="write_run")
def write_run_fixture() -> Callable[..., Path]:
    return write_run


@pytest.fixture(name="write_started")
def write_started_fixture() -> Callable[..., Path]:
    return write_started
