"""Aligned features and solved classifiers, against slow references and scikit-learn."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm, subspace_angles
from sklearn.decomposition import PCA
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from translearn.backbones.identity import Identity
from translearn.data.access import Access, LabelledSet, TrainView, UnlabelledSet
from translearn.errors import ConfigError
from translearn.methods.base import Phase, quadrant
from translearn.methods.closed_form import ClosedForm
from translearn.methods.parts.alignment import Alignment, Coral, Subspace
from translearn.methods.parts.classifiers import PENALTIES, Nearest, Softmax, Svm

TASKS = {"source": ("a", "b", "c"), "target": ("a", "b", "c")}


def two_domains(count=200, width=6):
    """Two clouds with their own means and covariances."""
    draws = torch.Generator().manual_seed(0)
    mixes = torch.randn(2, width, width, generator=draws)
    points = torch.randn(2, count, width, generator=draws)
    return points[0] @ mixes[0] + 3, points[1][: count // 2] @ mixes[1] - 1


def test_coral_is_the_paper_s_product_of_roots():
    source, target = two_domains()
    align = Coral(6)
    align.fit(source, target)
    covariances = [np.cov(x.double().numpy(), rowvar=False) + np.eye(6) for x in (source, target)]
    expected = np.linalg.inv(sqrtm(covariances[0])) @ sqrtm(covariances[1])
    centered = source.double().numpy() - source.double().numpy().mean(axis=0)
    expected = centered @ expected + target.double().numpy().mean(axis=0)
    assert np.allclose(align(source, "source").numpy(), expected, atol=1e-4)
    assert torch.equal(align(target, "target"), target)


def test_without_a_regulariser_to_speak_of_the_source_has_the_target_s_moments():
    source, target = two_domains()
    align = Coral(6, regulariser=1e-9)
    align.fit(source, target)
    mapped = align(source, "source").double()
    scale = target.double().T.cov().abs().max()
    assert torch.allclose(mapped.T.cov(), target.double().T.cov(), atol=1e-4 * float(scale))
    assert torch.allclose(mapped.mean(dim=0), target.double().mean(dim=0), atol=1e-4)


def test_fewer_samples_than_numbers_are_enough_for_coral():
    source, target = two_domains()
    align = Coral(6)
    align.fit(source[:3], target[:1])
    assert torch.isfinite(align(source, "source")).all()


def test_subspaces_are_scikit_learn_s_components_turned():
    source, target = two_domains()
    align = Subspace(6, components=3)
    align.fit(source, target)
    bases = [PCA(3).fit(x.double().numpy()).components_.T for x in (source, target)]
    found = align.get_buffer("target_map").double().numpy()
    assert np.allclose(subspace_angles(found, bases[1]), 0, atol=1e-5)
    turned = bases[0] @ bases[0].T @ found
    centered = source.double().numpy() - source.double().numpy().mean(axis=0)
    assert np.allclose(align(source, "source").numpy(), centered @ turned, atol=1e-4)
    assert align(target, "target").shape == (100, 3)


@pytest.mark.parametrize(("components", "count"), [(7, 200), (3, 3)])
def test_more_components_than_there_can_be_are_refused(components, count):
    source, target = two_domains()
    with pytest.raises(ConfigError, match=r"method.align.components"):
        Subspace(6, components=components).fit(source[:count], target)


def labelled(count=90, width=5):
    draws = np.random.default_rng(0)
    y = np.arange(count) % 3
    return draws.normal(size=(count, width)) + 2 * y[:, None], y


def machine(penalty):
    return LinearSVC(C=penalty, random_state=0, max_iter=5000)


@pytest.mark.parametrize("penalty", [None, 0.5])
def test_the_machine_is_scikit_learn_s(penalty):
    x, y = labelled()
    head = Svm(5, 3, penalty=penalty)
    head.solve(torch.from_numpy(x).float(), torch.from_numpy(y))
    unit = x / np.sqrt((x**2).sum(axis=1).mean())
    if penalty is None:  # the one standard error rule by hand
        folds = {c: cross_val_score(machine(c), unit, y, cv=5) for c in PENALTIES}
        best = max(folds.values(), key=np.mean)
        least = best.mean() - best.std(ddof=1) / 5**0.5
        penalty = next(c for c in PENALTIES if folds[c].mean() >= least)
    expected = machine(penalty).fit(unit, y).decision_function(unit)
    assert np.allclose(head(torch.from_numpy(x).float()).detach().numpy(), expected, atol=1e-4)


def test_a_class_of_one_sample_can_be_learned_from():
    x, y = labelled()
    head = Svm(5, 3)
    head.solve(torch.from_numpy(x[:4]).float(), torch.tensor([0, 0, 1, 1]))
    head.solve(torch.from_numpy(x[:3]).float(), torch.from_numpy(y[:3]))
    assert torch.isfinite(head(torch.from_numpy(x).float())).all()


@pytest.mark.parametrize("neighbours", [1, 5, 1000])
def test_the_nearest_samples_vote_as_scikit_learn_s(neighbours):
    x, y = labelled()
    head = Nearest(5, 3, neighbours=neighbours)
    head.solve(torch.from_numpy(x).float(), torch.from_numpy(y))
    asked = torch.from_numpy(np.random.default_rng(1).normal(size=(40, 5)) * 3).float()
    reference = KNeighborsClassifier(min(neighbours, len(x))).fit(x, y)
    assert np.allclose(head(asked).numpy(), reference.predict_proba(asked.numpy()))


def test_nearest_samples_come_back_from_a_file_of_weights():
    x, y = labelled()
    head, empty = Nearest(5, 3), Nearest(5, 3)
    head.solve(torch.from_numpy(x).float(), torch.from_numpy(y))
    empty.load_state_dict(head.state_dict())
    assert torch.equal(empty(head.points), head(head.points))
    with pytest.raises(RuntimeError, match="size mismatch"):
        Nearest(4, 3).load_state_dict(head.state_dict())


def solved(**options):
    source, target = two_domains()
    method = ClosedForm(Identity((6,)), TASKS, input_shape=(6,), **options)
    labels = torch.arange(len(source)) % 3
    taught = LabelledSet(target[:9], torch.arange(9) % 3)
    sets = {"source": LabelledSet(source, labels), "target": UnlabelledSet(target)}
    hidden = None
    if method.access.target_labels:
        sets["target"], hidden = taught, {"target": UnlabelledSet(target[9:])}
    view = TrainView(sets, hidden, lambda task, x, module: module(x))
    method.enter(Phase("solve"), view)
    return method, source, target, labels


def test_the_classifier_learns_from_the_aligned_source():
    method, source, target, labels = solved(classifier=Nearest)
    align = Coral(6)
    align.fit(source, target)
    aligned = align(source, "source")
    assert torch.equal(method.represent(source, "source"), aligned)
    reference = KNeighborsClassifier(1).fit(aligned.numpy(), labels.numpy())
    assert torch.equal(
        method.predict(target, "target").argmax(dim=1),
        torch.from_numpy(reference.predict(target.numpy())),
    )


def test_with_a_few_target_labels_it_is_another_quadrant_and_learns_from_both():
    method, source, target, _ = solved(classifier=Nearest, use_target_labels=True)
    assert method.access == Access(source_labels=True, target_labels=True)
    assert quadrant(method) == "source_labelled+target_labelled"
    assert len(method.classifier.points) == len(source) + 9
    assert torch.equal(method.predict(target[:9], "target").argmax(dim=1), torch.arange(9) % 3)


def test_nothing_aligned_is_the_source_s_classifier_alone():
    method, source, _, labels = solved(align=Alignment, classifier=Nearest)
    assert torch.equal(method.predict(source, "source").argmax(dim=1), labels)


def test_a_classifier_that_takes_steps_is_refused():
    with pytest.raises(ConfigError, match="learns by steps"):
        ClosedForm(Identity((6,)), TASKS, classifier=Softmax, input_shape=(6,))
