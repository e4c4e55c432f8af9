"""Choosing weights without target labels: scores of predictions on unlabelled target images.

Every score is higher for the weights that it prefers. Each can prefer a model at chance level
(peers lost up to 26 points by two of them), so weights that have lost the source are no candidates.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from translearn.config import Select

SAMPLES = 2000  # target training images that a score looks at, the first of the shuffled split


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
    similarities divided by the temperature, each image itself left out.
    """
    unit = torch.nn.functional.normalize(probabilities, dim=1)
    similarity = (unit @ unit.T / temperature).fill_diagonal_(-torch.inf)
    return float(_entropy(similarity.softmax(dim=1)).mean())


def batch_nuclear_norm(probabilities: Tensor) -> float:
    """The nuclear norm of the predictions over their number (Cui et al., CVPR 2020, section 3)."""
    return float(torch.linalg.svdvals(probabilities).sum()) / len(probabilities)


def _entropy(probabilities: Tensor) -> Tensor:
    entropies: Tensor = torch.special.entr(probabilities).sum(dim=1)
    return entropies


RULES: Mapping[Select, Callable[[Tensor], float]] = {
    Select.entropy: mean_entropy,
    Select.im: information_maximisation,
    Select.snd: soft_neighbourhood_density,
    Select.bnm: batch_nuclear_norm,
}


def prefers(
    score: float, best_score: float, source: float, chosen_source: float, floor: float
) -> bool:
    """Whether new weights replace the chosen ones.

    Args:
        score: of the new weights by the rule.
        best_score: of the chosen ones.
        source: source validation accuracy of the new weights.
        chosen_source: of the chosen ones.
        floor: what either needs at least, a share of the best source accuracy so far.
    """
    return source >= floor and (score > best_score or chosen_source < floor)
