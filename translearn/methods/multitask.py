"""Multitask learning: one trunk for all tasks, a head for each, a stem where inputs differ."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.backbones.normalization import convert_to_domain_batch_norm, per_domain, use_domain
from translearn.data.access import Access, Batch, Labelled
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.methods.base import Budget, Method, Phase, RankMean, Stream, Tasks
from translearn.methods.parts.heads import perceptron
from translearn.methods.parts.sampling import Sampling, Uniform, share_out
from translearn.methods.parts.weighting import Equal, Weighting
from translearn.ranges import Width, Widths


class Multitask(Method):
    """Cross-entropy of every task at once, on shared layers (Caruana, "Multitask learning", 1997).

    All tasks are trained together and all are tested: what sets it apart from fine-tuning, which
    ends with the target alone.

    Args:
        backbone: the trunk, shared by all tasks.
        tasks: task -> class names; any number of tasks.
        input_shape: (C, H, W) that the trunk receives.
        input_shapes: task -> (C, H, W). Tasks whose shape is not the trunk's get a stem; those of
            the same shape share it.
        head: hidden widths of every classifier, or None for the backbone's own.
        shared_head: whether tasks with the same classes have one head, so that few labels of one
            need not teach a head from nothing. ``auto``: those that there are; True: refuse where
            there are none.
        stem_width: channels inside a stem.
        task_batch_norm: whether batch norm keeps statistics per task; affine weights are shared.
            None: in stems, and in a backbone unless it keeps its statistics.
        weighting: makes the rule by which the tasks' losses become one step.
        sampling: makes the rule by which a step's images are shared out among the tasks.

    Raises:
        ConfigError: a value is out of range, or no two tasks can share a head.
    """

    access = Access(source_labels=True, target_labels=True)
    needs = ()
    mixed_inputs = True
    answers = ("class", "number")

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        input_shape: Shape,
        input_shapes: Mapping[str, Shape],
        head: Widths | None = None,
        stem_width: Width = 16,
        task_batch_norm: bool | None = None,
        weighting: Callable[..., Weighting] = Equal,
        sampling: Callable[..., Sampling] = Uniform,
        shared_head: Literal["auto"] | bool = False,  # a run of 0.1 says nothing, and had several
    ) -> None:
        super().__init__(backbone, tasks)
        self.names = tuple(tasks)
        hidden = backbone.head_hidden if head is None else head
        self.head_of = heads_of(self.tasks) if shared_head else {t: t for t in self.names}
        if shared_head is True and len(set(self.head_of.values())) == len(self.names):
            raise ConfigError("no two tasks have the same classes: set method.shared_head=auto")
        self.heads = nn.ModuleDict(
            {
                task: perceptron(backbone.out_dim, hidden, len(tasks[task]))
                for task in self.names
                if self.head_of[task] == task
            }
        )
        own = {task: input_shapes[task] for task in self.names}
        self.stem_of = {t: stem_name(s) for t, s in own.items() if tuple(s) != tuple(input_shape)}
        self.stems = nn.ModuleDict(
            {self.stem_of[t]: make_stem(own[t], input_shape, stem_width) for t in self.stem_of}
        )
        if per_domain(task_batch_norm, backbone, "method.task_batch_norm"):
            convert_to_domain_batch_norm(self.backbone, self.names)
        if task_batch_norm is not False:  # stems are new: they have no statistics to keep
            convert_to_domain_batch_norm(self.stems, self.names)
        self.weighting = weighting(self.names)
        self.term_gradients = self.weighting.term_gradients
        self.sampling = sampling()
        self._progress = 0.0

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """One phase with a stream for every task; the source's draws the budget, however large."""
        batch = budget.batch_sizes["train"]
        sizes = share_out(
            len(self.names) * batch,
            self.sampling.weights([budget.sizes.get(task, 1) for task in self.names]),
            budget.ranks,
        )
        streams = {t: Stream(t, size) for t, size in zip(self.names, sizes, strict=True)}
        own = streams["source"].batch_size if "source" in streams else batch
        steps = budget.steps("train", batch / (own or batch))
        learn = ("backbone", "stems", "heads", "weighting")
        return [Phase("train", streams, steps, learn, head_first=not self.stem_of)]

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """One weighted cross-entropy for each task, ``label_<task>``."""
        self._progress = progress
        losses = []
        for task in self.names:
            images = batch[task]
            assert isinstance(images, Labelled)
            losses.append(self.answer(task).loss(self.predict(images.x, task), images.y))
        terms = self.weighting(torch.stack(losses))
        return {f"label_{t}": term for t, term in zip(self.names, terms.unbind(), strict=True)}

    def backward(self, terms: Mapping[str, Tensor], average: RankMean) -> None:
        """By the rule of ``weighting``."""
        trained = [p for p in self.parameters() if p.requires_grad]
        losses, shared = torch.stack(list(terms.values())), list(self.shared())
        self.weighting.backward(losses, shared, average, self._progress)
        if self.term_gradients:  # without the data-parallel wrapper; a second mean changes nothing
            average([p.grad for p in trained if p.grad is not None])

    def shared(self) -> Iterator[nn.Parameter]:
        """What more than one task trains: stems and heads of several, then the whole backbone."""
        for parts, name_of in ((self.stems, self.stem_of), (self.heads, self.head_of)):
            used = list(name_of.values())
            for name, part in parts.items():
                if used.count(name) > 1:
                    yield from part.parameters()
        yield from (p for p in self.backbone.parameters() if p.requires_grad)

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Logits (B, classes of ``task``), through its stem, the trunk and its head."""
        logits: Tensor = self.heads[self.head_of[task]](self.represent(x, task))
        return logits

    def represent(self, x: Tensor, task: str) -> Tensor:
        """Inputs of ``task`` -> features (B, D) of the trunk, through the task's stem."""
        with use_domain(self, task):
            features: Tensor = self.backbone(self.stem(x, task))
        return features

    def stem(self, x: Tensor, task: str) -> Tensor:
        """Inputs of ``task`` as the trunk wants them."""
        if task in self.stem_of:
            x = self.stems[self.stem_of[task]](x)
        return x

    def predicts(self, task: str) -> bool:
        """Every task but what a label budget hides."""
        return task in self.names

    def health(self) -> dict[str, float]:
        """The factor on each task's loss, where it is not fixed."""
        if self.weighting.fixed:
            return {}
        pairs = zip(self.names, self.weighting.weights.tolist(), strict=True)
        return {f"weight_{task}": weight for task, weight in pairs}


