"""Every value is checked before data is read or a folder is made."""

import ast

import pytest
from runs import DATA, METHODS, config_of, smoke_options

from translearn.errors import ConfigError
from translearn.launch.arguments import compose_jobs
from translearn.launch.values import constructor, fits, refuse_wrong_types

WRONG = {
    "seed=abc": "a whole number or null",
    "seed=1.5": "a whole number or null",
    "method.strength=abc": "a number",
    "method.strength=true": "a number",
    "method.strength=[1]": "a number",
    "method.strength=null": "a number",
    "method.domain_batch_norm=7": "true or false or null",
    "method.head=[a]": "a list, each item a whole number or null",
    "data.val_fraction=abc": "a number",
    "data.split_seed=x": "a whole number",
}


@pytest.mark.parametrize("word", WRONG)
def test_a_value_of_another_type_is_told(word):
    config = config_of("method=dann", "data=digits_photos", word)
    with pytest.raises(ConfigError, match=f"must be {WRONG[word]}") as caught:
        refuse_wrong_types(config)
    assert str(caught.value).startswith(word.split("=")[0])


@pytest.mark.parametrize("method", METHODS)
def test_what_ships_is_well(method):
    refuse_wrong_types(config_of(*smoke_options(method)))


@pytest.mark.full
@pytest.mark.parametrize("data", DATA)
def test_every_data_set_is_well(data):
    refuse_wrong_types(config_of(f"data={data}"))


@pytest.mark.parametrize(
    ("annotation", "fitting", "other"),
    [
        ("int", [1], [True, 1.5, "1", None, [1]]),
        ("float", [1, 0.5], [True, "1", None]),
        ("bool", [True], [1, "true", None]),
        ("str", ["a", ""], [1, None, ["a"]]),
        ("float | None", [None, 1], ["a"]),
        ("Sequence[int]", [[1, 2], [], 3], [["a"], "a", None]),
        ("tuple[float, float] | None", [[0.1, 1], None], [["a"]]),
        ("list[str]", [["a"], "a"], [[1]]),
        ("Mapping[str, int]", [{"a": 1}], []),
        ("Callable[..., Weighting]", [{"_target_": "x"}, "anything"], []),
    ],
)
def test_annotations_are_read(annotation, fitting, other):
    read = ast.parse(annotation, mode="eval").body
    assert all(fits(value, read) for value in fitting)
    assert not any(fits(value, read) for value in other)


def test_inherited_arguments_count_and_foreign_classes_are_left_alone():
    names = {
        constructor(f"translearn.data.arrangements.pair.{name}").keys() >= {"val_fraction"}
        for name in ("Pair", "SamplesPair")
    }
    assert names == {True}
    assert constructor("translearn.backbones.timm.EfficientNetLite0")["pretrained"].id == "bool"
    assert constructor("translearn.methods.dann.Nothing") == {}
    assert constructor("os.path.join") == {} and constructor("nowhere.at.All") == {}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("dann", "method=dann"), ("print_hand", "data=print_hand"), ("lenet", "backbone=lenet"),
        ("lr=0.1", "run.lr"), ("batch_size=3", "run.batch_size"), ("strength=1", "method.strength"),
    ],
)  # fmt: skip
def test_a_name_without_its_group_is_found(word, meant):
    with pytest.raises(ConfigError, match=f"do you mean .*{meant}"):
        compose_jobs([word])


def test_nothing_is_left_behind(tl_run, tmp_path):
    for word in ("seed=abc", "method.strength=abc", "seed=1,2"):
        done = tl_run(word)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) <= 3
    assert not list(tmp_path.iterdir())
