"""The streams of a phase: which samples, how they are prepared, what is computed only once."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.data.access import LabelledSet, UnlabelledSet
from translearn.data.pipeline.augment import Augment, NoAugment
from translearn.data.pipeline.loaders import TrainingStream, in_order, make_stream
from translearn.data.pipeline.preparation import Preparation, VectorPreparation
from translearn.data.types import Images, Kind
from translearn.engine.features import fast
from translearn.engine.job import Job
from translearn.errors import ConfigError, DataError
from translearn.methods.base import Phase, Stream

Sets = dict[str, LabelledSet | UnlabelledSet]


def make_streams(job: Job, phase: Phase) -> dict[str, TrainingStream]:
    """The streams of a phase by name.

    Raises:
        ConfigError: a batch cannot be shared by the ranks, or nothing can be augmented as asked.
        DataError: a task has no training samples.
    """
    run = job.phase_runs[phase.name]
    for stream in phase.streams.values():
        if not len(stored(job, stream)):
            raise DataError(
                f"{stream.domain!r} has no training samples in this data, and this method trains "
                f"on them\nits classes are only tested: use method=zeroshot, or other data"
            )
    augments = {name: view_augments(job, phase, s) for name, s in phase.streams.items()}
    changed = any(augment for views in augments.values() for augment in views)
    computed = None if changed else cached_features(job, phase)
    job.method.cached = computed is not None
    streams: dict[str, TrainingStream] = {}
    for name, stream in phase.streams.items():
        size = stream.batch_size or run.batch_size
        if size % job.runtime.world:
            raise ConfigError(
                f"the batch of {size} of stream {name!r} cannot be shared by "
                f"run.gpus={job.runtime.world}"
            )
        data = stored(job, stream) if computed is None else computed[name]
        prepare: Preparation = job.prepare[stream.domain]
        if computed is not None:
            prepare = VectorPreparation(job.runtime)
        hidden = stream.unlabelled and job.view.limited(stream.domain)
        drawn_as = f"{name}/rest" if hidden else name  # as in 0.1, so that its draws stay
        streams[name] = make_stream(
            data, drawn_as, phase.name, job.seed, size,
            prepare, augments[name], stream.views > 0, job.runtime, run.workers,
            None if stream.partners is None else job.method.kept[stream.partners],
        )  # fmt: skip
    return streams


def view_augments(job: Job, phase: Phase, stream: Stream) -> list[Augment | None]:
    """The augmentation of each view of a stream's samples; None where nothing changes it.

    Nothing is augmented while a pretrained backbone does not learn: features are computed once.

    Raises:
        ConfigError: several views are wanted, and nothing that fits the samples makes them differ.
    """
    views = max(1, stream.views)
    if job.method.backbone.learn == "none" or phase.part == "head":
        return [None] * views
    kind = job.prepare[stream.domain].kind
    if not stream.views:
        wanted = stream.domain in job.phase_runs[phase.name].augment_tasks
        return [fitting(job.augment, kind) if wanted else None]
    augment = job.pair_augment
    if views > 1 and augment.kind is not kind:
        names = {Kind.waveform: "speech", Kind.signal: "signals", Kind.vector: "vectors"}
        raise ConfigError(
            f"this method compares several views of a sample, and augment@views="
            f"{job.config['views'].get('name')} is for {augment.kind}s, not for {kind}s\n"
            f"choose augment@views={names.get(kind, 'views_photos')}"
        )
    changes = [fitting(augment, kind)] * views
    return [fitting(job.augment, kind), *changes[1:]] if stream.weak else changes


def fitting(augment: Augment, kind: Kind) -> Augment | None:
    """An augmentation, if it changes samples of this kind at all."""
    changes = augment.kind is kind and not isinstance(augment, NoAugment)
    return augment if changes else None


def cached_features(job: Job, phase: Phase) -> Sets | None:
    """What ``phase.cache`` puts out for every sample of the phase's streams, if that pays.

    It pays where each sample is drawn at least once. Files that do not fit the resident budget are
    left alone.
    """
    if phase.cache is None:
        return None
    run, method = job.phase_runs[phase.name], job.method
    module = method.get_submodule(phase.cache)
    computed: Sets = {}
    for name, stream in phase.streams.items():
        data = stored(job, stream)
        drawn = phase.steps * (stream.batch_size or run.batch_size)
        if not isinstance(data.x, Tensor) or drawn < len(data):
            return None
        features = outputs(job, stream.domain, data.x, module)
        if isinstance(data, LabelledSet):
            computed[name] = LabelledSet(features, data.y)
        else:
            computed[name] = UnlabelledSet(features)
    return computed


def stored(job: Job, stream: Stream) -> LabelledSet | UnlabelledSet:
    """The training samples that a stream draws from."""
    view = job.view
    data = view.unlabelled(stream.domain) if stream.unlabelled else view[stream.domain]
    if stream.among is None:
        return data
    rows = job.method.kept[stream.among].nonzero().flatten().cpu()
    if isinstance(data, LabelledSet):
        return LabelledSet(data.x[rows], data.y[rows])
    return UnlabelledSet(data.x[rows])


def outputs(job: Job, task: str, samples: Images, module: nn.Module) -> Tensor:
    """What ``module``, in evaluation mode, puts out for training samples of a task, in order.

    The samples are prepared as for a test, without augmentation. A backbone passes them with its
    batch norm folded, and features as they are.
    """
    job.method.eval()
    module.eval()
    if isinstance(module, Backbone) and not job.method.on_features:
        module = fast(module, job.tasks.input_shape, job.runtime)
    return without_gradients(job, task, samples, module)


def without_gradients(
    job: Job, task: str, samples: Images, function: Callable[[Tensor], Tensor]
) -> Tensor:
    """What ``function`` gives for stored samples of a task, prepared as for a test, in order."""
    batches = in_order(samples, job.scoring_batch, job.run.workers)
    with torch.no_grad(), job.runtime.autocast():
        return torch.cat([function(job.prepare[task](x)) for x in batches])
