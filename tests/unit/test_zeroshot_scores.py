import numpy as np
import pytest
import torch

from translearn.metrics.seen_unseen import SeenUnseen, class_mean, harmonic, unseen_metrics

SEEN = 4


@pytest.fixture(scope="module")
def drawn():
    """Scores of seen and unseen images over 4 + 3 classes, class sizes uneven."""
    generator = torch.Generator().manual_seed(3)
    seen_labels = torch.tensor([0] * 9 + [1] * 3 + [2] * 5 + [3] * 2)
    unseen_labels = torch.tensor([0] * 4 + [1] * 8 + [2] * 1)
    seen = torch.randn(len(seen_labels), 7, generator=generator)
    unseen = torch.randn(len(unseen_labels), 7, generator=generator)
    seen[torch.arange(len(seen)), seen_labels] += 1.5
    unseen[torch.arange(len(unseen)), SEEN + unseen_labels] += 1.0
    return seen, seen_labels, unseen, unseen_labels


def slow(scores, labels, gamma):
    """Mean over classes of the accuracy, an image at a time."""
    right = {}
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        stacked = [s - gamma if c < SEEN else s for c, s in enumerate(row)]
        right.setdefault(label, []).append(stacked.index(max(stacked)) == label)
    return sum(sum(r) / len(r) for r in right.values()) / len(right)


@pytest.mark.parametrize("gamma", [-2.0, 0.0, 0.3, 1.1, 50.0])
def test_calibrated_stacking_equals_a_loop(drawn, gamma):
    both = SeenUnseen.of(*drawn, SEEN)
    seen, unseen = slow(drawn[0], drawn[1], gamma), slow(drawn[2], drawn[3] + SEEN, gamma)
    assert both.at(gamma)[:2] == pytest.approx((seen, unseen))
    mean = 2 * seen * unseen / (seen + unseen) if seen + unseen else 0
    assert both.at(gamma)[2] == pytest.approx(mean)


def test_the_curve_is_that_of_every_gamma_and_its_area_ausuc(drawn):
    both = SeenUnseen.of(*drawn, SEEN)
    gammas, seen, unseen = both.curve()
    for gamma, s, u in zip(gammas, seen, unseen, strict=True):
        assert (s, u) == pytest.approx(both.at(gamma)[:2])
    dense = [both.at(gamma) for gamma in np.linspace(-12, 12, 20001)]
    pairs = [
        g * h * ((m > n) + (m == n) / 2)
        for m, g in zip(both.margin[0], both.gain[0], strict=True)
        for n, h in zip(both.margin[1], both.gain[1], strict=True)
    ]  # the area under such a curve counts the pairs in the right order, as a Mann-Whitney U does
    assert both.ausuc() == pytest.approx(sum(pairs))
    assert seen[0] == pytest.approx(slow(drawn[0], drawn[1], -1e9)) and unseen[0] == 0
    assert unseen[-1] == pytest.approx(class_mean(drawn[2][:, SEEN:], drawn[3])) and seen[-1] == 0
    assert both.at(both.best_gamma())[2] == pytest.approx(max(d[2] for d in dense), abs=1e-6)


def test_a_perfect_method_has_an_area_of_one_and_needs_no_gamma():
    eye = torch.eye(7)
    both = SeenUnseen.of(eye[:4], torch.arange(4), eye[4:], torch.arange(3), SEEN)
    assert both.ausuc() == pytest.approx(1.0)
    assert both.at(0.0) == (1.0, 1.0, 1.0)
    assert abs(both.best_gamma()) < 1


def test_the_harmonic_mean_of_nothing_is_zero():
    assert harmonic(np.array([0.0, 0.5]), np.array([0.0, 0.5])).tolist() == [0.0, 0.5]


def test_classes_that_imagenet_has_are_left_out_with_their_images():
    scores = torch.tensor([[9.0, 1, 2], [0, 5, 9], [0, 1, 5], [7, 8, 1.0]])
    labels = torch.tensor([0, 1, 2, 1])
    assert unseen_metrics(scores, labels, []) == {"zsl/t1": pytest.approx((1 + 0.5 + 1) / 3)}
    known = unseen_metrics(scores, labels, [0])
    assert known["zsl/new_classes"] == 2
    # image 0 is gone, and class 0 is no answer to the others: 1 of 2 right, 1 of 1 right
    assert known["zsl/t1_new"] == pytest.approx((0.5 + 1) / 2)
    assert "zsl/t1_new" not in unseen_metrics(scores, labels, [0, 1])
