"""Terms on the target's predictions against slow references, and what learns where."""

import math

import pytest
import torch
from runs import smoke_options, train_once, weights
from torch.nn import functional as F

from translearn.backbones.digits import Wide
from translearn.data.access import Access, Labelled, Unlabelled
from translearn.methods.base import Budget, quadrant
from translearn.methods.bnm import BNM
from translearn.methods.im import InformationMaximisation
from translearn.methods.mcc import MCC, class_confusion
from translearn.methods.parts.adaptation import Outputs
from translearn.methods.parts.losses import adversarial_ramp

TASKS = {"source": ("a", "b", "c"), "target": ("a", "b", "c")}
SHAPE = (3, 28, 28)
METHODS = pytest.mark.parametrize("method", [MCC, InformationMaximisation, BNM])


def built(method, pretrained=False, **options):
    torch.manual_seed(0)
    backbone = Wide(SHAPE, width=0.25)
    backbone.pretrained = pretrained
    return method(backbone, TASKS, **options)


def batch(seed=0, size=6):
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(size, *SHAPE, generator=draws), torch.arange(size) % 3, torch.arange(size)


def term(method, logits):
    """The method's own term on a target's logits; none of these looks at the source."""
    outputs = Outputs(torch.zeros(len(logits), 2), logits)
    return method.transfer(outputs, outputs)


def slow_confusion(logits, temperature):
    """Equations 2 to 7 of the paper, one number at a time."""
    count, classes = logits.shape
    p = [[math.exp(v / temperature) for v in row] for row in logits.tolist()]
    p = [[v / sum(row) for v in row] for row in p]
    sure = [1 + math.exp(sum(v * math.log(v) for v in row)) for row in p]
    w = [count * value / sum(sure) for value in sure]
    off = 0.0
    for j in range(classes):
        mass = [sum(p[i][j] * w[i] * p[i][k] for i in range(count)) for k in range(classes)]
        off += (sum(mass) - mass[j]) / sum(mass)
    return off / classes


@pytest.mark.parametrize("temperature", [1.0, 1.5, 2.5])
def test_the_confusion_is_that_of_the_paper(temperature):
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(1)) * 3
    found = class_confusion(logits, temperature)
    assert float(found) == pytest.approx(slow_confusion(logits, temperature), rel=1e-5)


def test_sure_predictions_are_not_confused_and_flat_ones_are():
    assert float(class_confusion(50 * torch.eye(4), 1.0)) == pytest.approx(0, abs=1e-6)
    assert float(class_confusion(torch.zeros(8, 4), 1.0)) == pytest.approx(3 / 4)


def test_no_gradient_flows_through_the_weights():
    logits = torch.randn(5, 3, dtype=torch.double, requires_grad=True)
    class_confusion(logits, 1.5).backward()
    p = (logits.detach() / 1.5).softmax(dim=1)
    sure = 1 + (p * p.log()).sum(dim=1).exp()
    fixed = (len(p) * sure / sure.sum()).diag()
    again = logits.detach().clone().requires_grad_()
    q = (again / 1.5).softmax(dim=1)
    rows = F.normalize(q.T @ fixed @ q, p=1, dim=1)
    ((rows.sum() - rows.trace()) / 3).backward()
    assert torch.allclose(logits.grad, again.grad)


def test_information_is_what_is_maximised():
    method = built(InformationMaximisation, temperature=1.0)
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    p = logits.softmax(dim=1).tolist()
    each = sum(-sum(v * math.log(v) for v in row) for row in p) / 6
    mean = [sum(row[k] for row in p) / 6 for k in range(3)]
    expected = each + sum(v * math.log(v) for v in mean)
    assert float(term(method, logits)) == pytest.approx(expected, rel=1e-5)
    assert float(term(method, 60 * torch.eye(3))) == pytest.approx(-math.log(3), rel=1e-5)


def test_the_nuclear_norm_is_that_of_the_predictions():
    method = built(BNM)
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(3), dtype=torch.double)
    p = logits.softmax(dim=1)
    expected = torch.linalg.eigvalsh(p.T @ p).sqrt().sum() / 6  # by the other decomposition
    assert float(term(method, logits)) == pytest.approx(-float(expected), rel=1e-5)
    # by hand: flat predictions sqrt(B / K) / B; B sure ones, equal in number, sqrt(B K) / B
    flat, sure = torch.zeros(6, 3), 60 * torch.eye(3).repeat(2, 1)
    assert float(term(method, flat)) == pytest.approx(-math.sqrt(6 / 3) / 6, rel=1e-5)
    assert float(term(method, sure)) == pytest.approx(-math.sqrt(6 * 3) / 6, rel=1e-5)


def test_the_nuclear_norm_has_the_gradient_of_finite_differences():
    method = built(BNM)
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(4), requires_grad=True)
    term(method, logits).backward()
    for row, column in [(0, 0), (3, 2)]:
        step = torch.zeros(5, 3)
        step[row, column] = 1e-2
        with torch.no_grad():
            rise = term(method, logits + step) - term(method, logits - step)
        assert float(rise) / 2e-2 == pytest.approx(float(logits.grad[row, column]), abs=1e-4)


@METHODS
def test_the_terms_of_a_step(method):
    made = built(method, weight=0.5, domain_batch_norm=False).eval()
    (x, y, index), (target, _, _) = batch(0), batch(1)
    terms = made(
        "train", {"source": Labelled(x, y, index), "target": Unlabelled(target, index)}, 0.3
    )
    assert list(terms) == ["label_source", "target"]
    expected = F.cross_entropy(made.predict(x, "source"), y, label_smoothing=0.1)
    assert torch.allclose(terms["label_source"], expected)
    grown = 0.5 * adversarial_ramp(0.3) * term(made, made.predict(target, "target"))
    assert torch.allclose(terms["target"], grown)


@METHODS
def test_with_target_labels_it_is_in_another_quadrant(method):
    plain, few = built(method), built(method, use_target_labels=True)
    assert plain.access == Access(source_labels=True, target_labels=False)
    assert quadrant(plain) == "source_labelled+target_unlabelled"
    assert quadrant(few) == "source_labelled+target_labelled"
    (phase,) = few.phases(Budget(640, {"train": 16}))
    assert [(s.domain, s.unlabelled) for s in phase.streams.values()] == [
        ("source", False), ("target", False), ("target", True)
    ]  # fmt: skip


def test_a_backbone_that_does_not_learn_ends_as_it_began():
    still = weights(train_once(*smoke_options("mcc", ("backbone.learn=none",))).folder)
    start = weights(train_once(*smoke_options("frozen")).folder)
    of_backbone = [name for name in start if name.startswith("backbone.")]
    assert of_backbone
    assert all(torch.equal(still[name], start[name]) for name in of_backbone)
