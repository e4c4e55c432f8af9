"""Flags may stand anywhere between the options of a command."""

import itertools

import pytest
from hydra._internal.utils import get_args_parser

from translearn.launch.arguments import flags_first, given_values
from translearn.launch.swept import of_the_jobs

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


VARIED = [
    ("method=mcc,im", "method.temperature=2", "method.temperature=choice(2)"),
    ("method=frozen,closed_form", "method/classifier=svm", "method/classifier=choice(svm)"),
    ("data=moons,diabetes", "data.source='a b'", "data.source=choice('a b')"),
    ("backbone=mlp,identity", "backbone.sizes=[1,2]", "backbone.sizes=choice([1,2])"),
    ("augment@views=views_digits,views_photos", "views.flip=0.5", "views.flip=choice(0.5)"),
    ("method/cluster=scan,spectral", "method.cluster.neighbours=5",
     "method.cluster.neighbours=choice(5)"),
    ("experiment=print_hand_dann,digits_dann", "method.weight=2", "method.weight=choice(2)"),
]  # fmt: skip
LEFT = ["run.lr=0.1,0.2", "+method.new=1", "~method.head", "method.weight=1,2"]


@pytest.mark.parametrize(("varied", "option", "told"), VARIED)
@pytest.mark.parametrize("left", LEFT)
def test_an_option_of_what_a_sweep_varies_is_left_to_its_jobs(varied, option, told, left):
    words = ["-m", "--config-dir", "method.a=1", varied, option, left, "hydra.sweep.dir='/a b'"]
    expected = ["-m", "--config-dir", "method.a=1", varied, told, left, "hydra.sweep.dir='/a b'"]
    assert of_the_jobs(words) == expected


def test_where_nothing_is_varied_but_numbers_the_words_stay():
    words = ["-m", "method=mcc", "method.temperature=2", "run.lr=0.1,0.2", "seed=0,1"]
    assert of_the_jobs(words) == words
