"""One training step, the same in a run, in a dry run and in tl-doctor's measurement.

Below it, what it is made of: optimizer, schedule, averaged weights, finiteness.
"""

import copy
import itertools
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from translearn.artifacts.checkpoint import State
from translearn.config import Optimizer, RunConfig, Schedule
from translearn.data.access import Batch
from translearn.data.pipeline.loaders import TrainingStream
from translearn.engine.job import Job
from translearn.engine.learners import train_only
from translearn.engine.streams import make_streams
from translearn.errors import NonFiniteError
from translearn.methods.base import Method, Phase
from translearn.runtime import stable_seed


class TrainingStep:
    """The step of a phase, taken by calling it with a number.

    It is a function of (seed, phase, number) and of the weights: every draw is seeded anew, so that
    a continued run goes on with the same bits. Its parts are made for this phase alone, since the
    phase decides what learns.

    Args:
        job: of the run; its method is put into training mode.
        phase: one that has steps.
        state: a checkpoint of this phase to go on from.

    Attributes:
        streams: batch key -> where that part of a batch comes from.
        optimizer: of what the phase trains.
        average: the averaged weights, the ones that are evaluated.
        samples: of a step, over all streams and ranks.
    """

    def __init__(self, job: Job, phase: Phase, state: State | None = None) -> None:
        method = job.method
        self.job, self.phase, self.run = job, phase, job.phase_runs[phase.name]
        train_only(method, phase.learn)
        self.streams: dict[str, TrainingStream] = make_streams(job, phase)
        self.samples = sum(stream.batch_size for stream in self.streams.values())
        self.optimizer = make_optimizer(method.param_groups(self.run.lr), self.run)
        self.average = WeightAverage(method, self.run.ema)
        if state:
            self.optimizer.load_state_dict(state["optimizer"])
            self.average.copy.load_state_dict(state["average"])
        self._finite = FiniteCheck(job.runtime.device)
        self._finite.mask(self.optimizer)
        self._parameters = [p for p in method.parameters() if p.requires_grad]
        # The forward pass is the whole training step, however often the trunk is called inside, so
        # that one data-parallel wrapper sees one call. Gradients term by term it could not average.
        self._model: Any = method if method.term_gradients else job.runtime.wrap(method)
        if self.run.compile:
            self._model = torch.compile(self._model)
        self._draws = torch.Generator(device=job.runtime.device)
        self._number = 0
        method.train()

    def batch(self, number: int) -> dict[str, Batch]:
        """This rank's part of the batch of a step, by stream; seeds what draws at random in it."""
        job, name = self.job, self.phase.name
        # the global batch draws from one seed, and dropout on each rank from one of its own
        self._draws.manual_seed(stable_seed(job.seed, name, number))
        job.runtime.seed(stable_seed(job.seed, name, number, job.runtime.rank))
        return {key: stream.batch(number, self._draws) for key, stream in self.streams.items()}

    def __call__(self, number: int) -> dict[str, Tensor]:
        """Take the step of that number, counted from 0.

        Returns:
            The named loss terms of this rank.

        Raises:
            NonFiniteError: on a CPU, a term or the gradient norm is not finite; no weight moved.
        """
        method, progress = self.job.method, number / self.phase.steps
        self._number = number
        batch = self.batch(number)
        with self.job.runtime.autocast():
            terms: dict[str, Tensor] = self._model(self.phase.name, batch, progress)
        method.backward(terms, self.job.runtime.average)
        norm = clip_gradients(self._parameters, self.run.clip)
        self._finite.watch(terms, norm, self.phase.name, number)
        # after the watch, which on a CPU stops here: what is not finite never reaches a weight
        set_rates(self.optimizer, rate_factor(self.run, progress), progress)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update(number)
        return terms

    def check_finite(self) -> None:
        """Read what a GPU has gathered: to be asked before anything is logged, scored or saved.

        Raises:
            NonFiniteError: a term or a gradient norm was not finite; no weight has moved since.
        """
        self._finite.check(self.phase.name, self._number)

    def state(self) -> State:
        """What a checkpoint needs to go on in the middle of the phase, besides the method."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.copy.state_dict(),
        }


def make_optimizer(groups: list[dict[str, Any]], run: RunConfig) -> torch.optim.Optimizer:
    """The optimizer of a phase; every group remembers its peak rate as ``peak_lr``.

    A group may say by ``starts`` from which progress on it learns; before that its rate is 0.
    """
    for group in groups:
        group["peak_lr"] = group["lr"]
        group.setdefault("starts", 0.0)
    if run.optimizer is Optimizer.sgd:
        return torch.optim.SGD(
            groups,
            lr=run.lr,
            momentum=run.momentum,
            nesterov=run.nesterov,
            weight_decay=run.weight_decay,
            fused=True,
        )
    kind = torch.optim.Adam if run.optimizer is Optimizer.adam else torch.optim.AdamW
    return kind(groups, lr=run.lr, weight_decay=run.weight_decay, fused=True)


def rate_factor(run: RunConfig, progress: float) -> float:
    """The schedule's factor on the peak rate at ``progress`` in [0, 1].

    ``cosine``: a linear rise over the share ``run.warmup``, times (1 + cos(pi p)) / 2.
    ``dann``: (1 + 10 p)^-0.75 (Ganin et al. 2016, section 5.2.2).
    """
    if run.schedule is Schedule.cosine:
        rise = min(1.0, progress / run.warmup) if run.warmup > 0 else 1.0
        return rise * 0.5 * (1.0 + math.cos(math.pi * progress))
    if run.schedule is Schedule.dann:
        return float((1.0 + 10.0 * progress) ** -0.75)
    return 1.0


def set_rates(optimizer: torch.optim.Optimizer, factor: float, progress: float) -> None:
    """Set every group's rate to its peak times ``factor``, or to 0 until it starts."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * factor if progress >= group["starts"] else 0.0


