"""Every value is checked before data is read or a folder is made."""

import importlib
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

import pytest
from runs import DATA, METHODS, config_of, smoke_options

from translearn.config import TYPES, Device, conf_dir
from translearn.errors import ConfigError
from translearn.launch.arguments import compose_jobs
from translearn.launch.values import constructor, refuse_wrong_values
from translearn.ranges import Part, Positive, Ratios, Share, Widths, fits

WRONG = {
    "seed=abc": "a whole number, at least 0",
    "seed=1.5": "a whole number, at least 0",
    "method.strength=abc": "a number",
    "method.strength=true": "a number",
    "method.strength=[1]": "a number",
    "method.strength=null": "a number",
    "method.domain_batch_norm=7": "true or false or null",
    "method.head=[a]": "a list, each item a whole number, at least 1",
    "data.val_fraction=abc": "a number",
    "data.split_seed=x": "a whole number",
    "seed=-5": "a whole number, at least 0 and at most 4294967295 or null",
    "seed=99999999999999999999": "a whole number",
    "method.strength=-1": "a number, at least 0",
    "method.strength=nan": "a number",
    "method.strength=inf": "a number",
    "method.head=[-3]": "a list, each item a whole number, at least 1",
    "data.val_fraction=1.5": "a number, at least 0 and below 1",
    "data.val_fraction=1": "a number, at least 0 and below 1",
    "data.split_seed=-3": "a whole number, at least 0",
    "data.target_labels_per_class=-1": "a whole number, at least 1",
    "backbone.width=0": "a number, at least 0.03125",
    "augment.pixel_noise=-1": "a number, at least 0",
    "views.scale=[1,0.5]": "a list .least, largest., each above 0 and at most 1",
    "run.lr=nan": "a number",
    "run.lr=-1": "a number, at least 0",
    "run.source_samples=0": "a whole number, at least 1",
    "run.batch_size=99999999999": "a whole number, at least 1 and at most 2147483647",
    "run.threads=1000000": "a whole number, at least 1 and at most 1024 or null",
    "run.gpus=1000": "a whole number, at least 1 and at most 64",
    "run.momentum=1.5": "a number, at least 0 and below 1",
    "run.warmup=2": "a number, at least 0 and at most 1",
    "run.ema=1": "a number, at least 0 and below 1",
    "method.phases.train.lr=abc": "a number",
}
OF_OTHERS = {
    "method=selfcluster method.clusters=1": "method.clusters=1 must be a whole number, at least 2",
    "method=selfcluster method.clusters=some": "one of auto",
    "method=selftaught method.pretrain_on=abc": "one of source, target, both",
    "method=finetune method.target_head=old": "one of auto, source, new",
    "data=mnist_usps data.size=0": "data.size=0 must be",
    "data=digits_attributes method=zeroshot semantics.normalise=abc": "one of none, unit",
}


@pytest.mark.parametrize("words", OF_OTHERS)
def test_a_value_of_another_component_is_told(words):
    with pytest.raises(ConfigError, match=OF_OTHERS[words]):
        refuse_wrong_values(config_of(*words.split()))


@pytest.mark.parametrize(
    "word",
    [pytest.param(w, marks=pytest.mark.full if n % 4 else ()) for n, w in enumerate(WRONG)],
)
def test_a_value_of_another_type_is_told(word):
    config = config_of("method=dann", "data=digits_photos", word)
    with pytest.raises(ConfigError, match=f"must be {WRONG[word]}") as caught:
        refuse_wrong_values(config)
    assert str(caught.value).startswith(word.split("=")[0])


@pytest.mark.parametrize("method", METHODS)
def test_what_ships_is_well(method):
    refuse_wrong_values(config_of(*smoke_options(method)))


@pytest.mark.full
@pytest.mark.parametrize("data", DATA)
def test_every_data_set_is_well(data):
    refuse_wrong_values(config_of(f"data={data}"))


