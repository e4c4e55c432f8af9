"""Batches that do not fit into memory are refused before the first step."""

import gc

import pytest
import torch
from runs import MACHINE, config_of, train

from translearn.engine import memory
from translearn.engine.build import build_run
from translearn.engine.memory import batch_images, free_on_device, refuse_large_batches, weigh
from translearn.errors import OutOfMemoryError
from translearn.system.signals import Stop


def job_of(folder, *options):
    return build_run(config_of(*MACHINE, "run=smoke", *options), folder, Stop())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["run.batch_size=50000000"], r"a step of phase train .*\nlower run.batch_size"),
        (["method=finetune", "run.batch_size=100000000"], r"a step of phase source needs about"),
        (
            ["method=finetune", "method.phases.target.batch_size=100000000"],
            r"a step of phase target .*\nlower method.phases.target.batch_size",
        ),
    ],
)  # fmt: skip
def test_a_batch_too_large_ends_before_it_starts(tmp_path, options, told):
    with pytest.raises(OutOfMemoryError, match=told) as caught:
        train(tmp_path, "run=smoke", *options)
    assert len(str(caught.value).splitlines()) == 2 and "are free" in str(caught.value)
    assert not (tmp_path / "metrics.jsonl").exists()


def test_scoring_counts_too(tmp_path, monkeypatch):
    job = job_of(tmp_path, "run.eval_batch_size=1000000")
    monkeypatch.setattr(memory, "free_memory", lambda: 2_500_000)
    with pytest.raises(OutOfMemoryError, match=r"a batch of scoring .*\nlower run.eval_batch_size"):
        refuse_large_batches(job)


def test_what_a_step_keeps_is_measured_and_nothing_is_changed_by_it(tmp_path):
    job = job_of(tmp_path)
    (phase,) = job.method.phases(job.budget)
    before = {name: value.clone() for name, value in job.method.state_dict().items()}
    flags = [parameter.requires_grad for parameter in job.method.parameters()]
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    weight = weigh(job, phase)
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(before[n], value) for n, value in job.method.state_dict().items())
    assert flags == [parameter.requires_grad for parameter in job.method.parameters()]
    image = 4 * 28 * 28
    assert image < weight.kept < memory.MOST_KEPT * image and weight.widest > image
    assert weigh(job, None).kept == 0
    assert batch_images(job, phase) == 2 * job.run.batch_size


def held(make):
    """Bytes of tensors that are alive while the graph of what ``make`` returns is."""
    saved = {}

    def keep(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = make()
    gc.collect()
    return sum(saved.values()), out


@pytest.mark.parametrize(
    "backbone", ["narrow", *(pytest.param(b, marks=pytest.mark.full) for b in ("wide", "lenet"))]
)
def test_the_estimate_is_near_what_a_batch_keeps(tmp_path, backbone):
    job = job_of(tmp_path, f"backbone={backbone}")
    (phase,) = job.method.phases(job.budget)
    estimate = weigh(job, phase).kept
    job.method.train()
    kept, _ = held(lambda: job.method.backbone(torch.zeros(64, *job.tasks.input_shape)))
    assert estimate * 64 == pytest.approx(kept, rel=0.5)


def test_without_an_answer_of_the_system_nothing_is_refused(tmp_path, monkeypatch):
    job = job_of(tmp_path)
    assert free_on_device(job) > 2**24
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    refuse_large_batches(job)