def heads_of(tasks: Tasks) -> dict[str, str]:
    """Task -> the first task that has the same classes, whose head it shares."""
    return {task: next(t for t in tasks if tasks[t] == tasks[task]) for task in tasks}


def stem_name(shape: Shape) -> str:
    """How the stem for inputs of a shape is called, such as ``1x28x28``."""
    return "x".join(str(size) for size in shape)


def make_stem(shape: Shape, wanted: Shape, width: int) -> nn.Sequential:
    """Two convolutions that map inputs of one (C, H, W) to another.

    Raises:
        ConfigError: one of them is no (C, H, W).
    """
    if len(shape) != 3 or len(wanted) != 3:
        raise ConfigError(f"no stem can map inputs of shape {tuple(shape)} to {tuple(wanted)}")
    return nn.Sequential(
        nn.Conv2d(shape[0], width, 5, padding=2, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        AveragePool(shape[1:], wanted[1:]),
        nn.Conv2d(width, wanted[0], 3, padding=1, bias=False),
        nn.BatchNorm2d(wanted[0]),
        nn.ReLU(),
    )


class AveragePool(nn.Module):
    """Adaptive average pooling as two matrix products.

    PyTorch's own has no deterministic gradient on a GPU.

    Args:
        size: (H, W) of what comes in.
        wanted: (H, W) of what goes out; more than that repeats values.
    """

    def __init__(self, size: Sequence[int], wanted: Sequence[int]) -> None:
        super().__init__()
        for name, before, after in zip(("rows", "columns"), size, wanted, strict=True):
            matrix = F.adaptive_avg_pool1d(torch.eye(before)[None], after)[0].T
            self.register_buffer(name, matrix.contiguous(), persistent=False)
        self.rows: Tensor
        self.columns: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, wanted H, wanted W)."""
        return self.rows @ x @ self.columns.T
