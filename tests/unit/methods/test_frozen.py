"""A linear head on untouched features: each classifier against scikit-learn or autograd."""

import numpy as np
import pytest
import torch
from runs import smoke_options, train, train_once, weights
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from translearn.backbones.digits import Wide
from translearn.data.access import Access, Labelled
from translearn.methods.base import quadrant
from translearn.methods.frozen import Frozen
from translearn.methods.parts.classifiers import STRENGTHS, Logistic, Ridge

TASKS = {"source": ("a", "b", "c"), "target": ("a", "b", "c")}
SHAPE = (3, 28, 28)


def points(classes=3, count=90, width=5):
    draws = np.random.default_rng(0)
    y = np.arange(count) % classes
    return draws.normal(size=(count, width)) * 3 + 2 * y[:, None] + 40, y


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(Ridge, RidgeClassifierCV(STRENGTHS)), (Logistic, LogisticRegression(C=0.01, max_iter=1000))],
)
def test_the_solved_head_is_scikit_learns_on_standardised_features(ours, theirs, classes):
    x, y = points(classes)
    head = ours(5, classes)
    head.solve(torch.from_numpy(x).float(), torch.from_numpy(y))
    scaled = StandardScaler().fit_transform(x)
    expected = theirs.fit(scaled, y).decision_function(scaled)
    scores = head(torch.from_numpy(x).float()).detach().numpy()
    found = scores[:, 1] - scores[:, 0] if classes == 2 else scores
    assert np.allclose(found, expected, atol=1e-3)


def test_a_class_without_a_sample_is_never_chosen():
    x, y = points()
    head = Ridge(5, 4)
    head.solve(torch.from_numpy(x).float(), torch.from_numpy(y + (y == 2)))
    assert set(head(torch.from_numpy(x).float()).argmax(dim=1).tolist()) <= {0, 1, 3}


def frozen(**options):
    torch.manual_seed(0)
    return Frozen(Wide(SHAPE, width=0.25), TASKS, **options)


def batch(size=6):
    x, y = torch.randn(size, *SHAPE), torch.arange(size) % 3
    return Labelled(x, y, torch.arange(size))


def test_the_loss_is_that_of_the_features_in_evaluation_mode():
    method, images = frozen(), batch()
    before = {name: value.clone() for name, value in method.backbone.state_dict().items()}
    method.train()
    (loss,) = method("train", {"source": images}, 0.0).values()
    loss.backward()
    features = method.backbone.eval()(images.x)
    assert torch.allclose(loss, F.cross_entropy(method.head(features), images.y))
    assert all(p.grad is None for p in method.backbone.parameters())
    assert all(torch.equal(v, before[n]) for n, v in method.backbone.state_dict().items())


def test_access_follows_the_option():
    assert frozen().access == Access(source_labels=True, target_labels=False)
    both = frozen(use_target_labels=True)
    assert both.access == Access(source_labels=True, target_labels=True)
    assert Frozen.access == Access(source_labels=True, target_labels=False)
    assert quadrant(both) == "reference"
    terms = both("train", {"source": batch(), "target": batch(9)}, 0.0)
    assert set(terms) == {"label_source", "label_target"}


def test_features_are_computed_once_whatever_the_augmentation(tmp_path):
    """Every sample is drawn: then the steps see cached features, and no augmentation."""
    options = (*smoke_options("frozen"), "run.max_steps=20", "run.batch_size=128")
    train(tmp_path / "augmented", *options)
    train(tmp_path / "plain", *options, "augment=none")
    first, second = weights(tmp_path / "augmented"), weights(tmp_path / "plain")
    assert all(torch.equal(w, second[name]) for name, w in first.items())


def test_the_backbone_is_that_which_the_run_began_with():
    start = weights(train_once(*smoke_options("frozen")).folder)
    solved = weights(train_once(*smoke_options("frozen"), "method/classifier=ridge").folder)
    of_backbone = [name for name in start if name.startswith("backbone.")]
    assert of_backbone
    assert all(torch.equal(start[name], solved[name]) for name in of_backbone)
