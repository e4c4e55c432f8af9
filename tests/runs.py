"""Runs inside the test process, composed from the real conf folder."""

import atexit
import copy
import functools
import inspect
import json
import os
import signal
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from omegaconf import OmegaConf
from safetensors.torch import load_file
from surroundings import HANG

from translearn.components import resolve_class, with_lists
from translearn.config import conf_dir, plain
from translearn.engine.run import run_here
from translearn.methods.base import Method

METHODS = sorted(path.stem for path in (Path(conf_dir()) / "method").glob("*.yaml"))
MACHINE = ("run.device=cpu", "run.threads=1", "run.precision=fp32", "run.figures=false")
USE_TARGET = "method.use_target_labels=true"
DATA = sorted(path.stem for path in (Path(conf_dir()) / "data").glob("*.yaml"))


@functools.cache
def method_yaml(method):
    """A method's own yaml, as it stands."""
    return OmegaConf.load(Path(conf_dir()) / "method" / f"{method}.yaml")


def smoke_data(method):
    """The embedded data that a method's yaml names for its tests."""
    return method_yaml(method).smoke_data


def config_of(*overrides):
    """The config of one run as a plain dict, the caller's own."""
    return copy.deepcopy(_composed(overrides, os.environ.get("TRANSLEARN_DATA")))


@functools.cache
def _composed(overrides, data_root):
    """The config of these overrides, which also reads ``data_root`` from the environment.

    Hydra composes each choice of files once, and values are set after it: that is Hydra's own
    order, and ten times as fast as composing them all.
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    values = [o for o in parsed if o.type is OverrideType.CHANGE and is_value(o.key_or_group)]
    files = [o.input_line for o in parsed if o not in values]
    config = copy.deepcopy(_chosen(tuple(files), data_root))
    for override in values:
        OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
    return plain(config)


def is_value(key):
    """Whether an override sets a value, instead of choosing files or telling Hydra something."""
    return ("." in key or key == "seed") and not key.startswith("hydra.")


@functools.cache
def _chosen(choices, data_root):
    """The config of these choices, in Hydra's strict mode."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        return compose("config", list(choices))


def checked(found, *arguments, **options):
    """An object of a class, its options checked by their annotations as tl-run checks them."""
    given = with_lists(inspect.signature(found).parameters, options)
    return found(*arguments, **given)


def train(folder, *overrides, config=None):
    """Run on this process: one thread, fp32, the CPU. Returns the result."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return asdict(run_here(config or config_of(*MACHINE, *overrides), folder))
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def weights(folder):
    """The final weights of a run."""
    return load_file(folder / "model.safetensors")


def same_weights(first, second):
    """Whether two runs ended with the same bits."""
    one, two = weights(first), weights(second)
    assert one.keys() == two.keys()
    return all(torch.equal(one[name], two[name]) for name in one)


def log_lines(folder):
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]


def result_of(folder):
    """The content of result.json."""
    return json.loads((folder / "result.json").read_text("utf-8"))


def outcome(folder):
    """Everything of a run that must be the same: weights, metrics, the log without its times."""
    times = ("seconds", "core_seconds")
    log = [{k: v for k, v in line.items() if k not in times} for line in log_lines(folder)]
    result = result_of(folder)
    keys = ("status", "metrics", "per_class", "steps", "samples", "selected_step", "warnings")
    bits = {name: tensor.numpy().tobytes() for name, tensor in weights(folder).items()}
    return bits, log, {key: result[key] for key in keys}


def wait_for(path, process, changed_from=None):
    """Wait until a file exists, or has changed; returns its time of change."""
    end = time.monotonic() + HANG
    while not path.exists() or path.stat().st_mtime_ns == changed_from:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return path.stat().st_mtime_ns


def access_of(method, variant=()):
    """The labels that a variant of a method may see, by its class and its one option about it."""
    access = resolve_class(method_yaml(method)["_target_"], Method).access
    return replace(access, target_labels=True) if USE_TARGET in variant else access


def variants_of(method):
    """The default of a method (no override), and what its yaml names as ``variants``."""
    variants = method_yaml(method).get("variants") or ()
    return [(), *(tuple(overrides) for overrides in variants)]


def each_variant(of=METHODS):
    """A pytest parameter for each method and variant; all but the defaults are marked ``full``."""
    return [
        pytest.param(
            method, variant, id=named(method, variant), marks=pytest.mark.full if variant else ()
        )
        for method in of
        for variant in variants_of(method)
    ]


def named(method, variant=()):
    """How a method or a variant of it is called in tests and records."""
    return " ".join([method, *variant])


def smoke_options(method, variant=()):
    """The smallest run of a variant on its embedded data."""
    return (f"method={method}", f"data={smoke_data(method)}", "run=smoke", *variant)


class Once(NamedTuple):
    """A run that several tests look at; its folder is nobody's to change.

    Attributes:
        folder: of the run.
        result: what ``train`` returned.
        gradients: for each step of the optimizer, whether all it trains had a gradient.
    """

    folder: Path
    result: dict
    gradients: list


@functools.cache
def train_once(*overrides):
    """The run with these overrides, trained once by each worker of a session."""
    parent = tempfile.TemporaryDirectory(prefix="translearn-once-")
    atexit.register(parent.cleanup)
    folder, gradients, step = Path(parent.name) / "run", [], torch.optim.SGD.step

    def watched(self, *arguments):
        gradients.append(all(p.grad is not None for g in self.param_groups for p in g["params"]))
        return step(self, *arguments)

    torch.optim.SGD.step = watched
    try:
        result = train(folder, *overrides)
    finally:
        torch.optim.SGD.step = step
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return Once(folder, result, gradients)


class Killed(BaseException):
    """Stands for kill -9: nothing is saved or tidied on the way out."""


def kill_in(phase, folder, monkeypatch, *overrides, step=2):
    """Begin a run and kill it: at a step of a phase, or as it enters one without steps."""
    method = resolve_class(config_of(*overrides)["method"]["_target_"], Method)
    forward, enter, steps = method.forward, method.enter, []

    def killed(self, name, batch, progress):
        steps.append(name)
        if steps.count(phase) == step:
            raise Killed
        return forward(self, name, batch, progress)

    def killed_before(self, plan, view):
        if plan.name == phase and not plan.steps:
            raise Killed
        enter(self, plan, view)

    with monkeypatch.context() as patch:
        patch.setattr(method, "forward", killed)
        patch.setattr(method, "enter", killed_before)
        with pytest.raises(Killed):
            train(folder, *overrides)
