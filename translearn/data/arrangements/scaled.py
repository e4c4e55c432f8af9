"""The scaling of the numbers of tasks, fitted on training samples."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from translearn.data.scaling import Scaling, Step, fitted
from translearn.data.types import Domain, Kind, TaskSet
from translearn.errors import ConfigError


def scaled(tasks: TaskSet, steps: Sequence[Step]) -> TaskSet:
    """The tasks with a scaling each, before a label budget hides some of their labels.

    Args:
        tasks: ``source`` and ``target``.
        steps: ``l1``: each vector over the sum of its absolute values; then one of ``standard``:
            mean 0 and deviation 1 on the source's training split, and ``per_domain``: on the
            training split of each domain, which looks at unlabelled target samples. ``none``, or no
            step: as they are.

    Raises:
        ConfigError: the steps exclude each other, or the samples are no numbers.
    """
    chosen = set(steps) - {"none"}
    if not chosen:
        return tasks
    told = f"data.normalise=[{','.join(steps)}]"
    if "none" in steps or {"standard", "per_domain"} <= chosen:
        raise ConfigError(f"{told}: choose one of none, standard and per_domain; l1 goes with them")
    kinds = {domain.kind for domain in tasks.tasks.values()}
    if not kinds <= {Kind.vector, Kind.signal}:
        raise ConfigError(f"{told} is for vectors and signals, and {tasks.name} has {kinds.pop()}s")
    if "l1" in chosen and Kind.signal in kinds:
        raise ConfigError(f"{told}: l1 is for vectors; choose standard or per_domain for signals")
    by_sum = "l1" in chosen
    found = Scaling(by_sum)
    if "standard" in chosen:
        found = fitted(training_samples(tasks.tasks["source"]), by_sum)
    domains = {
        task: replace(
            domain,
            scaling=fitted(training_samples(domain), by_sum) if "per_domain" in chosen else found,
        )
        for task, domain in tasks.tasks.items()
    }
    return replace(tasks, tasks=domains)


def training_samples(domain: Domain) -> list[Tensor]:
    """The samples of the training split, whether their labels are hidden or not."""
    return [x for x in (domain.train.x, domain.unlabelled) if isinstance(x, Tensor)]
