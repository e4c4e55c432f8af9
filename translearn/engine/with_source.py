"""Weights between the source model and the tuned one, once training is over (WiSE-FT).

Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022), eq. 1: each weight is
(1 - alpha) of the source model's and alpha of the tuned one's.
"""

import logging
from collections.abc import Mapping

import torch
from torch import Tensor

from translearn.artifacts.metrics_log import MetricsLog
from translearn.engine.job import Job
from translearn.engine.judge import Judge
from translearn.errors import ConfigError
from translearn.methods.base import Method
from translearn.ranges import WithSource

log = logging.getLogger(__name__)

ALPHAS = tuple(tenths / 10 for tenths in range(11))  # that validation chooses from

KEPT = "from_source/"  # before the names of the source model's weights in ``Method.kept``


def check_with_source(wanted: WithSource, method: Method, judge: Judge) -> None:
    """Refuse the option where there is nothing to average, or no validation to choose by.

    Raises:
        ConfigError: as said.
    """
    if wanted is None:
        return
    if not method.from_source():
        raise ConfigError(
            "method.average_with_source needs a source model that is tuned on the target: "
            "method=finetune\nwith a source phase or method.init, and a transferred layer group "
            "or head that learns"
        )
    if wanted == "auto" and not judge.has("target", "val"):
        raise ConfigError(
            "method.average_with_source=auto chooses on the target's validation samples, and there "
            "are none\n(data.target_labels_per_class spends all its labels in training): give a "
            "number, such as 0.5"
        )


def keep_source(job: Job) -> None:
    """Keep what the last phase starts from, which a checkpoint then holds."""
    if job.average_with_source is not None:
        job.method.kept |= {f"{KEPT}{n}": t.clone() for n, t in job.method.from_source().items()}


def average_with_source(job: Job, metrics_log: MetricsLog) -> dict[str, float]:
    """Leave the averaged weights in the method, which holds the tuned ones.

    ``auto`` takes the alpha with the best mean of source and target validation accuracy; of equals
    the one nearer to the tuned model.

    Returns:
        ``average_with_source/alpha``; nothing where nothing was to be averaged.
    """
    alpha = job.average_with_source
    if alpha is None:
        return {}
    tuned = {name: tensor.clone() for name, tensor in job.method.from_source().items()}
    if alpha == "auto":
        alpha = max(ALPHAS[::-1], key=lambda tried: validated(job, tuned, tried, metrics_log))
        log.info("averaged with the source model: alpha %.1f on validation", alpha)
    set_between(job.method, tuned, alpha)
    return {"average_with_source/alpha": alpha}


def validated(
    job: Job, tuned: Mapping[str, Tensor], alpha: float, metrics_log: MetricsLog
) -> float:
    """The mean validation accuracy of both tasks at ``alpha``."""
    set_between(job.method, tuned, alpha)
    scores = job.judge.score(job.method, "val")
    metrics_log.write(phase="average_with_source", alpha=alpha, **scores)
    names = {t: f"{t}/val/{job.method.answer(t).headline}" for t in ("source", "target")}
    found = [scores[name] for task, name in names.items() if job.judge.has(task, "val")]
    return sum(found) / len(found)


@torch.no_grad()
def set_between(method: Method, tuned: Mapping[str, Tensor], alpha: float) -> None:
    """Put the method's weights between those of the source model and the tuned ones.

    Batch norm gets the mean and the variance of a mixture of the samples that both models
    normalised by: alpha of them the tuned model's.
    """
    state = method.state_dict()
    source = {name: method.kept[f"{KEPT}{name}"] for name in tuned}
    for name in tuned:
        if not tuned[name].is_floating_point():  # batches that were counted
            continue
        between = torch.lerp(source[name], tuned[name], alpha)
        mean = name.replace("running_var", "running_mean")
        if mean != name:
            between += alpha * (1 - alpha) * (tuned[mean] - source[mean]).square()
        state[name].copy_(between)
