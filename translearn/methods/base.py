"""What a method is: phases, one training step, one prediction. The table of quadrants."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from translearn.answers.asked import Asked
from translearn.backbones.base import Backbone
from translearn.data.access import Access, Batch, TrainView
from translearn.errors import ConfigError

Tasks = Mapping[str, Sequence[str]]  # task name -> class names
RankMean = Callable[[Sequence[Tensor]], None]

BACKBONE_RATE = 0.1  # of the learning rate, for a pretrained backbone


class Stream(NamedTuple):
    """Where one part of a batch comes from.

    Attributes:
        domain: a task of the train view, such as ``source``.
        batch_size: samples of a step, where that is not the phase's batch size.
        views: 0: the samples themselves, with the run's augmentation if it is asked for; n: every
            sample n times, each time changed by the augmentation ``views`` with draws of its own.
            The batch's ``x`` is then (n, B, ...).
        partners: the name of a table (M, k) in ``Method.kept``: for each sample positions of k
            others in the same set, such as its neighbours. One of them, drawn anew in every epoch,
            is prepared as the sample itself is and comes last in ``x``: (n + 1, B, ...), and
            (2, B, ...) for ``views=0``.
        unlabelled: whether the samples come without labels: those that a label budget hides of the
            task, or without a budget all of them.
        among: the name of a mask (M,) in ``Method.kept``: only the samples that it holds are drawn,
            and the batch's ``index`` counts among these.
        weak: whether the run's own augmentation, where it fits, changes the first view instead.
    """

    domain: str
    batch_size: int | None = None
    views: int = 0
    partners: str | None = None
    unlabelled: bool = False
    among: str | None = None
    weak: bool = False


@dataclass(frozen=True)
class Phase:
    """A stretch of training with fixed streams and fixed learners.

    Attributes:
        name: as in ``method.phases.<name>``.
        streams: batch key -> stream.
        steps: optimizer steps; 0 for a phase without gradients.
        learn: names of the sub-modules that are trained (also ``backbone.layers.conv2``), not more.
        score_after: tasks whose test accuracy at the end of this phase stands in the result beside
            the final one, as ``<task>/test/accuracy_before``.
        cache: a frozen sub-module whose output for a sample never changes in this phase. Where
            nothing is augmented it is computed once a sample, see ``Method.cached``.
        head_first: whether the engine may train what is above the backbone first, on its features.
        part: of a phase that was cut in two for that, by the engine or by its method.
    """

    name: str
    streams: Mapping[str, Stream] = field(default_factory=dict)
    steps: int = 0
    learn: tuple[str, ...] = ()
    score_after: tuple[str, ...] = ()
    cache: str | None = None
    head_first: bool = True
    part: Literal["whole", "head", "rest"] = "whole"


@dataclass(frozen=True)
class Budget:
    """``run.source_samples``, what one stream draws over all phases, as steps.

    So rows of a table see the source equally often, whatever other streams stand beside it.

    Attributes:
        source_samples: labelled images of the source to draw; a method that has none draws as many
            of its own.
        batch_sizes: phase name -> images of each stream in a step.
        max_steps: the most steps of any phase, or None.
        sizes: task -> its training samples.
        ranks: processes that share every batch.
    """

    source_samples: int
    batch_sizes: Mapping[str, int]
    max_steps: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    ranks: int = 1

    def steps(self, phase: str, share: float = 1.0) -> int:
        """Steps of ``phase`` when each of its streams draws ``share`` of the budget."""
        steps = max(1, int(self.source_samples * share) // self.batch_sizes[phase])
        return min(steps, self.max_steps or steps)


class Method(Asked):
    """Base of every method.

    ``forward`` is the training step and returns named, weighted loss terms, so that data-parallel
    training wraps the method once. Subclasses set ``access`` and ``reference``.

    Attributes:
        access: which training labels the method may see; where that depends on its options, an
            object has its own.
        reference: whether it is a row to compare with rather than a transfer method.
        needs: the tasks that it cannot do without.
        mixed_inputs: whether tasks may differ in what a sample looks like.
        clusters: whether ``predict`` scores clusters, which the judge matches to the classes.
        headline: the metric that tables show; None: one of the main task's test, by the data.
        term_gradients: whether ``backward`` takes the gradient of each term by itself. Then several
            ranks average them there, and not in the data-parallel wrapper.
        trains_network: whether it is about training the backbone, whose ``learn`` cannot be none.
        describes: whether ``describe`` has something to say about a sample beside its class.
        kept: tensors made by ``enter`` that a checkpoint must hold.
        cached: set by the loop: whether batches hold the output of ``Phase.cache``, not samples.
    """

    access: Access
    reference: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ("source", "target")
    mixed_inputs: ClassVar[bool] = False
    clusters: ClassVar[bool] = False
    headline: ClassVar[str | None] = None
    term_gradients: bool = False
    trains_network: ClassVar[bool] = False
    describes: bool = False

    def __init__(self, backbone: Backbone, tasks: Tasks) -> None:
        super().__init__(tasks)
        self.backbone = backbone
        self.kept: dict[str, Tensor] = {}
        self.cached = False

    @property
    def keeps_backbone(self) -> bool:
        """Whether the backbone that it is built with never changes."""
        return self.backbone.learn == "none"

    @property
    def on_features(self) -> bool:
        """Whether its samples are that backbone's features, which the engine computes once."""
        return self.keeps_backbone and self.backbone.passes_features

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """The phases, in order."""
        raise NotImplementedError

    def enter(self, phase: Phase, view: TrainView) -> None:
        """Prepare a phase, once, before its first step. Results live in ``kept`` or in modules.

        Every rank calls it; what rank 0 has computed is then copied to the others.
        """

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """One training step: loss term -> scalar; ``progress`` runs from 0 to 1 over the phase."""
        raise NotImplementedError

    def backward(self, terms: Mapping[str, Tensor], average: RankMean) -> None:
        """Leave in every trained parameter the gradient that the optimizer follows.

        Args:
            terms: what ``forward`` returned.
            average: replaces tensors by their mean over the ranks.
        """
        torch.stack(list(terms.values())).sum().backward()

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Normalised images (B, C, H, W) -> scores (B, classes of ``task``)."""
        raise NotImplementedError

    def from_source(self) -> dict[str, Tensor]:
        """What of ``state_dict`` began as the source model's, for ``average_with_source``."""
        return {}

    def represent(self, x: Tensor, task: str) -> Tensor:
        """Normalised images -> the features (B, D) that ``run.probe`` judges."""
        features: Tensor = self.backbone(x)
        return features

    def predicts(self, task: str) -> bool:
        """Whether the method has an answer for ``task``; what it has none for is not scored."""
        return True

    def describe(self, x: Tensor) -> list[str]:
        """A few words on each of a batch of inputs, for a method that ``describes``."""
        raise NotImplementedError

    def about(self) -> dict[str, Any]:
        """What a trained model needs besides config and weights to be built again."""
        return {}

    def notes(self) -> list[str]:
        """What a reader of the result should know; it stands there among the warnings."""
        return []

    def score_width(self, task: str) -> int:
        """Columns of what ``predict`` gives for ``task``: its classes, or the clusters."""
        return len(self.tasks[task])

    def health(self) -> dict[str, float]:
        """Figures that tell whether training goes well, read at every log point."""
        return {}

    def advice(self, health: Mapping[str, float]) -> str | None:
        """What to change when ``health`` is bad, else None."""
        return None

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """Optimizer groups of what is trained: a pretrained backbone learns at ``lr`` / 10."""
        of_backbone = {id(parameter) for parameter in self.backbone.parameters()}
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        inside = [p for p in trained if id(p) in of_backbone]
        others = [p for p in trained if id(p) not in of_backbone]
        slower = lr * (BACKBONE_RATE if self.backbone.pretrained else 1.0)
        rates = ((inside, slower), (others, lr))
        return [{"params": group, "lr": rate} for group, rate in rates if group]


def shared_classes(tasks: Tasks) -> int:
    """The number of classes of source and target, which must be the same classes.

    Raises:
        ConfigError: they differ.
    """
    if list(tasks["source"]) != list(tasks["target"]):
        raise ConfigError(
            f"this method needs the same classes in source and target; they have "
            f"{len(tasks['source'])} and {len(tasks['target'])}, or other names\n"
            "choose data with shared classes (tl-run --help lists them)"
        )
    return len(tasks["source"])


def quadrant(method: Method | type[Method]) -> str:
    """The cell of the quadrant table that ``access`` puts the method in, or ``reference``."""
    if method.reference:
        return "reference"
    words, access = {True: "labelled", False: "unlabelled"}, method.access
    return f"source_{words[access.source_labels]}+target_{words[access.target_labels]}"
