"""Self-taught clustering: no labels anywhere; features by a pretext, then k-means or SCAN."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.data.access import Access, Batch, TrainView
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.methods.base import Budget, Method, Phase, Tasks
from translearn.methods.parts.clusters import Clusters, Scan
from translearn.methods.parts.grouping import Applied, cluster_choices
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
from translearn.ranges import Middle, Range, Span
from translearn.renamed import present_weight


class SelfCluster(Method):
    """Groups the unlabelled target images; the judge alone compares the groups with classes.

    First the backbone learns a pretext, then its embeddings are grouped: see ``KMeans`` and
    ``Scan``.

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target; the target's give the default of ``clusters``.
        input_shapes: task -> what a prepared image looks like.
        pretext: makes the task without labels, as in self-taught learning but ``SparseCoding``;
            ``Pixels`` learns nothing.
        init: folder of an earlier run with the same pretext, whose pretraining replaces this one's.
        pretrain_on: ``source``, ``target`` or ``both``.
        pretrain_share: share of ``run.source_samples`` that each stream of phase ``pretrain`` draws
            where training follows, which draws it too where there is no pretraining.
        cluster: makes the rule of grouping.
        clusters: their number; ``auto``: the one in ``cluster_range`` whose k-means has the best
            silhouette; None: the number of the target's classes.
        cluster_range: least and largest number for ``auto``.

    Raises:
        ConfigError: a value is out of range.
    """

    access = Access(source_labels=False, target_labels=False)
    headline = "target/test/cluster_accuracy"
    clusters = True
    trains_network = True

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        input_shapes: Mapping[str, Shape],
        pretext: Callable[..., Pretext] = SimCLR,
        init: str | None = None,
        pretrain_on: PretrainOn = "both",
        pretrain_share: Middle = 0.7,
        cluster: Callable[..., Clusters] = Scan,
        clusters: Annotated[int, Range(2, 2**20)] | Literal["auto"] | None = None,
        cluster_range: Annotated[Sequence[int], Span(2)] = (2, 20),
    ) -> None:
        super().__init__(backbone, tasks)
        self.pretext = pretext(backbone, input_shapes["target"])
        if self.pretext.own_trunk:
            raise ConfigError("method/pretext=sparse_coding is for method=selftaught")
        if init and not self.pretext.learns:
            raise ConfigError("method/pretext=none uses no pretraining; leave method.init out")
        self.domains = pretrain_domains(pretrain_on)
        self.pretrain_share, self.init = pretrain_share, init
        choices = cluster_choices(clusters, cluster_range, len(self.tasks["target"]))
        seed = int(torch.randint(2**31, ()))
        self.cluster = cluster(backbone.out_dim, self.pretext.width, choices, seed)
        self.register_load_state_dict_pre_hook(read_older)  # type: ignore[no-untyped-call]

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """``pretrain`` (no steps for pixels and ``init``), then those of ``cluster``."""
        pretrain, share = Phase("pretrain"), 0.0
        streams = {} if self.init else pretrain_streams(self.domains, self.pretext)
        if streams:
            share = 1.0 if self.cluster.untouched else self.pretrain_share
            steps = budget.steps("pretrain", share)
            pretrain = Phase("pretrain", streams, steps, ("backbone", "pretext"))
        return [pretrain, *self.cluster.phases(budget, 1 - share)]

    def embedding(self, x: Tensor) -> Tensor:
        """Normalised images -> what they are compared by (B, D)."""
        return self.pretext.compared(self.backbone, x)

    def enter(self, phase: Phase, view: TrainView) -> None:
        """``pretrain``: read ``init``. Later phases without steps: group the embeddings."""
        if phase.name == "pretrain" and self.init:
            read_pretraining(self.init, self.backbone, self.pretext)
        elif phase.name != "pretrain" and not phase.steps:
            embeddings = view.outputs("target", Applied(self.embedding), unlabelled=True)
            self.kept.update(
                self.cluster.enter(
                    embeddings, lambda: view.outputs("target", self.backbone, unlabelled=True)
                )
            )

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """The pretext's terms, then those of ``cluster``."""
        if phase == "pretrain":
            images = together(batch, stacked=self.pretext.views > 0)
            return self.pretext.loss(self.backbone, images)
        self.pretext.seen = None
        return self.cluster.losses(phase, self.backbone, batch["target"].x)

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Scores (B, most) over clusters."""
        return self.cluster.scores(self.backbone, self.pretext, x)

    def predicts(self, task: str) -> bool:
        """The target, once there are clusters."""
        return task == "target" and bool(self.cluster.used.any())

    def score_width(self, task: str) -> int:
        """The most clusters there may be."""
        return len(self.cluster.used)

    def health(self) -> dict[str, float]:
        """In phase ``pretrain`` the spread of features, later how clusters are used."""
        return self.cluster.health() or spread(self.pretext.seen)

    def advice(self, health: Mapping[str, float]) -> str | None:
        """Warns when features collapse, or when clusters fall empty."""
        if "clusters_used" in health:
            return self.cluster.advice(health)
        return collapse_advice(health, self.pretext)


def read_older(method: nn.Module, state: dict[str, Tensor], prefix: str, *others: Any) -> None:
    """Give the weights of an earlier release the names of this one, before they are loaded."""
    for name in [name for name in state if name.startswith(prefix)]:
        present = prefix + present_weight("selfcluster", name.removeprefix(prefix))
        state[present] = state.pop(name)
    own = {prefix + name: tensor for name, tensor in method.state_dict().items()}
    if f"{prefix}cluster.shares" in own:  # which training alone asks for
        state.setdefault(f"{prefix}cluster.shares", own[f"{prefix}cluster.shares"])
