"""How the losses of several tasks become one step: five rules, each small and by its paper."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from translearn.methods.base import RankMean
from translearn.ranges import Count, NonNegative, Positive
from translearn.runtime import stable_seed


class Weighting(nn.Module):
    """Base of the rules: how a loss is weighed, and how the gradient is made of the losses.

    Args:
        tasks: names, in the order of the terms.

    Attributes:
        term_gradients: whether ``backward`` takes the gradient of each term by itself.
        fixed: whether the weights stay what they are.
        weights: the factor on each task's loss, (tasks,).
    """

    term_gradients: ClassVar[bool] = False
    fixed: ClassVar[bool] = False

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.register_buffer("weights", torch.ones(len(tasks)))
        self.weights: Tensor

    def forward(self, losses: Tensor) -> Tensor:
        """Losses (tasks,) -> weighted terms (tasks,), a part of the training step."""
        return losses * self.weights

    def backward(
        self, terms: Tensor, shared: Sequence[nn.Parameter], average: RankMean, progress: float
    ) -> None:
        """Leave the gradient of a step in the parameters.

        Args:
            terms: what ``forward`` returned, (tasks,).
            shared: parameters that every task trains, from input to output.
            average: replaces tensors by their mean over the ranks.
            progress: of the phase, from 0 to 1.
        """
        terms.sum().backward()


class Equal(Weighting):
    """The sum of the losses."""

    fixed = True


class Uncertainty(Weighting):
    """Learned weights: exp(-s) L + s / 2 for each task, with s = log sigma^2.

    Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses" (CVPR 2018),
    eq. 10 for classification. For fixed losses the best s is log(2 L).
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self.log_variance = nn.Parameter(torch.zeros(len(tasks)))

    def forward(self, losses: Tensor) -> Tensor:
        """Weighted losses and their regularizer; terms may become negative."""
        with torch.no_grad():
            self.weights.copy_(torch.exp(-self.log_variance))
        return torch.exp(-self.log_variance) * losses + self.log_variance / 2


class DynamicWeightAverage(Weighting):
    """Weights by how slowly each loss falls: K softmax(r / T), r = L(t-1) / L(t-2).

    Liu, Johns and Davison, "End-to-end multi-task learning with attention" (CVPR 2019), eq. 7. The
    paper's epochs are windows of ``interval`` steps here; until two of them have passed, all weigh
    the same.

    Args:
        tasks: names.
        temperature: T; 2 in the paper.
        interval: steps whose mean loss counts as one L(t).

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(
        self, tasks: Sequence[str], *, temperature: Positive = 2.0, interval: Count = 50
    ) -> None:
        super().__init__(tasks)
        self.temperature, self.interval = temperature, interval
        for name in ("total", "last", "before"):
            self.register_buffer(name, torch.zeros(len(tasks)))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.total: Tensor
        self.last: Tensor
        self.before: Tensor
        self.steps: Tensor

    def backward(
        self, terms: Tensor, shared: Sequence[nn.Parameter], average: RankMean, progress: float
    ) -> None:
        """The sum's gradient; the weights follow at the end of a window."""
        losses = terms.detach() / self.weights
        terms.sum().backward()
        average([losses])
        self.total += losses
        self.steps += 1
        # tensors alone: a branch on `steps` would wait for the device in every step
        full, second = self.steps % self.interval == 0, self.steps >= 2 * self.interval
        mean = self.total / self.interval
        self.before.copy_(torch.where(full, self.last, self.before))
        self.last.copy_(torch.where(full, mean, self.last))
        self.total.copy_(torch.where(full, 0.0, self.total))
        ratio = self.last / self.before.clamp_min(1e-12)
        new = len(self.tasks) * (ratio / self.temperature).softmax(dim=0)
        self.weights.copy_(torch.where(full & second, new, self.weights))


class GradNorm(Weighting):
    """Weights that bring the tasks' gradient norms on the last shared layer together.

    Chen et al., "GradNorm: gradient normalization for adaptive loss balancing in deep multitask
    networks" (ICML 2018), algorithm 1: w follows the gradient of
    sum |G_i - mean(G) r_i^alpha|, G_i = ||grad w_i L_i||, r_i the relative inverse training rate;
    afterwards the weights sum to the number of tasks. Their step is plain gradient descent.

    Args:
        tasks: names.
        alpha: how strongly slow tasks are favoured.
        rate: step size of the weights.
    """

    term_gradients = True

    def __init__(
        self, tasks: Sequence[str], *, alpha: NonNegative = 1.5, rate: NonNegative = 0.025
    ) -> None:
        super().__init__(tasks)
        self.alpha, self.rate = alpha, rate
        self.register_buffer("first", torch.zeros(len(tasks)))
        self.first: Tensor

    def backward(
        self, terms: Tensor, shared: Sequence[nn.Parameter], average: RankMean, progress: float
    ) -> None:
        """The sum's gradient, averaged over the ranks, and a step of the weights."""
        layer = next(parameter for parameter in reversed(shared) if parameter.ndim > 1)
        losses = terms.detach() / self.weights
        gradients = [
            torch.autograd.grad(term, layer, retain_graph=True)[0].float() for term in terms
        ]
        terms.sum().backward()
        average([*gradients, losses])
        norms = torch.stack([gradient.norm() for gradient in gradients])
        self.first.copy_(torch.where(self.first > 0, self.first, losses))
        rates = losses / self.first.clamp_min(1e-12)
        aims = norms.mean() * (rates / rates.mean()) ** self.alpha
        slope = torch.sign(norms - aims) * norms / self.weights
        moved = (self.weights - self.rate * slope).clamp_min(1e-3)
        self.weights.copy_(moved * len(self.tasks) / moved.sum())


class PCGrad(Weighting):
    """Each task's gradient without what conflicts with another task's.

    Yu et al., "Gradient surgery for multi-task learning" (NeurIPS 2020), algorithm 1: for the other
    tasks in random order, g_i loses its part along g_j where g_i . g_j < 0; the results are added.
    Parameters that are not shared keep their plain gradient.
    """

    term_gradients = True

    def backward(
        self, terms: Tensor, shared: Sequence[nn.Parameter], average: RankMean, progress: float
    ) -> None:
        """Write the combined gradient of the shared parameters over the sum's."""
        gradients = [
            torch.cat(
                [
                    part.flatten()
                    for part in torch.autograd.grad(
                        term, shared, retain_graph=True, allow_unused=True, materialize_grads=True
                    )
                ]
            )
            for term in terms
        ]
        terms.sum().backward()
        average(gradients)
        order = torch.Generator().manual_seed(stable_seed("pcgrad", progress))
        combined = torch.stack(
            [project(place, gradients, order) for place in range(len(gradients))]
        ).sum(dim=0)
        parts = combined.split([parameter.numel() for parameter in shared])
        for parameter, part in zip(shared, parts, strict=True):
            assert parameter.grad is not None
            parameter.grad.copy_(part.view_as(parameter))  # keeps its memory layout


def project(place: int, gradients: Sequence[Tensor], order: torch.Generator) -> Tensor:
    """Gradient (parameters,) number ``place`` without what conflicts with the others'."""
    gradient = gradients[place]
    for other in torch.randperm(len(gradients), generator=order).tolist():
        if other != place:
            against = gradients[other]
            conflict = (gradient @ against).clamp(max=0.0)
            gradient = gradient - conflict / against.square().sum().clamp_min(1e-12) * against
    return gradient
