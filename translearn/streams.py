"""The streams of a phase: which samples, how they are prepared, what is computed only once."""

import torch
from torch import Tensor

from translearn.data.augment import Augment, NoAugment
from translearn.data.domain import LabelledSet, UnlabelledSet
from translearn.data.loaders import TrainingStream, make_stream
from translearn.data.preparation import Preparation, VectorPreparation
from translearn.errors import ConfigError, DataError
from translearn.job import Job
from translearn.methods.base import Phase

Sets = dict[str, LabelledSet | UnlabelledSet]


def make_streams(job: Job, phase: Phase) -> dict[str, TrainingStream]:
    """The streams of a phase by name.

    Raises:
        ConfigError: a batch cannot be shared by the ranks, or nothing can be augmented as asked.
        DataError: a task has no training samples.
    """
    run = job.phase_runs[phase.name]
    for stream in phase.streams.values():
        if not len(job.view[stream.domain]):
            raise DataError(
                f"{stream.domain!r} has no training samples in this data, and this method trains "
                f"on them\nits classes are only tested: use method=zeroshot, or other data"
            )
    augments = {
        stream.domain: task_augment(job, phase, stream.domain) for stream in phase.streams.values()
    }
    computed = cached_features(job, phase) if not any(augments.values()) else None
    job.method.cached = computed is not None
    streams: dict[str, TrainingStream] = {}
    for name, stream in phase.streams.items():
        size = stream.batch_size or run.batch_size
        if size % job.runtime.world:
            raise ConfigError(
                f"the batch of {size} of stream {name!r} cannot be shared by "
                f"run.gpus={job.runtime.world}"
            )
        data = job.view[stream.domain] if computed is None else computed[stream.domain]
        prepare: Preparation = job.prepare[stream.domain]
        if computed is not None:
            prepare = VectorPreparation(job.runtime)
        streams[name] = make_stream(
            data, name, phase.name, job.seed, size,
            prepare, augments[stream.domain], job.runtime, run.workers,
        )  # fmt: skip
    return streams


def task_augment(job: Job, phase: Phase, task: str) -> Augment | None:
    """The augmentation of a task's training samples; None where there is nothing to change."""
    wanted = task in job.phase_runs[phase.name].augment_tasks
    suits = job.augment.kind is job.prepare[task].kind
    return job.augment if wanted and suits and not isinstance(job.augment, NoAugment) else None


def cached_features(job: Job, phase: Phase) -> Sets | None:
    """What ``phase.cache`` puts out for every sample of the phase's tasks, if that pays.

    It pays where each sample is drawn at least once. Files that do not fit the resident budget are
    left alone.
    """
    if phase.cache is None:
        return None
    run, method = job.phase_runs[phase.name], job.method
    module = method.get_submodule(phase.cache)
    computed: Sets = {}
    method.eval()
    for stream in phase.streams.values():
        data, prepare = job.view[stream.domain], job.prepare[stream.domain]
        drawn = phase.steps * (stream.batch_size or run.batch_size)
        if not isinstance(data.x, Tensor) or drawn < len(data):
            return None
        with torch.no_grad(), job.runtime.autocast():
            parts = [module(prepare(x)) for x in data.x.split(run.eval_batch_size)]
        features = torch.cat(parts)
        if isinstance(data, LabelledSet):
            computed[stream.domain] = LabelledSet(features, data.y)
        else:
            computed[stream.domain] = UnlabelledSet(features)
    return computed
