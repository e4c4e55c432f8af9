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
    ("--colour", "--colour", ""),
]
AFTER_THE_IMPORTS = [
    ("run.samples=-1", "run.samples=-1", "at least 1"),
    ("data.target_labels_per_class=0", "data.target_labels_per_class=0", "choose 1 to"),
    ("+run.evaluate=[vall]", "run.evaluate", "val, test"),
]


def assert_refused(done, named, told):
    assert done.rc == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert 1 <= len(lines) <= 6, done.stderr
    assert "Traceback" not in done.stderr
    assert named in done.stderr
    assert told in done.stderr


@pytest.mark.parametrize(("argument", "named", "told"), AT_ONCE)
def test_a_wrong_option_is_named_with_the_nearest_name(argument, named, told, tl_run, tmp_path):
    assert_refused(tl_run([argument], tmp_path), named, told)
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(("argument", "named", "told"), AT_ONCE[:3])
def test_the_same_in_a_sweep(argument, named, told, tl_run, tmp_path):
    assert_refused(tl_run(["-m", argument, "seed=0,1"], tmp_path), named, told)


def test_a_wrong_choice_of_a_sweep_is_found_before_its_first_job(tl_run, tmp_path):
    done = tl_run(["-m", "method=source_only,dan"], tmp_path)
    assert_refused(done, "method=dan", "dann?")
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(("argument", "named", "told"), AFTER_THE_IMPORTS)
def test_a_value_out_of_range_is_named(argument, named, told, tl_run, tmp_path):
    assert_refused(tl_run([argument, "run=smoke", "backbone=lenet"], tmp_path), named, told)


def test_a_selection_rule_that_the_method_may_not_use_is_refused(tl_run, tmp_path):
    arguments = ["method=dann", "run.select=target_val", "run=smoke", "backbone=lenet"]
    assert_refused(tl_run(arguments, tmp_path), "run.select=target_val", "run.select=last")


def test_torchrun_is_refused(tl_run, tmp_path):
    done = tl_run(["run=smoke"], tmp_path, env={"TORCHELASTIC_RUN_ID": "x"})
    assert_refused(done, "torchrun", "run.gpus=N")
    assert not (tmp_path / "outputs").exists()
