"""Losses, closed forms and combinations against slow references and known answers."""

import math

import numpy as np
import pytest
import torch
from runs import checked
from scipy.linalg import solve_sylvester
from torch.nn import functional as F

from translearn.data.types import permutation
from translearn.errors import ConfigError
from translearn.methods.zeroshot.closed_forms import Eszsl, Sae
from translearn.methods.zeroshot.conse import Conse
from translearn.methods.zeroshot.dap import DirectAttributes
from translearn.methods.zeroshot.descriptions import Descriptions
from translearn.methods.zeroshot.embedding import Embedding, compatibility_losses
from translearn.methods.zeroshot.validation import SPLITS, Validation
from translearn.methods.zeroshot.variants import strongest
from translearn.metrics.seen_unseen import SeenUnseen
from translearn.semantics.base import Semantics

SEEN, CLASSES, WIDTH, DIMENSIONS = 5, 8, 6, 4


class Given(Semantics):
    """Class vectors as they are; those of a classifier beside them."""

    def __init__(self, vectors, own):
        super().__init__(normalise="none")
        self.given, self.own = vectors, own

    def vectors(self, classes):
        return self.given

    def read(self, classes):
        return self.own


def described(vectors, seen, own=None):
    names = [f"c{number}" for number in range(len(vectors))]
    return Descriptions(Given(vectors, own), {"source": names[:seen], "target": names[seen:]})


@pytest.fixture
def drawn():
    """Class vectors, features of 40 images of the seen classes, labels."""
    generator = torch.Generator().manual_seed(1)
    vectors = torch.randn(CLASSES, DIMENSIONS, generator=generator)
    labels = torch.randint(0, SEEN, (40,), generator=generator)
    return vectors, torch.randn(40, WIDTH, generator=generator), labels


def cosines(one, other):
    return F.cosine_similarity(one[:, None], other[None], dim=2)


def hinges(row, label, margin):
    return [max(0.0, margin - row[label] + s) for c, s in enumerate(row) if c != label]


SLOW = {
    "softmax": lambda row, y, k: -float(torch.tensor(row).log_softmax(0)[y]),
    "margin": lambda row, y, k: max(hinges(row, y, k)),
    "devise": lambda row, y, k: sum(hinges(row, y, k)),
    "ale": lambda row, y, k: (
        sum(1 / i for i in range(1, n + 1)) / n * sum(hinges(row, y, k))
        if (n := sum(h > 0 for h in hinges(row, y, k)))
        else 0.0
    ),
}


@pytest.mark.parametrize("loss", SLOW)
def test_each_loss_equals_a_loop(loss, drawn):
    generator = torch.Generator().manual_seed(2)
    scores = torch.randn(40, SEEN, generator=generator)
    found = compatibility_losses(scores, drawn[2], loss, 0.7)
    slow = [
        SLOW[loss](row, y, 0.7) for row, y in zip(scores.tolist(), drawn[2].tolist(), strict=True)
    ]
    assert found.tolist() == pytest.approx(slow, abs=1e-5)
    assert min(slow) == 0 or loss == "softmax"  # some images lie beyond the margin


@pytest.mark.parametrize("loss", SLOW)
def test_classes_that_are_not_active_do_not_exist(loss, drawn):
    scores = torch.randn(6, SEEN, generator=torch.Generator().manual_seed(2), requires_grad=True)
    labels = torch.tensor([0, 1, 3, 0, 1, 3])
    active = torch.tensor([True, True, False, True, False])
    masked = compatibility_losses(scores.masked_fill(~active, -torch.inf), labels, loss, 0.5)
    places = torch.tensor([0, 1, -1, 2, -1])
    few = compatibility_losses(scores[:, active], places[labels], loss, 0.5)
    assert torch.allclose(masked, few)
    masked.sum().backward()
    assert scores.grad.isfinite().all() and (scores.grad[:, ~active] == 0).all()


def test_an_embedding_scores_by_the_product_of_both_sides(drawn):
    vectors, x, labels = drawn
    options = {"scale": 3.0}
    learned = Embedding(described(vectors, SEEN), WIDTH, dim=7, **options)
    f, g = learned.image(x), learned.described(vectors)
    assert torch.allclose(learned.scores(x), cosines(f, g), atol=1e-6)
    bilinear = Embedding(
        described(vectors, SEEN), WIDTH, dim=None, cosine=False, loss="devise", **options
    )
    layer = bilinear.image[0]
    assert torch.allclose(
        bilinear.scores(x), (x @ layer.weight.T + layer.bias) @ vectors.T, atol=1e-5
    )
    every = torch.ones(SEEN, dtype=torch.bool)
    assert learned.losses(x, labels, every).shape == (40,)
    with pytest.raises(ConfigError, match="loss=hinge must be one of"):
        checked(Embedding, described(vectors, SEEN), WIDTH, loss="hinge")


