"""Multitask learning part by part, and whole runs in this process."""

import pytest
import torch
from runs import train
from torch.nn import functional as F

from translearn.backbones.digits import LeNet, Wide
from translearn.data.access import Labelled
from translearn.data.arrangements.tasks import SeveralTasks
from translearn.errors import ConfigError
from translearn.methods.base import Budget
from translearn.methods.multitask import AveragePool, Multitask
from translearn.methods.parts.sampling import Proportional, Temperature, Uniform, share_out
from translearn.methods.parts.weighting import PCGrad
from translearn.runtime import stable_seed

SHAPE = (3, 28, 28)
TASKS = {"source": ("a", "b"), "target": ("a", "b", "c"), "sound": ("d", "e")}
SHAPES = {"source": SHAPE, "target": SHAPE, "sound": (1, 40, 12)}


def method(backbone=Wide, **options):
    torch.manual_seed(0)
    return Multitask(backbone(SHAPE), TASKS, SHAPE, SHAPES, **options)


def batch(size=4):
    torch.manual_seed(1)
    index = torch.arange(size)
    return {t: Labelled(torch.randn(size, *SHAPES[t]), index % 2, index) for t in TASKS}


def test_terms_are_the_cross_entropies_of_the_tasks():
    built = method(LeNet).train()
    terms = built("train", batch(), 0.0)
    assert list(terms) == ["label_source", "label_target", "label_sound"]
    for task, images in batch().items():
        logits = built.heads[task](built.backbone(built.stem(images.x, task)))
        assert logits.shape == (4, len(TASKS[task]))
        assert torch.allclose(terms[f"label_{task}"], F.cross_entropy(logits, images.y))


def test_only_a_task_of_another_shape_has_a_stem_and_all_train_the_trunk():
    built = method(LeNet)
    assert list(built.stems) == ["1x40x12"]
    for task in TASKS:
        built.zero_grad()
        built("train", batch(), 0.0)[f"label_{task}"].backward()
        touched = {name.split(".")[0] for name, p in built.named_parameters() if p.grad is not None
                   and p.grad.abs().sum() > 0}  # fmt: skip
        assert touched == ({"backbone", "heads", "stems"} if task == "sound" else
                           {"backbone", "heads"})  # fmt: skip


def test_tasks_of_one_shape_share_their_stem():
    built = Multitask(LeNet(SHAPE), TASKS, SHAPE, {**SHAPES, "source": (1, 40, 12)})
    assert len(built.stems) == 1 and set(built.stem_of) == {"source", "sound"}


def test_tasks_with_the_same_classes_share_a_head_and_the_others_do_not():
    built = method(LeNet, shared_head="auto")
    assert list(built.heads) == ["source", "target", "sound"]
    with pytest.raises(ConfigError, match=r"method\.shared_head=auto"):
        method(shared_head=True)
    tasks = {**TASKS, "target": TASKS["source"]}
    built = Multitask(LeNet(SHAPE), tasks, SHAPE, SHAPES, shared_head="auto")
    assert list(built.heads) == ["source", "sound"]
    x = batch()["source"].x
    assert torch.equal(built.predict(x, "source"), built.predict(x, "target"))
    assert list(Multitask(LeNet(SHAPE), tasks, SHAPE, SHAPES).heads) == list(tasks)


