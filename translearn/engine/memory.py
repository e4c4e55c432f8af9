"""Whether batches fit into the memory that is free, found out before the first step.

The system ends a process that takes more than there is without a word, so it is not tried.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from translearn.engine.job import Job
from translearn.engine.learners import train_only
from translearn.methods.base import Phase
from translearn.system.memory import free_memory, refuse_too_large

FLOAT = 4  # bytes


# No net keeps more than so many times its input for the backward pass; measuring one takes a
# forward pass, which small batches are spared.
MOST_KEPT = 2000


@dataclass(frozen=True)
class Weight:
    """What one sample costs in a backbone.

    Attributes:
        kept: bytes that its backward pass needs.
        widest: bytes of the input and the output of its widest layer.
    """

    kept: float
    widest: float


def refuse_large_batches(job: Job) -> None:
    """Refuse batches of training or scoring that need more memory than is free.

    What is counted is less than what is taken: prepared images, and what the backbone keeps of them
    for the backward pass.

    Raises:
        OutOfMemoryError: saying what needs how much, and which option to lower.
    """
    free = free_on_device(job)
    if free is None or job.run.compile:  # compiled steps keep less
        return
    sample = prod(job.input_shape) * FLOAT
    for phase in job.phases:
        images = batch_images(job, phase)
        weight = weigh(job, phase) if images * sample * MOST_KEPT > free else Weight(0, 0)
        needed = images * max(sample + weight.kept, weight.widest)
        refuse_too_large(f"a step of phase {phase.name}", needed, advice(job, phase), free)
    most = max((len(view) for view in job.view.values()), default=0)
    images = min(job.scoring_batch, most) / job.runtime.world
    weight = weigh(job, None) if images * sample * MOST_KEPT > free else Weight(0, 0)
    needed = images * max(sample, weight.widest)
    refuse_too_large("a batch of scoring", needed, "lower run.eval_batch_size", free)


def advice(job: Job, phase: Phase) -> str:
    """Which option makes a step smaller."""
    key = f"method.phases.{phase.name}.batch_size"
    own = job.phase_runs[phase.name].batch_size != job.run.batch_size
    return f"lower {key if own else 'run.batch_size'}, or choose a smaller backbone"


def free_on_device(job: Job) -> int | None:
    """Bytes that are free where the run computes."""
    if job.runtime.device.type == "cuda":
        return torch.cuda.mem_get_info(job.runtime.device)[0]
    return free_memory()


def batch_images(job: Job, phase: Phase) -> float:
    """Prepared images of a step on this rank, over all streams; 0 where features are cached."""
    if not phase.steps or phase.cache is not None:
        return 0.0
    size = job.phase_runs[phase.name].batch_size
    copies = (
        (stream.batch_size or size) * (max(1, stream.views) + (stream.partners is not None))
        for stream in phase.streams.values()
    )
    return sum(copies) / job.runtime.world


def weigh(job: Job, phase: Phase | None) -> Weight:
    """What one image costs in the backbone, in training by what the phase learns.

    Two images are compared with one, so that what does not depend on the batch is not counted.
    """
    method = job.method
    before, training = [p.requires_grad for p in method.parameters()], method.training
    train_only(method, phase.learn if phase is not None else ())
    method.eval()  # no statistics move
    try:
        one, two = (kept_by(job, count) for count in (1, 2))
    finally:
        method.train(training)
        for parameter, learned in zip(method.parameters(), before, strict=True):
            parameter.requires_grad_(learned)
    return Weight(two.kept - one.kept, two.widest - one.widest)


def kept_by(job: Job, count: int) -> Weight:
    """What a forward pass of so many images keeps and takes, in bytes."""
    net, kept, widest = job.method.backbone, dict[int, int](), [0]

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def look(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        tensors = [t for t in (*inputs, output) if isinstance(t, Tensor)]
        widest[0] = max(widest[0], sum(t.numel() * t.element_size() for t in tensors))

    x = torch.zeros(count, *job.input_shape, device=job.runtime.device)
    with hooked(net, look), job.runtime.autocast(), torch.enable_grad():
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            features = net(x)  # held, so that no address is taken twice
        del features
    return Weight(sum(kept.values()), widest[0])


@contextmanager
def hooked(net: nn.Module, hook: object) -> Iterator[None]:
    """Call ``hook`` after the forward pass of every layer."""
    leaves = [layer for layer in net.modules() if not list(layer.children())]
    handles = [layer.register_forward_hook(hook) for layer in leaves]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