def test_direct_attributes_multiply_probabilities_over_priors():
    vectors = torch.tensor([[1.0, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1], [1, 0, 0]])
    dap = DirectAttributes(described(vectors, 3), WIDTH, ())
    x = torch.randn(9, WIDTH, generator=torch.Generator().manual_seed(0))
    p = dap.classifiers(x).sigmoid().double().detach()
    scores = dap.scores(x).detach()
    prior = [2 / 3, 2 / 3]  # of the first two; the third is the same in all seen classes
    for image in range(9):
        for c, row in enumerate(vectors.tolist()):
            product = 1.0
            for m in range(2):
                yes = float(p[image, m])
                product *= yes / prior[m] if row[m] else (1 - yes) / (1 - prior[m])
            assert float(scores[image, c]) == pytest.approx(math.log(product), abs=1e-4)
    wanted = dap.losses(x, torch.tensor([0, 1, 2] * 3), torch.ones(3, dtype=torch.bool))
    slow = F.binary_cross_entropy(
        p.float(), dap.binary[torch.tensor([0, 1, 2] * 3)], reduction="none"
    )
    assert torch.allclose(wanted, slow.mean(dim=1), atol=1e-6)


@pytest.mark.parametrize("other", [0, -1])
@pytest.mark.parametrize("strengths", [(0.1, 10.0), (1.0, 0.01)])
def test_eszsl_equals_its_formula(strengths, other, drawn):
    """The authors' validationClasses_generalscript.m has Y of 0 and 1, their text -1 and 1."""
    vectors, features, labels = drawn
    active = torch.tensor([True, False, True, True, True])
    rows = active[labels]
    options = {} if other == 0 else {"other_label": other}
    eszsl = Eszsl(described(vectors, SEEN), WIDTH, **options)
    eszsl.problem(features[rows], labels[rows], active)(strengths)
    x = F.normalize(features[rows]).double().numpy().T
    s = vectors[:SEEN][active].double().numpy().T
    names = active.nonzero().flatten().tolist()
    y = np.array([[1.0 if int(label) == c else other for c in names] for label in labels[rows]])
    gamma, lam = strengths
    left = np.linalg.inv(x @ x.T + gamma * np.eye(WIDTH))
    right = np.linalg.inv(s @ s.T + lam * np.eye(DIMENSIONS))
    v = left @ x @ y @ s.T @ right
    assert np.allclose(eszsl.weight.numpy(), v, atol=1e-5)
    expected = F.normalize(features).double().numpy() @ v @ vectors.double().numpy().T
    assert np.allclose(eszsl.scores(features).numpy(), expected, atol=1e-5)
    given = Eszsl(described(vectors, SEEN), WIDTH, feature_weight=1, class_weight=2)
    assert len(eszsl.candidates()) == 49 and given.candidates() == [(1, 2)]


@pytest.mark.parametrize("weight", [0.01, 1.0, 100.0])
def test_sae_solves_the_sylvester_equation(weight, drawn):
    vectors, features, labels = drawn
    sae = Sae(described(vectors, SEEN), WIDTH)
    sae.problem(features, labels, torch.ones(SEEN, dtype=torch.bool))((weight,))
    x, s = F.normalize(features).double().numpy().T, vectors[labels].double().numpy().T
    w = solve_sylvester(s @ s.T, weight * x @ x.T, (1 + weight) * s @ x.T)
    assert np.allclose(sae.weight.numpy().T, w, atol=1e-5)
    encoded = torch.from_numpy(w @ x).T.float()
    assert torch.allclose(sae.scores(features), cosines(encoded, vectors), atol=1e-4)
    back = Sae(described(vectors, SEEN), WIDTH, direction="features")
    back.weight.copy_(sae.weight)
    decoded = torch.from_numpy(vectors.double().numpy() @ w).float()
    assert torch.allclose(back.scores(features), cosines(features, decoded), atol=1e-4)


def test_closed_forms_recover_a_known_compatibility():
    """Features are a linear image of the class vector: unseen classes are all told apart."""
    generator = torch.Generator().manual_seed(5)
    vectors = F.normalize(torch.randn(210, 16, generator=generator))
    mixing = torch.randn(16, 40, generator=generator)

    def images(labels):
        return vectors[labels] @ mixing + 0.05 * torch.randn(len(labels), 40, generator=generator)

    labels, unseen = torch.arange(200).repeat(8), torch.arange(200, 210).repeat(5)
    known = described(vectors, 200)
    for variant in (
        Eszsl(known, 40, feature_weight=0.1, class_weight=0.1),
        Sae(known, 40, weight=1.0),
        Sae(known, 40, weight=1.0, direction="features"),
    ):
        every = torch.ones(200, dtype=torch.bool)
        variant.problem(images(labels), labels, every)(variant.candidates()[0])
        predicted = variant.scores(images(unseen))[:, 200:].argmax(dim=1) + 200
        assert (predicted == unseen).float().mean() > 0.95