def test_pcgrad_takes_the_conflicts_out_of_stems_and_heads_of_several_tasks():
    """Algorithm 1 on all that two tasks or more train: here two tasks of three share a stem."""
    torch.manual_seed(0)
    tasks = {**TASKS, "target": TASKS["source"]}
    shapes = {"source": (1, 40, 12), "target": (1, 40, 12), "sound": SHAPE}
    built = Multitask(
        LeNet(SHAPE), tasks, SHAPE, shapes, weighting=PCGrad, task_batch_norm=False,
        shared_head="auto",
    ).eval()  # fmt: skip
    index = torch.arange(6)
    images = {t: Labelled(torch.randn(6, *shapes[t]), index % 2, index) for t in tasks}
    shared = list(built.shared())
    names = {id(p) for part in (built.stems, built.backbone, built.heads["source"])
             for p in part.parameters()}  # fmt: skip
    assert {id(p) for p in shared} == names
    terms = built("train", images, 0.25)
    plain = [
        torch.cat([
            (torch.zeros_like(p) if g is None else g).flatten()
            for p, g in zip(shared, torch.autograd.grad(
                term, shared, retain_graph=True, allow_unused=True), strict=True)
        ])
        for term in terms.values()
    ]  # fmt: skip
    order = torch.Generator().manual_seed(stable_seed("pcgrad", 0.25))
    expected = torch.zeros_like(plain[0])
    for i in range(3):
        g = plain[i].clone()
        for j in torch.randperm(3, generator=order).tolist():
            if j != i and float(g @ plain[j]) < 0:
                g -= (g @ plain[j]) / (plain[j] @ plain[j]) * plain[j]
        expected += g
    built.backward(terms, lambda tensors: None)
    found = torch.cat([p.grad.flatten() for p in shared])
    assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(found, sum(plain), atol=1e-5)  # there are conflicts


def test_batch_norm_statistics_are_kept_per_task():
    built = method().train()
    built("train", batch(), 0.0)
    state = built.state_dict()
    means = [v for k, v in state.items() if k.startswith("backbone.layers.conv1.")
             and k.endswith("_mean")]  # fmt: skip
    assert len(means) == 3
    assert not torch.equal(means[0], means[1])
    plain = method(task_batch_norm=False).state_dict()
    assert "backbone.layers.conv1.2.running_mean" in plain


def test_average_pool_is_pytorchs_adaptive_one():
    x = torch.randn(2, 3, 40, 13)
    expected = F.adaptive_avg_pool2d(x, (28, 30))
    assert torch.allclose(AveragePool((40, 13), (28, 30))(x), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("total", "weights", "multiple", "expected"),
    [
        (24, [1, 1, 1], 1, [8, 8, 8]),
        (24, [6, 1, 1], 1, [18, 3, 3]),
        (24, [1000, 1, 1], 1, [22, 1, 1]),
        (24, [6, 1, 1], 2, [18, 4, 2]),
        (3, [9, 1, 1], 1, [1, 1, 1]),
    ],
)
def test_share_out(total, weights, multiple, expected):
    assert share_out(total, weights, multiple) == expected


@pytest.mark.parametrize(
    ("sampling", "expected", "steps"),
    [(Uniform, [32, 32, 32], 100), (Proportional, [80, 8, 8], 40), (Temperature, [59, 19, 18], 54)],
)
def test_sampling(sampling, expected, steps):
    """However large the source's part of a step, it draws the budget of the table's other rows."""
    sizes = {"source": 1000, "target": 100, "sound": 100}
    budget = Budget(3200, {"train": 32}, None, sizes)
    (phase,) = method(sampling=sampling).phases(budget)
    assert [stream.batch_size for stream in phase.streams.values()] == expected
    assert phase.steps == steps and list(phase.streams) == list(TASKS)
    assert 3200 - expected[0] < steps * expected[0] <= 3200


def test_tasks_have_names_that_metrics_can_carry():
    with pytest.raises(ConfigError, match="a name for each"):
        SeveralTasks("", ["mnist", "usps"], ["source"])
    with pytest.raises(ConfigError, match="cannot name a task"):
        SeveralTasks("", ["mnist", "usps"], ["source", "a/b"])
    with pytest.raises(ConfigError, match="did you mean usps"):
        SeveralTasks("", ["mnist", "uspss"])
    with pytest.raises(ConfigError, match="a task called target"):
        SeveralTasks("", ["mnist", "usps"], target_labels_per_class=3)


OPTIONS = ("method=multitask", "data=digits_parity", "run=smoke", "run.max_steps=8")


def test_three_tasks_are_trained_and_tested(tmp_path):
    result = train(tmp_path, *OPTIONS, "data.target_labels_per_class=2")
    assert result["samples"] == 8 * 3 * 8
    assert {f"{task}/test/accuracy" for task in ("source", "target", "parity")} <= set(
        result["metrics"]
    )
    assert result["headline"] == "target/test/accuracy"
    assert list(result["per_class"]["parity"]) == ["even", "odd"]
