"""Flags may stand anywhere between the options of a command."""

import itertools

import pytest
from hydra._internal.utils import get_args_parser

from translearn.launch.arguments import flags_first, given_values

OPTIONS = ["method=dann", "seed=0,1"]
FLAGS = [["-m"], ["--cfg", "job"], ["--config-dir", "mine"], ["-m", "--package", "run"]]


def orders():
    for flags in FLAGS:
        for place in range(len(OPTIONS) + 1):
            yield [*OPTIONS[:place], *flags, *OPTIONS[place:]]
    yield from map(list, itertools.permutations(["-m", "--resolve", *OPTIONS]))


@pytest.mark.parametrize("words", list(orders()), ids=" ".join)
def test_hydra_reads_flags_wherever_they_stand(words):
    given = get_args_parser().parse_args(flags_first(words))
    assert sorted(given.overrides) == OPTIONS
    assert given.multirun is ("-m" in words)
    assert given.cfg == ("job" if "job" in words else None)
    assert given.config_dir == ("mine" if "mine" in words else None)
    assert given_values(words) == {"method": "dann", "seed": "0,1"}
