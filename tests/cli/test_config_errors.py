"""A wrong option ends with exit code 2 and a few lines that name it and the nearest name."""

import pytest

# arguments, what the message names, the nearest name or what to do
AT_ONCE = [
    ("method=dan", "method=dan", "dann"),
    ("run.lrr=1", "run.lrr", "run.lr?"),
    ("run.lr=abc", "run.lr", "abc"),
    ("run.optimizer=sdg", "run.optimizer", "sgd"),
    ("run.samples=1.5", "run.samples", "1.5"),
    ("method.zz=1", "method.zz", "there are"),
    ("method.strenght=1", "method.strenght", "method.strength?"),
    ("data=digit", "data=digit", "digits?"),
    ("backbone=wid", "backbone=wid", "wide?"),
    ("augment=colour", "augment=colour", "color?"),
    ("metod=dann", "metod", "method?"),
    ("sed=1", "sed", "seed?"),
    ("method.phases.train.lrr=1", "method.phases.train.lrr", "lr?"),
    ("data.val_fractio=0.1", "data.val_fractio", "data.val_fraction?"),
    ("run.lr", "run.lr", ""),
    ("--multi", "--multi", "--multirun?"),
    ("--colour", "--colour", "no option"),
]
AFTER_THE_IMPORTS = [
    ("data.target_labels_per_class=0", "data.target_labels_per_class=0", "choose 1 to"),
    ("run.evaluate=[vall]", "run.evaluate", "val, test"),
    ("+method.strenth=1", "method.strenth", "method.strength?"),
]


def assert_refused(done, named, told):
    assert done.returncode == 2, done.stderr
    message = done.stderr.strip()
    assert 1 <= len(message.splitlines()) <= 6, message
    assert "Traceback" not in message
    assert named in message
    assert told in message


@pytest.mark.parametrize(("argument", "named", "told"), AT_ONCE)
def test_a_wrong_option_is_named_with_the_nearest_name(argument, named, told, tl_run, tmp_path):
    assert_refused(tl_run(argument), named, told)
    assert not list(tmp_path.iterdir())


def test_a_wrong_choice_of_a_sweep_is_found_before_its_first_job(tl_run, tmp_path):
    assert_refused(tl_run("-m", "method=source_only,dan"), "method=dan", "dann?")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("argument", "named", "told"), AFTER_THE_IMPORTS)
def test_a_value_out_of_range_is_named(argument, named, told, tl_run):
    assert_refused(tl_run(argument, "run=smoke", "backbone=lenet"), named, told)
