"""Classifiers of fixed features: trained by steps, or solved by scikit-learn at once."""

import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.methods.parts.losses import full_precision
from translearn.ranges import Count, Positive

STRENGTHS = np.logspace(-3, 6, 10)  # of ridge, that leave-one-out chooses from
PENALTIES = np.array([0.01, 0.03, 0.1, 0.3, 1.0, 3.0])  # that cross-validation chooses from


class Fitted(Protocol):
    """A linear classifier of scikit-learn after ``fit``: scores are x coef_^T + intercept_."""

    coef_: np.ndarray
    intercept_: np.ndarray


class Classifier(nn.Module):
    """Features (N, D) -> scores (N, classes).

    Its constructor takes D and the number of classes, two or more, and its options by keyword.

    Attributes:
        solved: whether ``solve`` finds the weights, rather than steps.
    """

    solved: ClassVar[bool] = True

    def solve(self, features: Tensor, labels: Tensor) -> None:
        """Take what labelled features (N, D) and (N,) give at once."""
        raise NotImplementedError


class Linear(Classifier):
    """One linear layer.

    Args:
        inputs: D.
        classes: their number, two or more.

    It is solved for on features of mean 0 and deviation 1, where ``centered``; else the features
    are divided by one number alone, which makes their root mean square length 1.

    Attributes:
        centered: which of them.
    """

    centered: ClassVar[bool] = True

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Scores (N, classes)."""
        scores: Tensor = self.linear(features)
        return scores

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Fitted:
        """What scikit-learn finds on features (N, D) and labels (N,)."""
        raise NotImplementedError

    def solve(self, features: Tensor, labels: Tensor) -> None:
        """Take the weights that scikit-learn finds; classes without a sample are never chosen."""
        x, y = features.double().cpu().numpy(), labels.cpu().numpy()
        mean, scale = np.zeros(x.shape[1]), np.sqrt(np.square(x).sum(axis=1).mean()) or 1.0
        if self.centered:
            scaler = StandardScaler().fit(x)
            mean, scale = scaler.mean_, scaler.scale_
        found = self.fit((x - mean) / scale, y)
        weight, bias = np.atleast_2d(found.coef_), np.atleast_1d(found.intercept_)
        if len(weight) == 1:  # two classes: the score of the second against the first
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        weight = weight / scale
        bias = bias - weight @ mean
        with torch.no_grad():
            self.linear.weight.zero_()
            self.linear.bias.fill_(-1e4)
            present = torch.from_numpy(np.unique(y)).to(labels.device)
            self.linear.weight[present] = torch.from_numpy(weight).to(self.linear.weight)
            self.linear.bias[present] = torch.from_numpy(bias).to(self.linear.bias)


class Softmax(Linear):
    """Cross-entropy, by the steps and the optimizer of ``run``."""

    solved = False


class Ridge(Linear):
    """Least squares to -1 and 1 (``sklearn.linear_model.RidgeClassifierCV``).

    Args:
        inputs: length of a feature vector.
        classes: their number.
        strength: of the penalty; None: the one with the best leave-one-out error.
    """

    def __init__(self, inputs: int, classes: int, *, strength: Positive | None = None) -> None:
        super().__init__(inputs, classes)
        self.strengths = STRENGTHS if strength is None else np.array([float(strength)])

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Fitted:
        """By one decomposition for all strengths."""
        found: Fitted = RidgeClassifierCV(self.strengths).fit(features, labels)
        return found


class Logistic(Linear):
    """Logistic regression (``sklearn.linear_model.LogisticRegression``).

    Args:
        inputs: length of a feature vector.
        classes: their number.
        inverse_strength: scikit-learn's C.
        rounds: the most iterations of its solver.
    """

    def __init__(
        self, inputs: int, classes: int, *, inverse_strength: Positive = 0.01, rounds: Count = 1000
    ) -> None:
        super().__init__(inputs, classes)
        self.inverse_strength, self.rounds = inverse_strength, rounds

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Fitted:
        """By L-BFGS."""
        model = LogisticRegression(C=self.inverse_strength, max_iter=self.rounds)
        found: Fitted = model.fit(features, labels)
        return found


class Svm(Linear):
    """A linear support vector machine, one class against the others (``sklearn.svm.LinearSVC``).

    Args:
        inputs: length of a feature vector.
        classes: their number.
        penalty: scikit-learn's C, for features of length 1; None: of ``PENALTIES`` the smallest
            whose accuracy is within one standard error of the best, in a cross-validation of at
            most five folds on the labelled samples alone (Breiman et al. 1984, section 3.4.3).
    """

    centered = False

    def __init__(self, inputs: int, classes: int, *, penalty: Positive | None = None) -> None:
        super().__init__(inputs, classes)
        self.penalty = penalty

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Fitted:
        """By LIBLINEAR; a class of one sample leaves nothing to validate on, and C is 1."""
        model = LinearSVC(C=self.penalty or 1.0, random_state=0, max_iter=5000)
        folds = min(5, int(np.unique(labels, return_counts=True)[1].min()))
        if self.penalty is None and folds > 1:
            choose: Any = functools.partial(within_an_error, folds)
            search: Any = GridSearchCV(model, {"C": PENALTIES}, cv=folds, refit=choose)
            model = search.fit(features, labels).best_estimator_
        else:
            model.fit(features, labels)
        found: Fitted = model
        return found


def within_an_error(folds: int, results: Mapping[str, np.ndarray]) -> int:
    """The first choice whose mean accuracy over the folds is within a standard error of the best.

    Args:
        folds: of the cross-validation.
        results: as ``sklearn.model_selection.GridSearchCV.cv_results_``.
    """
    scores = np.stack([results[f"split{fold}_test_score"] for fold in range(folds)])
    means, error = scores.mean(axis=0), scores.std(axis=0, ddof=1) / np.sqrt(folds)
    best = means.argmax()
    return int(np.argmax(means >= means[best] - error[best]))


class Nearest(Classifier):
    """The votes of the nearest labelled samples, by the Euclidean distance.

    Args:
        inputs: length of a feature vector.
        classes: their number.
        neighbours: that vote.
    """

    points: Tensor
    labels: Tensor

    def __init__(self, inputs: int, classes: int, *, neighbours: Count = 1) -> None:
        super().__init__()
        self.classes, self.neighbours = classes, neighbours
        self.register_buffer("points", torch.zeros(1, inputs))
        self.register_buffer("labels", torch.zeros(1, dtype=torch.int64))
        self.register_load_state_dict_pre_hook(make_room)  # type: ignore[no-untyped-call]

    def solve(self, features: Tensor, labels: Tensor) -> None:
        """Keep them."""
        self.points, self.labels = features.float(), labels.to(features.device)

    def forward(self, features: Tensor) -> Tensor:
        """The share (N, classes) of the votes."""
        centre = self.points.mean(dim=0)
        points = self.points - centre
        with full_precision(features):  # x p - p p / 2 falls as the distance grows
            closeness = (features.float() - centre) @ points.T - points.square().sum(dim=1) / 2
        count = min(self.neighbours, len(self.points))
        nearest = closeness.topk(count, dim=1).indices
        return F.one_hot(self.labels[nearest], self.classes).float().mean(dim=1)


def make_room(classifier: nn.Module, state: dict[str, Tensor], prefix: str, *others: Any) -> None:
    """Give the buffers of ``Nearest`` as many rows as there are in what is loaded."""
    for name, buffer in classifier.named_buffers(recurse=False):
        stored = state.get(prefix + name)
        if stored is not None and stored.ndim and stored.shape[1:] == buffer.shape[1:]:
            setattr(classifier, name, buffer.new_zeros(stored.shape))