@pytest.mark.parametrize(
    ("annotation", "fitting", "other"),
    [
        (int, [1], [True, 1.5, "1", None, [1]]),
        (float, [1, 0.5, 10**400], [True, "1", None, math.nan, math.inf, -math.inf]),
        (bool, [True], [1, "true", None]),
        (str, ["a", ""], [1, None, ["a"]]),
        (float | None, [None, 1], ["a"]),
        (Sequence[int], [[1, 2], [], 3], [["a"], "a", None]),
        (tuple[float, float] | None, [[0.1, 1], None], [["a"]]),
        (list[str], [["a"], "a"], [[1]]),
        (Mapping[str, int], [{"a": 1}], []),
        (Callable[..., int], [{"_target_": "x"}, "anything"], []),
        (Literal["a", "b"], ["a"], ["c", None, ["a"], {}]),
        (Device, ["cpu", Device.cuda], ["gpu", 1, None]),
        (Share, [0, 1, 0.5], [-0.1, 1.1, True, "0.5"]),
        (Part, [0, 0.99], [1, -1]),
        (Positive | None, [1e-30, None], [0, -1]),
        (Widths, [[], [3], 7], [[0], [-3], [3, 2**40], [1.5]]),
        (Ratios, [[0.5, 2]], [[2, 0.5], [0, 1], [1], [1, 2, 3], 1, None]),
    ],
)
def test_annotations_are_read(annotation, fitting, other):
    assert all(fits(value, annotation) for value in fitting)
    assert not any(fits(value, annotation) for value in other)


TARGETS = sorted({
    target for path in Path(conf_dir()).rglob("*.yaml")
    for target in re.findall(r"_target_: (\S+)", path.read_text(encoding="utf-8"))
})  # fmt: skip
GIVEN = (
    "inputs",
    "classes",
    "features",
    "hidden",
    "choices",
    "seed",
    "input_shape",
    "shape",
    "size",
)


def numbers(annotation):
    """The bare numbers in an annotation, which have no range."""
    if annotation in (int, float):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return []
    return [n for part in get_args(annotation) for n in numbers(part)]


@pytest.mark.parametrize("target", TARGETS)
def test_every_number_has_a_range(target):
    given = (*GIVEN, "width") if re.search(r"\.parts\.(clusters|spectral)\.", target) else GIVEN
    options = {name: of for name, of in constructor(target).items() if name not in given}
    assert [name for name, of in options.items() if numbers(of)] == []


def test_every_number_of_run_has_a_range():
    assert [name for name, of in TYPES.items() if numbers(of)] == []


def test_what_is_read_as_text_is_what_python_reads():
    for target in TARGETS:
        module, _, name = target.rpartition(".")
        real = inspect.signature(getattr(importlib.import_module(module), name)).parameters
        for option, annotation in constructor(target).items():
            if "Any" not in str(annotation) and option in real:
                assert annotation == real[option].annotation, (target, option)


def test_inherited_arguments_count_and_foreign_classes_are_left_alone():
    names = {
        constructor(f"translearn.data.arrangements.pair.{name}").keys() >= {"val_fraction"}
        for name in ("Pair", "SamplesPair")
    }
    assert names == {True}
    assert constructor("translearn.backbones.timm.EfficientNetLite0")["pretrained"] is bool
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


@pytest.mark.full
def test_nothing_is_left_behind(tl_run, tmp_path):
    for word in ("seed=abc", "method.strength=-1", "run.lr=nan", "seed=1,2", "+method.strenth=1"):
        done = tl_run(word)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) <= 3
    assert not list(tmp_path.iterdir())


UNFIT = {  # options of the data that do not go together
    "data=vectors data.target=t.csv": "data.source is not set",
    "data=vectors data.source=s.csv": "data.target is not set",
    "data=signals data.source=s.npz data.target=s.npz": "named twice",
    "data=folder data.source=a data.target=b data.size=32": "data.crop=224",
    "data=folder data.target=b": "data.source is not set",
    "data=other_classes data.set=nothing": "data.set=nothing",
    "data=pair data.source=mnist data.target=mnist": "mnist",
}


@pytest.mark.parametrize("options", UNFIT)
def test_options_of_the_data_that_do_not_fit_leave_no_folder(options, tl_run, tmp_path):
    refused = tl_run(*options.split(), "run.device=cpu", "hydra.run.dir=run", "run.resume=auto")
    assert refused.returncode == 2, refused.stderr
    assert UNFIT[options] in refused.stderr and len(refused.stderr.splitlines()) <= 6
    assert not list(tmp_path.iterdir())
