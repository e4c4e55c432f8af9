"""Runs inside the test process, composed from the real conf folder."""

import json
import signal
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from safetensors.torch import load_file

from translearn.config import conf_dir, plain
from translearn.work import work

METHODS = sorted(path.stem for path in (Path(conf_dir()) / "method").glob("*.yaml"))
DATA = sorted(path.stem for path in (Path(conf_dir()) / "data").glob("*.yaml"))


def smoke_data(method):
    """The embedded data that a method's yaml names for its tests."""
    return OmegaConf.load(Path(conf_dir()) / "method" / f"{method}.yaml").smoke_data


def config_of(*overrides):
    """The config of one run as a plain dict."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        return plain(compose("config", list(overrides)))


def train(folder, *overrides, config=None):
    """Run on this process: one thread, fp32, the CPU. Returns the result."""
    machine = ("run.device=cpu", "run.threads=1", "run.precision=fp32")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return work(config or config_of(*machine, *overrides), folder)
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
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
