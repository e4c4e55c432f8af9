"""The precision and the threads that a run takes where its options leave them open."""

import signal

import pytest
import torch
from runs import config_of, train
from torch import nn

from translearn import runtime as runtimes
from translearn.backbones.digits import LeNet, Wide
from translearn.config import Precision, RunConfig
from translearn.engine import workload
from translearn.engine.build import build_method, build_run
from translearn.engine.workload import (
    against_bf16,
    default_threads,
    multiply_adds,
    scoring_batch,
    suited,
)
from translearn.processor import Bf16
from translearn.runtime import Runtime, chosen_precision
from translearn.system.signals import Stop

CPU = torch.device("cpu")
DIGITS = (3, 28, 28)
CLASSES = {"source": ["a", "b"], "target": ["a", "b"]}


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    """Pretends four cores, and puts back what a run changes in this process."""
    before = torch.get_num_threads()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(runtimes, "available_cores", lambda: 4)
    yield
    torch.set_num_threads(before)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def method_of(*overrides, shape=DIGITS):
    config = config_of("method=source_only", *overrides)
    return build_method(config, CLASSES, shape), RunConfig.of(config["run"])


def on_cpu(world=1, bf16=False):
    return Runtime(CPU, 0, world, bf16, 1, "as given")


def test_multiply_adds_are_those_of_the_definition():
    first, second = 32 * (3 * 5 * 5) * 24 * 24, 48 * (32 * 5 * 5) * 8 * 8  # no padding; pooled once
    assert multiply_adds(LeNet(DIGITS), DIGITS) == first + second
    assert multiply_adds(nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 2)), (5,)) == 49


def test_counting_leaves_the_net_as_it_was():
    net = Wide(DIGITS).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    multiply_adds(net, DIGITS)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(layer._forward_hooks for layer in net.modules())


@pytest.mark.parametrize(
    ("overrides", "shape", "threads"),
    [
        (["data=digits_photos"], DIGITS, 1),
        (["data=mnist_mnistm"], DIGITS, 1),
        (["backbone=lenet", "run.batch_size=64"], DIGITS, 1),
        (["backbone=resnet18", "run.batch_size=4"], (3, 224, 224), 4),
        (["backbone=resnet18", "run.batch_size=1"], (3, 224, 224), 1),
    ],
)
def test_several_threads_are_for_large_nets(overrides, shape, threads):
    method, run = method_of(*overrides, shape=shape)
    assert default_threads(on_cpu(), run, method, shape) == threads


def test_ranks_share_cores_and_batch():
    method, run = method_of("backbone=resnet18", "run.batch_size=4")
    shape = (3, 224, 224)
    assert default_threads(on_cpu(world=2), run, method, shape) == 2
    assert default_threads(on_cpu(world=4), run, method, shape) == 1


def test_threads_that_are_asked_for_are_taken():
    method, run = method_of("run.threads=3")
    assert suited(on_cpu(), run, method, DIGITS).threads == 3
    assert torch.get_num_threads() == 3


def test_depthwise_convolutions_stay_in_fp32_unless_bf16_is_asked_for():
    method, run = method_of("backbone=torchvision", "backbone.name=mobilenet_v2", shape=(3, 64, 64))
    found = suited(on_cpu(bf16=True), run, method, (3, 64, 64))
    assert found.precision == "fp32"
    assert "depthwise" in found.precision_reason
    run.precision = Precision.bf16
    assert suited(on_cpu(bf16=True), run, method, (3, 64, 64)).precision == "bf16"
    plain, run = method_of()
    assert suited(on_cpu(bf16=True), run, plain, DIGITS).precision_reason == "as given"


@pytest.mark.parametrize(
    ("overrides", "shape", "precision"),
    [
        (["data=mnist_mnistm"], DIGITS, "fp32"),
        (["run.precision=bf16"], DIGITS, "bf16"),
        (["backbone=resnet18", "run.batch_size=4"], (3, 224, 224), "bf16"),
    ],
)
def test_a_gpu_takes_small_nets_in_fp32(overrides, shape, precision):
    method, run = method_of(*overrides, shape=shape)
    gpu = Runtime(torch.device("cuda"), 0, 1, True, 1, "as given")
    found = suited(gpu, run, method, shape)
    assert found.precision == precision
    assert (found.precision_reason == "as given") is (precision == "bf16")


def test_depthwise_convolutions_are_fast_on_a_gpu():
    net = nn.Conv2d(4, 4, 3, groups=4)
    assert against_bf16(net, torch.device("cuda"), large=True) == ""
    assert "depthwise" in against_bf16(net, CPU, large=True)


@pytest.mark.parametrize("fast", [True, False])
def test_auto_takes_what_the_processor_does_well(monkeypatch, fast):
    monkeypatch.setattr(runtimes, "bf16_of", lambda: Bf16(fast, True, "a reason"))
    assert chosen_precision(Precision.auto, CPU) == (fast, "a reason")
    assert chosen_precision(Precision.bf16, CPU) == (True, "run.precision=bf16")
    assert chosen_precision(Precision.fp32, CPU) == (False, "run.precision=fp32")


def test_a_run_says_what_it_computes_in_and_records_why(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(runtimes, "bf16_of", lambda: Bf16(False, False, "no reason to"))
    caplog.set_level("INFO")
    result = train(tmp_path, config=config_of("run=smoke", "run.device=cpu", "run.figures=false"))
    assert caplog.messages[0] == "cpu, fp32 (no reason to), 1 thread"
    assert result["precision"] == "fp32"
    assert result["precision_reason"] == "no reason to"
    assert result["environment"]["threads"] == 1


def test_a_continued_run_keeps_its_threads(tmp_path, monkeypatch):
    config = config_of("run=smoke", "run.device=cpu", "run.precision=fp32", "run.figures=false")
    monkeypatch.setattr(workload, "LARGE", 1)
    assert train(tmp_path, config=config)["environment"]["threads"] == 4
    monkeypatch.setattr(workload, "LARGE", 10**18)
    job = build_run(config, tmp_path, Stop())
    assert job.runtime.threads == 4


def test_ranks_are_named_once():
    text = Runtime(CPU, 0, 2, False, 3, "why").summary
    assert text == "cpu, fp32 (why), 3 threads in each of 2 ranks"


def test_what_is_scored_at_once_follows_from_the_size_of_a_sample_alone():
    run = config_of("method=source_only")["run"]
    settings = RunConfig.of(run)
    cuda = torch.device("cuda")
    for shape, here, there in (
        ((1, 28, 28), 512, 4096), ((3, 32, 32), 512, 4096), ((3, 160, 160), 32, 2048),
        ((3, 224, 224), 16, 1024), ((3, 448, 448), 8, 256), ((800,), 512, 4096),
    ):  # fmt: skip
        assert scoring_batch(settings, [shape, (1, 28, 28)], CPU) == here
        assert scoring_batch(settings, [shape], cuda) == there
    assert scoring_batch(RunConfig.of({**run, "eval_batch_size": 7}), [(3, 224, 224)], CPU) == 7
