"""Choosing weights without target labels. A score is higher for the weights that it prefers.

The first functions look at predictions on unlabelled target images, the last ones at errors on
labelled source images, which count by their likeness to the target. ``metrics/choice.py`` says
which rule takes which.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from translearn.config import Select
from translearn.metrics.choice import RULES

Array = NDArray[np.floating[Any]]


def mean_entropy(probabilities: Tensor) -> float:
    """Minus the mean entropy of the predictions (N, classes): sure is better."""
    return -float(_entropy(probabilities).mean())


def information_maximisation(probabilities: Tensor) -> float:
    """H(mean prediction) - mean H(prediction): sure, and all classes in use.

    Musgrave, Belongie and Lim, "Three new validators" (2022), after Shi and Sha (ICML 2012).
    """
    return float(_entropy(probabilities.mean(dim=0, keepdim=True))) + mean_entropy(probabilities)


def soft_neighbourhood_density(probabilities: Tensor, temperature: float = 0.05) -> float:
    """Mean entropy of the softmax over similarities to all other predictions.

    Saito et al., "Tune it the right way" (ICCV 2021), eqs. 1 to 3: predictions of length 1,
    similarities divided by the temperature, each image itself left out; 0 for one alone.
    """
    if len(probabilities) < 2:
        return 0.0
    unit = torch.nn.functional.normalize(probabilities, dim=1)
    similarity = (unit @ unit.T / temperature).fill_diagonal_(-torch.inf)
    return float(_entropy(similarity.softmax(dim=1)).mean())


def batch_nuclear_norm(probabilities: Tensor) -> float:
    """The nuclear norm of the predictions over their number (Cui et al., CVPR 2020, section 3)."""
    return float(torch.linalg.svdvals(probabilities).sum()) / len(probabilities)


def _entropy(probabilities: Tensor) -> Tensor:
    entropies: Tensor = torch.special.entr(probabilities).sum(dim=1)
    return entropies


def density_ratio(source: Array, target: Array, asked: Array) -> Array:
    """How much likelier samples are in the target than in the source, by a domain classifier.

    You et al., "Towards accurate model selection in deep unsupervised domain adaptation" (ICML
    2019), eq. 6: N_source / N_target * p(target | z) / p(source | z). The classifier is a logistic
    regression on standardised features.

    Args:
        source: training features (N_source, D).
        target: training features (N_target, D).
        asked: features (M, D), of samples that the classifier has not seen.

    Returns:
        (M,) ratios, above zero.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second to import
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    features = np.concatenate([source, target]).astype(np.float64)
    is_target = np.repeat([0, 1], [len(source), len(target)])
    with threadpool_limits(1):  # the bits of a sum depend on the threads, and BLAS asks the machine
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
        classifier.fit(features, is_target)
        log_odds: Array = classifier.decision_function(asked.astype(np.float64))
    return np.exp(log_odds) * (len(source) / len(target))


def importance_weighted(weights: Array, wrong: Array) -> float:
    """Minus the source error (M,) under ``weights`` (M,), which are scaled to a mean of 1.

    Sugiyama, Krauledat and Müller, "Covariate shift adaptation by importance weighted cross
    validation" (JMLR 2007), self-normalised: where a classifier tells the domains apart the weights
    are all near 0, and the sum as it stands would take the least adapted features for the best.
    """
    return -float((weights * wrong).sum() / weights.sum())


def deep_embedded(weights: Array, wrong: Array) -> float:
    """Minus the deep embedded validation risk of the source error (M,) under ``weights`` (M,).

    You et al. (ICML 2019), algorithm 1: mean(w l) + eta (mean(w) - 1), the weights as control
    variate, eta = -Cov(w l, w) / Var(w).
    """
    weighted = weights * wrong
    (_, covariance), (_, variance) = np.cov(weighted, weights)
    eta = -covariance / variance if variance > 0 else 0.0
    return -float(weighted.mean() + eta * (weights.mean() - 1))


def score_of(rule: Select) -> Callable[..., float]:
    """The function of this module by which a label-free rule scores weights."""
    function: Callable[..., float] = globals()[RULES[rule].score]
    return function
