"""Linear classifiers of fixed features: trained by steps, or solved by scikit-learn at once."""

from typing import ClassVar, Protocol

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from translearn.ranges import Count, Positive

STRENGTHS = np.logspace(-3, 6, 10)  # of ridge, that leave-one-out chooses from


class Fitted(Protocol):
    """A linear classifier of scikit-learn after ``fit``: scores are x coef_^T + intercept_."""

    coef_: np.ndarray
    intercept_: np.ndarray


class Classifier(nn.Module):
    """Features (N, D) -> scores (N, classes) by one linear layer.

    Args:
        inputs: D.
        classes: their number, two or more.

    Attributes:
        solved: whether ``solve`` finds the weights, rather than steps.
    """

    solved: ClassVar[bool] = True

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Scores (N, classes)."""
        scores: Tensor = self.linear(features)
        return scores

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Fitted:
        """What scikit-learn finds on standardised features (N, D) and labels (N,)."""
        raise NotImplementedError

    def solve(self, features: Tensor, labels: Tensor) -> None:
        """Take the weights that scikit-learn finds; classes without a sample are never chosen."""
        x, y = features.double().cpu().numpy(), labels.cpu().numpy()
        scale = StandardScaler().fit(x)
        found = self.fit(scale.transform(x), y)
        weight, bias = np.atleast_2d(found.coef_), np.atleast_1d(found.intercept_)
        if len(weight) == 1:  # two classes: the score of the second against the first
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        weight = weight / scale.scale_
        bias = bias - weight @ scale.mean_
        with torch.no_grad():
            self.linear.weight.zero_()
            self.linear.bias.fill_(-1e4)
            present = torch.from_numpy(np.unique(y)).to(labels.device)
            self.linear.weight[present] = torch.from_numpy(weight).to(self.linear.weight)
            self.linear.bias[present] = torch.from_numpy(bias).to(self.linear.bias)


class Softmax(Classifier):
    """Cross-entropy, by the steps and the optimizer of ``run``."""

    solved = False


class Ridge(Classifier):
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


class Logistic(Classifier):
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