@pytest.mark.parametrize("top", [1, 3, 1000])
def test_conse_equals_a_loop(top, drawn):
    vectors = drawn[0]
    own = torch.randn(6, DIMENSIONS, generator=torch.Generator().manual_seed(8))
    own[2] = torch.nan  # a class without a description is left out
    logits = torch.randn(7, 6, generator=torch.Generator().manual_seed(9))
    known = described(vectors, SEEN, own)
    conse = Conse(known, WIDTH, classifier="imagenet", top=top)
    for row, scores in zip(logits, conse.scores(logits), strict=True):
        allowed = [c for c in range(6) if c != 2]
        p = {c: float(row[c].exp()) for c in allowed}
        best = sorted(allowed, key=lambda c: -p[c])[:top]
        total = sum(p[c] for c in best)
        mean = sum((p[c] / total) * own[c] for c in best)
        assert torch.allclose(scores, F.cosine_similarity(mean[None], vectors), atol=1e-5)
    with pytest.raises(ConfigError, match="top=0 must be"):
        checked(Conse, known, WIDTH, top=0)


def test_validation_holds_classes_and_images_out():
    validation = Validation(7, 0.3, 0)
    held = sorted(permutation(7, 0)[:2].tolist())
    assert (~validation.active).nonzero().flatten().tolist() == held
    labels = torch.arange(7).repeat(50)
    fit = validation.fit_rows(labels)
    assert not fit[~validation.active[labels]].any()
    kept = float(fit[validation.active[labels]].float().mean())
    assert 0.7 < kept < 0.9
    for count, share in ((3, 0.3), (7, 0.9), (7, 0.0)):
        with pytest.raises(ConfigError, match=r"method\.validation_classes"):
            Validation(count, share, 0)


def t1_and_area(active, strengths, vectors, features, labels, fit):
    """Of ESZSL without the validation classes, class by class and image by image."""
    made = Eszsl(described(vectors, SEEN), WIDTH)
    made.describe_by(active)
    made.problem(features[fit], labels[fit], active)(strengths)
    scores, seen = made.scores(features), active.nonzero().flatten().tolist()
    unseen = (~active).nonzero().flatten().tolist()
    right = {c: [] for c in unseen}
    for row, label in zip(scores, labels.tolist(), strict=True):
        if label in right:
            right[label].append(max(unseen, key=lambda c, row=row: float(row[c])) == label)
    both = SeenUnseen.of(
        *of_classes(scores, labels, active[labels] & ~fit, seen + unseen, seen),
        *of_classes(scores, labels, ~active[labels], seen + unseen, unseen), len(seen),
    )  # fmt: skip
    return sum(sum(r) / len(r) for r in right.values()) / len(unseen), both.ausuc()


def of_classes(scores, labels, rows, columns, classes):
    own = torch.tensor([classes.index(label) for label in labels[rows].tolist()])
    return scores[rows][:, columns], own


@pytest.mark.parametrize("several", [True, False])
def test_strengths_are_those_of_the_best_t1_over_splits(several, drawn):
    vectors, features, labels = drawn
    features = features + torch.randn(features.shape, generator=torch.Generator().manual_seed(1))
    validation = Validation(SEEN, 0.4, 0)
    splits = validation.splits if several else validation.splits[:1]
    assert len(validation.splits) == SPLITS and torch.equal(splits[0], validation.active)
    eszsl = Eszsl(described(vectors, SEEN), WIDTH)
    found = {}
    for strengths in eszsl.candidates():
        figures = [
            t1_and_area(a, strengths, vectors, features, labels, validation.fit_rows(labels, a))
            for a in splits
        ]
        found[strengths] = [round(sum(part), 7) for part in zip(*figures, strict=True)]
    chosen, gamma = validation.choose(eszsl, features, labels, several)
    assert found[chosen] == max(found.values())
    assert len({t1 for t1, _ in found.values()}) > 2
    assert not eszsl.weight.any()  # the solution without the validation classes is gone
    assert torch.equal(eszsl.vectors, described(vectors, SEEN).normalised_by(validation.active)[0])
    alone = Eszsl(described(vectors, SEEN), WIDTH, feature_weight=chosen[0], class_weight=chosen[1])
    alone.describe_by(validation.active)
    assert validation.choose(alone, features, labels, several) == (chosen, gamma)


def test_the_strongest_attributes_come_first():
    values = torch.tensor([[0.1, 0.9, 0.5], [3.0, 1.0, 2.0]])
    assert list(strongest(values, ("a", "b", "c"), 2)) == ["b c", "a c"]
