"""Where a list is meant, a single value is taken as a list of one."""

from collections.abc import Sequence
from typing import Any

import pytest
from runs import config_of

from translearn.components import build
from translearn.config import RunConfig, listed
from translearn.data.types import DataSource
from translearn.errors import ConfigError


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        ("a", Sequence[str], ["a"]),
        ("a", Sequence[str] | None, ["a"]),
        (0.5, tuple[float, float], [0.5]),
        ("dog", int | Sequence[object], ["dog"]),
        (3, int | Sequence[object], 3),
        ("all", str | Sequence[str], "all"),
        (1, float | Sequence[float], 1),
        (["a"], list[str], ["a"]),
        (None, list[str] | None, None),
        ("a", Any, "a"),
        ("a", str, "a"),
    ],
)
def test_a_single_value_becomes_a_list_where_only_a_list_fits(value, annotation, expected):
    assert listed(value, annotation) == expected


@pytest.mark.parametrize(
    ("options", "key", "expected"),
    [
        (["run.evaluate=test"], "evaluate", ["test"]),
        (["run.evaluate=[val,test]"], "evaluate", ["val", "test"]),
        (["run.augment_tasks=target"], "augment_tasks", ["target"]),
        (["run.augment_tasks=[]"], "augment_tasks", []),
    ],
)
def test_lists_of_run(options, key, expected):
    assert getattr(RunConfig.of(config_of(*options)["run"]), key) == expected


@pytest.mark.parametrize("value", ["3", "null", "[1]"])
def test_what_is_no_list_of_words_is_refused(value):
    with pytest.raises(ConfigError, match=r"run\.augment_tasks=.*give a list of words"):
        RunConfig.of(config_of(f"run.augment_tasks={value}")["run"])


def of_data(*options):
    return build(config_of(*options)["data"], DataSource, root="/nowhere")


def test_lists_of_a_data_set():
    assert of_data("data=unseen", "data.unseen='2'").unseen == ["2"]
    assert of_data("data=unseen", "data.unseen=2").unseen == 2
    assert of_data("data=fsdd", "data.source_speakers=theo").readers["source"].speakers == ["theo"]
    with pytest.raises(ConfigError, match=r"data\.tasks needs two data sets or more"):
        of_data("data=tasks", "data.tasks=mnist")
    with pytest.raises(ConfigError, match=r"data\.names a name for each"):
        of_data("data=tasks", "data.names=target")
