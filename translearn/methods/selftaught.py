"""Self-taught learning (Raina et al., ICML 2007): unlabelled source, few labelled target images."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.backbones.groups import Choice, choose_groups
from translearn.data.access import Access, Batch, Labelled, TrainView
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.methods.base import Budget, Method, Phase, Stream, Tasks
from translearn.methods.parts.heads import perceptron
from translearn.methods.parts.pretext import Pretext
from translearn.methods.parts.pretraining import (
    PretrainOn,
    collapse_advice,
    pretrain_domains,
    pretrain_streams,
    read_pretraining,
    spread,
    together,
)
from translearn.methods.parts.two_views import SimCLR
from translearn.ranges import Middle, Widths


class SelfTaught(Method):
    """A pretext on unlabelled images, then a softmax classifier on the labelled target.

    The classifier sees the direction of features, not their length. For simclr and vicreg these are
    those of the projector's first layer (Chen et al., "Big self-supervised models are strong
    semi-supervised learners", NeurIPS 2020, section 3): what lies below it is less invariant, and
    needs more labels. The source need not have the target's classes, or any: its labels are not in
    the view. With the trunk frozen the second phase is linear evaluation, else fine-tuning.

    Args:
        backbone: the feature extractor; ``sparse_coding`` leaves it unused.
        tasks: class names of source and target.
        input_shapes: task -> what a prepared image looks like.
        pretext: makes the task without labels: ``SimCLR``, ``VICReg``, ``Rotation``,
            ``Autoencoder`` or ``SparseCoding``.
        init: folder of an earlier run with the same pretext, whose pretraining replaces this one's.
        pretrain_on: ``source``, ``target`` (its unlabelled images), or ``both``. Under a label
            budget the unlabelled target images are those outside the budget.
        pretrain_share: share of ``run.source_samples`` that each stream of phase ``pretrain``
            draws; where that takes no steps, phase ``target`` draws them all.
        freeze: the layer groups that phase ``target`` leaves as they are: ``all``, ``none``,
            ``first:N``, ``last:N`` or names. They keep their batch-norm statistics too.
        head: hidden widths of the classifier; none: a linear one.
        from_middle: whether the classifier sits on the projector's first layer, for simclr and
            vicreg; else on the backbone's features.

    Raises:
        ConfigError: a value is out of range, or contradicts another.
    """

    access = Access(source_labels=False, target_labels=True)
    trains_network = True

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        input_shapes: Mapping[str, Shape],
        pretext: Callable[..., Pretext] = SimCLR,
        init: str | None = None,
        pretrain_on: PretrainOn = "source",
        pretrain_share: Middle = 0.9,
        freeze: Choice = "all",
        head: Widths = (),
        from_middle: bool = True,
    ) -> None:
        super().__init__(backbone, tasks)
        self.pretrain_share, self.init = pretrain_share, init
        self.pretext = pretext(backbone, input_shapes["target"])
        if not self.pretext.learns:
            raise ConfigError("method/pretext=none is for method=selfcluster")
        self.domains = pretrain_domains(pretrain_on)

        groups = tuple(backbone.group_paths)
        self.frozen = choose_groups(freeze, groups, "method.freeze")
        self.linear = len(self.frozen) == len(groups)
        codes = self.pretext.own_trunk
        if codes and not self.linear:
            raise ConfigError(
                "method/pretext=sparse_coding has no layers to tune; use method.freeze=all"
            )
        self.trunk = "pretext" if codes else "backbone"
        self.middle = from_middle and any(True for _ in self.pretext.middle.parameters())
        inputs = self.pretext.middle_width if codes or self.middle else backbone.out_dim
        self.head = perceptron(inputs, head, len(self.tasks["target"]))

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """``pretrain`` (without steps for sparse coding and ``init``), then ``target``."""
        streams = {} if self.init else pretrain_streams(self.domains, self.pretext)
        pretrain, share = Phase("pretrain"), 0.0
        if streams:
            share = self.pretrain_share
            steps = budget.steps("pretrain", share)
            pretrain = Phase("pretrain", streams, steps, ("backbone", "pretext"))
        cache = self.trunk if self.linear else None
        target = {"target": Stream("target")}
        steps = budget.steps("target", 1 - share)
        return [pretrain, Phase("target", target, steps, self._learners(), cache=cache)]

    def _learners(self) -> tuple[str, ...]:
        """What phase ``target`` trains: the head, and the groups that are not frozen."""
        groups = self.backbone.group_paths.items()
        paths = [path for name, paths in groups if name not in self.frozen for path in paths]
        middle = ("pretext.middle",) if self.middle and not self.linear else ()
        return (*(f"backbone.{path}" for path in paths), *middle, "head")

    def enter(self, phase: Phase, view: TrainView) -> None:
        """``pretrain``: read ``init``, or compute what the pretext needs no gradients for."""
        if phase.name == "pretrain" and self.init:
            read_pretraining(self.init, self.backbone, self.pretext)
        elif phase.name == "pretrain":
            self.pretext.enter(view, self.domains)

    def above(self, features: Tensor) -> Tensor:
        """What the trunk gives -> what the classifier sees: unit vectors (B, D)."""
        if self.middle:
            features = self.pretext.middle(features)
        return F.normalize(features.float(), dim=1)

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """The pretext's terms, or in phase ``target`` the term ``label``."""
        if phase == "pretrain":
            images = together(batch, stacked=self.pretext.views > 0)
            return self.pretext.loss(self.backbone, images)
        self.pretext.seen = None
        labelled = batch["target"]
        assert isinstance(labelled, Labelled)
        features = labelled.x if self.cached else self.get_submodule(self.trunk)(labelled.x)
        logits = self.head(self.above(features))
        return {"label": F.cross_entropy(logits.float(), labelled.y)}

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Logits (B, classes of the target), for every task that has these."""
        logits: Tensor = self.head(self.represent(x, task))
        return logits

    def represent(self, x: Tensor, task: str) -> Tensor:
        """Normalised images -> what the classifier sees (B, D)."""
        features: Tensor = self.get_submodule(self.trunk)(x)
        return self.above(features)

    def predicts(self, task: str) -> bool:
        """Whether the task has the target's classes."""
        return self.tasks[task] == self.tasks["target"]

    def health(self) -> dict[str, float]:
        """In phase ``pretrain``: whether the features have collapsed."""
        return spread(self.pretext.seen)

    def advice(self, health: Mapping[str, float]) -> str | None:
        """Warns when they have."""
        return collapse_advice(health, self.pretext)

    def train(self, mode: bool = True) -> "SelfTaught":
        """Training mode, in phase ``target`` without batch norm in the frozen groups."""
        super().train(mode)
        if mode and next(self.head.parameters()).requires_grad:
            for layer in self.backbone.group_layers(self.frozen):
                if isinstance(layer, nn.Module):
                    layer.eval()
            self.pretext.train(not self.linear)
        return self