class WeightAverage:
    """An exponential moving average of a method's weights, the ones that are evaluated.

    The decay warms up as min(decay, (1 + t) / (10 + t)); buffers are copied when read.

    Args:
        method: the method to average.
        decay: 0 switches the average off: then ``method`` itself is what ``read`` returns.
    """

    def __init__(self, method: Method, decay: float) -> None:
        self.method, self.decay = method, decay
        self.copy = copy.deepcopy(method).requires_grad_(False) if decay else method
        learned = [parameter.requires_grad for parameter in method.parameters()]
        self._averaged = list(itertools.compress(self.copy.parameters(), learned))
        self._current = list(itertools.compress(method.parameters(), learned))

    def update(self, step: int) -> None:
        """Move the average towards the weights after ``step`` (counted from 0)."""
        if self.decay:
            blend = get_ema_multi_avg_fn(min(self.decay, (1 + step) / (10 + step)))
            blend(self._averaged, [parameter.detach() for parameter in self._current], 0)

    def read(self) -> Method:
        """The averaged method, with the current buffers."""
        if self.decay:
            for averaged, current in zip(self.copy.buffers(), self.method.buffers(), strict=True):
                averaged.copy_(current)
            self.copy.kept = self.method.kept
        return self.copy


class FiniteCheck:
    """Watches losses and gradient norms.

    On a CPU a bad value stops the run before the optimizer step. On a GPU a device flag gathers
    them without a synchronisation: from then on the fused optimizer skips its updates, and the flag
    is read at every log point and before every checkpoint, score and end of phase, so that nothing
    non-finite is ever applied to the weights, saved or reported.
    """

    def __init__(self, device: torch.device) -> None:
        # `.item()` in every step would make the host wait for the GPU each time
        self._at_once = device.type == "cpu"
        self._bad = torch.zeros((), device=device)

    def mask(self, optimizer: torch.optim.Optimizer) -> None:
        """Let the flag skip the updates of a fused optimizer, as a gradient scaler's flag does."""
        # an `if` would need the flag on the host; the fused kernel reads it where it is
        if not self._at_once:
            optimizer.found_inf = self._bad  # type: ignore[attr-defined]
            optimizer.grad_scale = None  # type: ignore[attr-defined]

    def watch(self, terms: dict[str, Tensor], norm: Tensor, phase: str, step: int) -> None:
        """Note the values of one step."""
        total = torch.stack([*(term.detach().float() for term in terms.values()), norm]).sum()
        if self._at_once:
            if not math.isfinite(float(total)):
                names = [name for name, term in terms.items() if not math.isfinite(float(term))]
                raise _not_finite(phase, step, ", ".join(names) or "the gradient norm")
        else:
            self._bad.logical_or_(~torch.isfinite(total))

    def check(self, phase: str, step: int) -> None:
        """Raise if a value since the last check was not finite.

        Raises:
            NonFiniteError: one was not.
        """
        if not self._at_once and bool(self._bad > 0):
            raise _not_finite(phase, step, "a loss or the gradient norm")


def _not_finite(phase: str, step: int, what: str) -> NonFiniteError:
    return NonFiniteError(
        f"{what} is not finite at step {step} of phase {phase!r}\n"
        "lower run.lr, set run.clip=1, or try run.precision=fp32; the last checkpoint is finite"
    )


def clip_gradients(parameters: Iterable[Tensor], limit: float | None) -> Tensor:
    """Scale gradients down to the norm ``limit`` (None: leave them); the norm before that."""
    if limit is None:
        return torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    return torch.nn.utils.clip_grad_norm_(parameters, limit)
