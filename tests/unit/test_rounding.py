"""Convolutions that a processor gets wrong in bf16 are found by trying, on any processor."""

import re
from dataclasses import replace

import pytest
import torch
from runs import config_of
from torch import nn

from translearn.backbones.conv1d import Conv1d
from translearn.backbones.digits import Wide
from translearn.config import RunConfig
from translearn.engine import rounding, workload
from translearn.engine.rounding import is_right, waves, wrong_in_bf16
from translearn.errors import ConfigError
from translearn.methods.source_only import SourceOnly
from translearn.runtime import Runtime

LAYERS = [
    nn.Conv1d(8, 16, 8, padding=4),
    nn.Conv1d(9, 64, 5, stride=2),
    nn.Conv2d(3, 16, 5, padding="same"),
    nn.Conv2d(8, 8, 3, groups=4, dilation=2),
    nn.Conv2d(12, 8, 8),
    nn.Conv2d(64, 64, 1),
]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_the_trial_finds_what_random_numbers_show(layer):
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(4, layer.in_channels, *[40] * len(layer.kernel_size), generator=draws)
    with torch.no_grad():
        exact = layer(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = layer(x).float()
    off = float((rounded - exact).abs().max() / exact.std())
    assert is_right(layer) == (off < 0.3)


@pytest.mark.parametrize("shape", [(8, 3, 8), (2, 64, 16, 16), (1, 1, 1, 1), (64, 64, 1, 1)])
def test_waves_have_no_pattern(shape):
    numbers = waves(shape)
    assert numbers.shape == shape
    assert float(numbers.abs().max()) <= 1
    if numbers.numel() > 64:
        assert abs(float(numbers.mean())) < 0.2


def source_only():
    torch.manual_seed(0)
    tasks = {"source": ["a", "b"], "target": ["a", "b"]}
    return SourceOnly(Wide((3, 28, 28), width=0.25), tasks)


@pytest.mark.parametrize("asked", ["auto", "bf16", "fp32"])
def test_a_net_that_would_be_wrong_runs_in_fp32_or_not_at_all(asked, monkeypatch):
    """The fault is put into the trial: few processors have it."""
    monkeypatch.setattr(rounding, "is_right", lambda layer: layer.kernel_size != (5, 5))
    monkeypatch.setattr(workload, "against_bf16", lambda *_: "")
    run = RunConfig.of(config_of(f"run.precision={asked}", "run.threads=1")["run"])
    start = replace(Runtime.start(run), bf16=asked != "fp32")
    if asked == "bf16":
        with pytest.raises(ConfigError, match=re.escape("kernel_size=(5, 5)")):
            workload.suited(start, run, source_only(), (3, 28, 28))
        return
    found = workload.suited(start, run, source_only(), (3, 28, 28))
    assert found.precision == "fp32"
    assert ("kernel_size=(5, 5)" in found.precision_reason) == (asked == "auto")


def test_our_own_backbones_are_tried_whole():
    for net in (Conv1d((9, 128)), Wide((3, 28, 28), width=0.25)):
        bad = wrong_in_bf16(net)
        assert bad == "" or not all(is_right(layer) for layer in net.modules() if str(layer) == bad)
