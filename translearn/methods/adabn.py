"""Adaptive batch normalization (Li et al., "Revisiting Batch Normalization", 2016)."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from translearn.backbones.base import Backbone
from translearn.backbones.normalization import (
    DomainBatchNorm,
    convert_to_domain_batch_norm,
    estimate_statistics,
    use_domain,
)
from translearn.data.access import TrainView
from translearn.errors import ConfigError
from translearn.methods.base import Budget, Phase, Tasks
from translearn.methods.source_only import SourceOnly
from translearn.ranges import Widths


class AdaBN(SourceOnly):
    """``source_only``, tested on the target with the target's own batch-norm statistics.

    They are estimated on all its training samples, without their labels, once training is over
    (algorithm 1 of the paper); no weight changes. Until then the source's serve both domains. It is
    the one method that replaces the statistics of a backbone that keeps its own
    (``backbone.frozen_statistics``): the target's alone, after training.

    Args:
        backbone: the feature extractor, with batch norm.
        tasks: class names of source and target, which must agree.
        head: hidden widths of the classifier, or None for the backbone's own.

    Raises:
        ConfigError: the backbone has no batch norm with running statistics.
    """

    estimated: Tensor

    def __init__(self, backbone: Backbone, tasks: Tasks, head: Widths | None = None) -> None:
        super().__init__(backbone, tasks, head)
        convert_to_domain_batch_norm(self.backbone, ("source", "target"))
        self.normalizations = [m for m in backbone.modules() if isinstance(m, DomainBatchNorm)]
        if not self.normalizations:
            raise ConfigError(
                "method=adabn estimates batch-norm statistics, and this backbone has no batch norm "
                "that keeps any\nchoose one that has (narrow, wide, efficientnet_lite0, conv1d, "
                "or mlp with backbone.batch_norm=true), or method=source_only"
            )
        self.register_buffer("estimated", torch.tensor(False))
        self.statistics_of = {"source": "source", "target": "source"}
        self.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]
            lambda *_: self._follow()
        )

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """The phase of ``source_only``, then ``statistics``, which has no steps."""
        cache = "backbone" if self.backbone.learn == "none" else None
        trained = [replace(phase, cache=cache) for phase in super().phases(budget)]
        return [*trained, Phase("statistics")]

    @property
    def keeps_backbone(self) -> bool:
        """Never: the last phase changes what the backbone makes of the target."""
        return False

    def train(self, mode: bool = True) -> "AdaBN":
        """Training mode; where the backbone keeps its statistics, batch norm stays as it is."""
        super().train(mode)
        if self.backbone.keeps_statistics:
            for layer in self.normalizations:
                layer.eval()
        return self

    def enter(self, phase: Phase, view: TrainView) -> None:
        """``statistics``: one pass over the target's training samples."""
        if phase.name != "statistics":
            return
        with estimate_statistics(self.backbone, "target"):
            view.outputs("target", self.backbone)
            if view.limited("target"):
                view.outputs("target", self.backbone, unlabelled=True)
        self.estimated.fill_(True)
        self._follow()

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Logits (B, classes) under the batch-norm statistics of ``task``."""
        logits: Tensor = self.head(self.represent(x, task))
        return logits

    def represent(self, x: Tensor, task: str) -> Tensor:
        """Features under the batch-norm statistics of ``task``."""
        with use_domain(self.backbone, self.statistics_of[task]):
            return super().represent(x, task)

    def _follow(self) -> None:
        """Take the target's statistics where there are any; read here, for no graph branches."""
        self.statistics_of["target"] = "target" if self.estimated else "source"
