"""The rules that choose weights, and the floor that keeps them off a model at chance. No torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from translearn.config import Select

FLOOR_METRIC = "source/val/accuracy"


@dataclass(frozen=True)
class Rule:
    """How ``run.select`` prefers some weights to others. A rule is an entry of ``RULES``.

    Attributes:
        about: in one line, as the dry run and ``conf/run/default.yaml`` say it.
        metric: what it compares; higher is better. None for a rule that compares nothing.
        needs: the training labels that a method must own; empty where nobody's labels are asked
            for, or where the oracle takes those that no method owns.
        looks_at: an ``accuracy``, the ``predictions`` on unlabelled target images, or the source's
            ``errors``, weighted by likeness to the target.
        score: of the last two, the function of ``metrics/label_free.py``.
    """

    about: str
    metric: str | None = None
    needs: Literal["", "source", "target"] = ""
    looks_at: Literal["accuracy", "predictions", "errors"] = "accuracy"
    score: str = ""

    @property
    def label_free(self) -> bool:
        """Whether it reads no target label."""
        return self.looks_at != "accuracy"


def _label_free(
    name: Select, looks_at: Literal["predictions", "errors"], score: str, about: str
) -> dict[Select, Rule]:
    return {name: Rule(about, f"target/unlabelled/{name}", "source", looks_at, score)}


RULES: Mapping[Select, Rule] = {
    Select.last: Rule("the weights after the last step"),
    Select.source_val: Rule(
        "the best accuracy on the source's validation images", "source/val/accuracy", "source"
    ),
    Select.target_val: Rule(
        "the best accuracy on the target's validation images", "target/val/accuracy", "target"
    ),
    **_label_free(
        Select.entropy,
        "predictions",
        "mean_entropy",
        "sure predictions on unlabelled target images",
    ),
    **_label_free(
        Select.im,
        "predictions",
        "information_maximisation",
        "sure predictions, all classes in use (information maximisation)",
    ),
    **_label_free(
        Select.snd,
        "predictions",
        "soft_neighbourhood_density",
        "predictions in dense groups (soft neighbourhood density)",
    ),
    **_label_free(
        Select.bnm,
        "predictions",
        "batch_nuclear_norm",
        "sure predictions, all classes in use (batch nuclear norm)",
    ),
    **_label_free(
        Select.iw,
        "errors",
        "importance_weighted",
        "few source errors on images like the target's (importance weighting)",
    ),
    **_label_free(
        Select.dev,
        "errors",
        "deep_embedded",
        "the same with a control variate (deep embedded validation)",
    ),
    Select.oracle: Rule(
        "the best accuracy on the target's TEST images (the result says so)",
        "target/test/accuracy",
    ),
}


# Rules that need no target label, by what they look at; the cost of a kind is that of one of it.
BY_PREDICTIONS = tuple(name for name, rule in RULES.items() if rule.looks_at == "predictions")


BY_ERRORS = tuple(name for name, rule in RULES.items() if rule.looks_at == "errors")


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


def metric_of(rule: Select) -> str:
    """What a rule compares; asked of any rule but ``last``."""
    metric = RULES[rule].metric
    assert metric is not None, f"{rule} compares nothing"
    return metric


def chooses(
    rule: Select, metrics: Mapping[str, float], step: int, floor: float, best: BestSoFar
) -> bool:
    """Whether ``rule`` prefers these weights to the best so far; if so ``best`` notes them.

    Every score can prefer a model at chance level (peers lost up to 26 points by two of them), so
    for rules without target labels, weights that have lost the source are no candidates.

    Args:
        rule: any but ``last``.
        metrics: of the weights: that of the rule, and ``FLOOR_METRIC`` where it is label-free.
        step: where they stand.
        floor: the share of the best source accuracy so far that candidates need.
        best: what the rule has seen so far.
    """
    score = metrics[metric_of(rule)]
    replaces = score > best.best_score
    if RULES[rule].label_free:
        source = metrics[FLOOR_METRIC]
        best.best_source = max(best.best_source, source)
        least = floor * best.best_source
        replaces = prefers(score, best.best_score, source, best.chosen_source, least)
        best.chosen_source = source if replaces else best.chosen_source
    if replaces:
        best.best_score, best.best_step = score, step
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
