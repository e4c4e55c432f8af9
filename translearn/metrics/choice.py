"""Rules that choose weights, and the floor that keeps them off a model at chance. No torch here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from translearn.config import Select

# Rules that need no target label, by what they look at:
BY_PREDICTIONS = (Select.im, Select.entropy, Select.bnm, Select.snd)  # of unlabelled target images


BY_WEIGHTS = (Select.iw, Select.dev)  # source validation labels, weighted by likeness to the target


LABEL_FREE = (*BY_PREDICTIONS, *BY_WEIGHTS)


FLOOR_METRIC = "source/val/accuracy"


RULE_METRIC: Mapping[Select, str] = {
    Select.source_val: "source/val/accuracy",
    Select.target_val: "target/val/accuracy",
    Select.oracle: "target/test/accuracy",
    **{rule: f"target/unlabelled/{rule}" for rule in LABEL_FREE},
}


@dataclass
class BestSoFar:
    """What a rule remembers of the weights that it has seen.

    Attributes:
        best_score: of the chosen weights.
        best_step: where they stood.
        best_source: the highest source validation accuracy so far, of any weights.
        chosen_source: that of the chosen weights.
    """

    best_score: float = -math.inf
    best_step: int = -1
    best_source: float = 0.0
    chosen_source: float = 0.0


def chooses(
    rule: Select, metrics: Mapping[str, float], step: int, floor: float, standing: BestSoFar
) -> bool:
    """Whether ``rule`` prefers these weights to the best so far; if so ``standing`` notes them.

    Every score can prefer a model at chance level (peers lost up to 26 points by two of them), so
    for rules without target labels, weights that have lost the source are no candidates.

    Args:
        rule: any but ``last``.
        metrics: of the weights; what ``RULE_METRIC`` and ``FLOOR_METRIC`` name must be there.
        step: where they stand.
        floor: the share of the best source accuracy so far that candidates need.
        standing: what the rule has seen so far.
    """
    score = metrics[RULE_METRIC[rule]]
    replaces = score > standing.best_score
    if rule in LABEL_FREE:
        source = metrics[FLOOR_METRIC]
        standing.best_source = max(standing.best_source, source)
        least = floor * standing.best_source
        replaces = prefers(score, standing.best_score, source, standing.chosen_source, least)
        standing.chosen_source = source if replaces else standing.chosen_source
    if replaces:
        standing.best_score, standing.best_step = score, step
    return replaces


def prefers(
    score: float, best_score: float, source: float, chosen_source: float, floor: float
) -> bool:
    """Whether new weights replace the chosen ones.

    Args:
        score: of the new weights by the rule.
        best_score: of the chosen ones.
        source: source validation accuracy of the new weights.
        chosen_source: of the chosen ones.
        floor: what either needs at least.
    """
    return source >= floor and (score > best_score or chosen_source < floor)
