"""What the rules of model selection say of a method as it stands."""

from collections.abc import Callable

import torch
from torch import Tensor

from translearn.config import RunConfig, Select
from translearn.job import Job, usable_rules
from translearn.methods.base import Method
from translearn.selection import BY_PREDICTIONS, BY_WEIGHTS, LABEL_FREE, RULE_METRIC
from translearn.streams import without_gradients
from translearn.validators import RULES, WEIGHTED_RULES, density_ratio

SAMPLES = 2000  # images of a split that a score looks at, the first of their shuffled order


def splits_of_rules(run: RunConfig) -> list[str]:
    """The splits whose accuracies the rules of a run need besides ``run.evaluate``."""
    if run.select is Select.oracle:
        return ["test", "val"] if run.rules else ["test"]
    return ["val"] if run.rules or run.select is not Select.last else []


def label_free_scores(job: Job, run: RunConfig, method: Method) -> dict[str, float]:
    """``target/unlabelled/<rule>`` of the rules that need no target labels.

    Of all that ``method`` may use with ``run.rules``, else of ``run.select`` and those that cost
    as much as it; nothing where ``run.select`` needs labels.
    """
    if run.rules:
        usable = usable_rules(type(method), job.judge, job.view)
        wanted = [rule for rule in usable if rule in LABEL_FREE]
    else:
        wanted = [
            rule for kind in (BY_PREDICTIONS, BY_WEIGHTS) if run.select in kind for rule in kind
        ]
    scores: dict[Select, float] = {}
    if set(wanted) & set(BY_PREDICTIONS):
        predictions = first_outputs(job, method, method.predict, "target")
        probabilities = predictions.softmax(dim=1)
        scores |= {rule: score(probabilities) for rule, score in RULES.items()}
    if set(wanted) & set(BY_WEIGHTS):
        source = first_outputs(job, method, method.represent, "source").cpu().numpy()
        target = first_outputs(job, method, method.represent, "target").cpu().numpy()
        asked, wrong = (part.numpy() for part in job.judge.source_errors(method, SAMPLES))
        weights = density_ratio(source, target, asked)
        scores |= {rule: score(weights, wrong) for rule, score in WEIGHTED_RULES.items()}
    return {RULE_METRIC[rule]: score for rule, score in scores.items()}


def first_outputs(
    job: Job, method: Method, output: Callable[[Tensor, str], Tensor], task: str
) -> Tensor:
    """``output`` in float32 for the first ``SAMPLES`` training images of a task."""
    images = job.view[task].x
    images = images[torch.arange(min(SAMPLES, len(images)))]
    training = method.training
    method.eval()
    found = without_gradients(job, task, images, lambda x: output(x, task))
    method.train(training)
    return found.float()
