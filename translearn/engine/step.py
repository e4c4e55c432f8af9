"""A training step around the method: optimizer, schedule, averaged weights, finiteness."""

import copy
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from translearn.config import Optimizer, RunConfig, Schedule
from translearn.errors import NonFiniteError
from translearn.methods.base import Method


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
        self._mine = list(self.copy.parameters())
        self._theirs = list(method.parameters())

    def update(self, step: int) -> None:
        """Move the average towards the weights after ``step`` (counted from 0)."""
        if self.decay:
            blend = get_ema_multi_avg_fn(min(self.decay, (1 + step) / (10 + step)))
            blend(self._mine, [parameter.detach() for parameter in self._theirs], 0)

    def read(self) -> Method:
        """The averaged method, with the current buffers."""
        if self.decay:
            for mine, theirs in zip(self.copy.buffers(), self.method.buffers(), strict=True):
                mine.copy_(theirs)
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
        self._at_once = device.type == "cpu"
        self._bad = torch.zeros((), device=device)

    def mask(self, optimizer: torch.optim.Optimizer) -> None:
        """Let the flag skip the updates of a fused optimizer, as a gradient scaler's flag does."""
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
