"""Parts of methods: small classes with options and a yaml of their own."""

import ast
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from runs import METHODS, config_of, variants_of

import translearn
from translearn.components import check
from translearn.config import conf_dir
from translearn.engine.checks import METHOD_PARTS
from translearn.errors import ConfigError
from translearn.launch.arguments import refuse_older_forms
from translearn.launch.help import help_text, parts
from translearn.methods.base import Method
from translearn.renamed import moved, present
from translearn.renamed.names import RENAMED

CONF = Path(conf_dir()) / "method"
GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir())
MOST_ARGUMENTS, MOST_LINES = 10, 250


def constructors():
    for path in Path(translearn.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                for function in node.body:
                    if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                        given = function.args
                        names = [*given.posonlyargs, *given.args, *given.kwonlyargs][1:]
                        yield node.name, len(names)


def test_no_constructor_takes_more_than_ten_arguments():
    found = dict(constructors())
    assert len(found) > 50
    assert not {name for name, count in found.items() if count > MOST_ARGUMENTS}


def test_modules_of_methods_are_short():
    for path in (Path(translearn.__file__).parent / "methods").rglob("*.py"):
        assert len(path.read_text().splitlines()) < MOST_LINES, path


@pytest.mark.parametrize("group", GROUPS)
def test_every_choice_of_a_part_is_a_default_or_a_variant_of_some_method(group):
    tried = set()
    for method in METHODS:
        for overrides in variants_of(method):
            tried |= {o.partition("=")[2] for o in overrides if o.startswith(f"method/{group}=")}
        for default in OmegaConf.load(CONF / f"{method}.yaml").defaults:
            if OmegaConf.is_dict(default) and isinstance(default.get(group), str):
                tried.add(default[group])
    assert {path.stem for path in (CONF / group).glob("*.yaml")} <= tried


def test_help_lists_every_part_with_a_line():
    text = help_text()
    assert sorted(parts("method")) == [f"method/{group}" for group in GROUPS]
    for group in GROUPS:
        methods = parts("method")[f"method/{group}"]
        assert methods and f"method/{group}=   (of {', '.join(methods)})" in text
        for path in (CONF / group).glob("*.yaml"):
            about = path.read_text().partition("# about: ")[2].splitlines()[0]
            assert f"  {path.stem:<21} {about}\n" in text


def test_one_word_and_a_list_both_choose():
    one = config_of("method=finetune", "method/closeness=output")["method"]["closeness"]
    two = config_of("method=finetune", "method/closeness=[output,bss]",
                    "method.closeness.bss.weight=2")["method"]["closeness"]  # fmt: skip
    assert list(one) == ["output"] and list(two) == ["output", "bss"]
    assert two["bss"]["weight"] == 2 and two["output"] == one["output"]


def test_another_method_leaves_no_part_behind():
    assert "variant" not in config_of("method=dann")["method"]
    experiment = config_of("experiment=awa2_ale", "method/variant=sae")["method"]
    assert experiment["variant"]["name"] == "sae"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"featur_weight": 1}, r"method\.variant\.featur_weight .*mean method\.variant\.feature_w"),
        ({"descriptions": 1}, r"method\.variant\.descriptions does not exist"),
        ({"_target_": "translearn.methods.parts.pretext.Rotation"}, "is not a Variant"),
    ],
)
def test_options_of_a_part_are_checked(change, message):
    method = config_of("method=zeroshot", "method/variant=eszsl")["method"]
    check("method", method, Method, METHOD_PARTS)
    method["variant"] |= change
    with pytest.raises(ConfigError, match=message):
        check("method", method, Method, METHOD_PARTS)


def test_a_plain_value_is_no_part():
    method = config_of("method=zeroshot")["method"] | {"variant": "eszsl"}
    with pytest.raises(ConfigError, match="choose by method/variant=<name>"):
        check("method", method, Method, METHOD_PARTS)


@pytest.mark.parametrize("method", RENAMED.choices)
def test_the_old_form_is_answered_with_the_new_line(method):
    old = {f"method.{key}": moved(method, f"method.{key}", "1") for key in RENAMED.keys[method]}
    old |= {f"method.{key}": f"method/{key}=1" for key in RENAMED.choices[method]}
    with pytest.raises(ConfigError) as error:
        refuse_older_forms([f"method={method}", *(f"{key}=1" for key in old)])
    lines = str(error.value).splitlines()
    assert sorted(lines) == sorted(f"{k}=1 has moved: write {new}" for k, new in old.items())


@pytest.mark.parametrize("method", RENAMED.choices)
def test_where_an_option_moved_to_it_exists(method):
    config = config_of(f"method={method}")["method"]
    for new in RENAMED.keys[method].values():
        group, *middle, option = new.split(".")
        files = [CONF / group / f"{name}.yaml" for name in middle] or (CONF / group).glob("*.yaml")
        known = {key for path in files for key in OmegaConf.load(path)} if group in GROUPS else (
            set(config[group]))  # fmt: skip
        assert option in known, new


def test_a_stored_method_has_its_options_in_its_part():
    old = {"name": "zeroshot", "variant": "sae", "sae_weight": 3.0, "sae_direction": "features",
           "feature_weight": 2.0, "head": None, "loss": "ale"}  # fmt: skip
    new = present({"method": old})["method"]
    assert new["variant"]["weight"] == 3.0 and new["variant"]["direction"] == "features"
    assert set(new) == {"name", "variant", "head"}
    assert present({"method": new})["method"] == new
    none = present({"method": {"name": "finetune", "closeness": [], "gradual": 0.5}})["method"]
    assert none["closeness"] == {} and none["layers"]["gradual"] == 0.5
