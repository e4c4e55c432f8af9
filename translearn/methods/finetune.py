"""Fine-tuning: train on the source, continue on a few labelled target samples."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.backbones.groups import Choice, choose_groups
from translearn.data.access import Access, Batch, Labelled, TrainView
from translearn.errors import ConfigError
from translearn.methods.base import BACKBONE_RATE, Budget, Method, Phase, Stream, Tasks
from translearn.methods.parts.closeness import Closeness, Term
from translearn.methods.parts.heads import learns, parted, perceptron
from translearn.methods.parts.layers import LayerRates
from translearn.methods.parts.source_model import read_source_model, start_weights
from translearn.ranges import Part, Widths


class Finetune(Method):
    """Cross-entropy on the source, then on the target; conservative and layer-wise if asked to.

    Which layers are transferred, and which of these stay frozen, decides what the target can use
    (Yosinski et al., "How transferable are features in deep neural networks?", NeurIPS 2014).
    ``closeness`` keeps the target model near the source model while it trains. The source head is
    kept: the source's accuracy after the target phase shows what was forgotten.

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target, which may differ.
        head: hidden widths of both classifiers, or None for the backbone's own.
        init: run folder whose model replaces the source phase, or None.
        source_share: share of ``run.source_samples`` drawn in the source phase; 0 with a pretrained
            backbone leaves that phase out, and there is no source model then.
        target_head: ``source`` (a copy of the source head; needs the same classes), ``new``, or
            ``auto``: a copy if the classes are the same and the last group, whose output it reads,
            is transferred.
        transfer: the layer groups that are transferred; the others start anew.
        freeze: those of the transferred groups that keep their weights.
        layers: makes the rates at which the others learn.
        closeness: name -> makes a loss term that keeps the model near the source model: ``Output``,
            ``Parameter``, ``Feature``, ``SpectralShrinkage``; none is plain fine-tuning.

    Raises:
        ConfigError: a value is out of range, names no group, or contradicts another.
    """

    access = Access(source_labels=True, target_labels=True)
    answers = ("class", "number")

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        head: Widths | None = None,
        init: str | None = None,
        source_share: Part = 0.5,
        target_head: Literal["auto", "source", "new"] = "auto",
        transfer: Choice = "all",
        freeze: Choice = "none",
        layers: Callable[..., LayerRates] = LayerRates,
        closeness: Mapping[str, Callable[..., Term]] = MappingProxyType({}),
    ) -> None:
        super().__init__(backbone, tasks)
        hidden = backbone.head_hidden if head is None else head
        self.source_head = perceptron(backbone.out_dim, hidden, len(tasks["source"]))
        self.target_head = perceptron(backbone.out_dim, hidden, len(tasks["target"]))
        self.init, self.source_share = init, source_share

        groups = tuple(backbone.group_paths)
        self.transferred = choose_groups(transfer, groups, "method.transfer")
        self.frozen = choose_groups(freeze, self.transferred, "method.freeze")
        self.tuned = tuple(name for name in self.transferred if name not in self.frozen)
        self.fresh = tuple(name for name in groups if name not in self.transferred)
        self.start = start_weights(backbone, self.fresh)
        self.layers = layers()

        self.copies_head = self._copies_head(target_head)
        self.closeness = Closeness(closeness, backbone, self.source_head, self.tuned)
        if backbone.learn == "none" and (self.fresh or self.closeness.watched):
            raise ConfigError(
                "backbone.learn=none tunes no layer: method.transfer and method/closeness=feature "
                "have nothing to do\nadd backbone.learn=all"
            )
        if self.closeness.keeps_head and not self.predicts("source"):
            raise ConfigError("method/closeness=output needs a source model: source_share is 0")

    def _copies_head(self, target_head: str) -> bool:
        """Whether the target head begins as a copy of the source head."""
        same = self.tasks["source"] == self.tasks["target"] and self.predicts("source")
        if target_head == "source" and not same:
            raise ConfigError(
                "method.target_head=source needs a source model with the target's classes"
            )
        joined = list(self.backbone.group_paths)[-1] in self.transferred
        return same and (target_head == "source" or (target_head == "auto" and joined))

    @property
    def keeps_backbone(self) -> bool:
        """Where nothing of the backbone learns, and no earlier run gives it other weights."""
        return super().keeps_backbone and self.init is None

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """``source`` (without steps if ``init`` replaces it), then ``target``."""
        source, share = list[Phase](), 0.0
        if self.init is not None:
            source = [Phase("source", score_after=("source",))]
        elif self.source_share > 0:
            share = self.source_share
            steps, learn = budget.steps("source", share), ("backbone", "source_head")
            source = [Phase("source", {"source": Stream("source")}, steps, learn, ("source",))]
        elif not self.backbone.pretrained:
            raise ConfigError(
                "method.source_share=0 leaves nothing to transfer\n"
                "add backbone.pretrained=true or method.init=<run folder>, or give it a share"
            )
        steps = budget.steps("target", 1 - share)
        cache = "backbone" if self._features_stay() else None
        streams = {"target": Stream("target")}
        target = Phase(
            "target", streams, steps, self._learners(), cache=cache,
            head_first=not self.closeness.watched,
        )  # fmt: skip
        alone = int(steps * self.closeness.warmup)
        if not alone or not self.warms_up:
            return [*source, target]
        target, kept = replace(target, head_first=False), None if self.fresh else "backbone"
        new = [*self._paths(self.fresh), "target_head"]
        return [*source, *parted(target, alone, new, kept)]

    def _features_stay(self) -> bool:
        """Whether phase ``target`` gives an image the same features at every step."""
        keeps = self.layers.frozen_statistics or self.backbone.keeps_statistics
        still = not self.tuned or self.backbone.learn == "none"
        return still and keeps and not self.fresh and not self.closeness.on_batch

    def _learners(self) -> tuple[str, ...]:
        """What phase ``target`` trains: the groups that are not frozen, and the heads in use."""
        heads = ("target_head", "source_head") if self.closeness.keeps_head else ("target_head",)
        if not self.frozen:
            return ("backbone", *heads)
        tuned = [name for name in self.backbone.group_paths if name not in self.frozen]
        return (*self._paths(tuned), *heads)

    def _paths(self, groups: Iterable[str]) -> list[str]:
        paths = self.backbone.group_paths
        return [f"backbone.{path}" for name in groups for path in paths[name]]

    @property
    def warms_up(self) -> bool:
        """Whether there is a new head beside a source model that is tuned with it."""
        return not self.copies_head and bool(self.tuned) and self.backbone.learn != "none"

    def enter(self, phase: Phase, view: TrainView) -> None:
        """``source``: read ``init``. ``target``: keep the source model, start the rest anew."""
        if phase.name == "source":
            if self.init is not None:
                read_source_model(self.init, self.tasks["source"], self.backbone, self.source_head)
            return
        self.closeness.take(self.backbone, self.source_head)
        if self.copies_head:
            self.target_head.load_state_dict(self.source_head.state_dict())
        state = self.backbone.state_dict()
        with torch.no_grad():
            for name, tensor in self.start.items():
                state[name].copy_(tensor)

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """The term ``label``, and in phase ``target`` one for each kind of closeness."""
        images = batch[phase]
        assert isinstance(images, Labelled)
        if phase == "source":
            logits = self.source_head(self.backbone(images.x))
            return {"label": self.answer("source").loss(logits, images.y)}
        features, terms = images.x, dict[str, Tensor]()
        if not self.cached:
            features, terms = self.closeness.on_features(images.x, self.backbone, self.source_head)
        new = self.backbone.group_parameters(self.fresh)
        copied = [self.source_head] if self.closeness.keeps_head else []
        if self.copies_head:
            copied.append(self.target_head)
        else:
            new.extend(self.target_head.parameters())
        label = self.answer("target").loss(self.target_head(features), images.y)
        return {"label": label, **terms, **self.closeness.on_weights(self.backbone, copied, new)}

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Logits (B, classes of ``task``) by the head of that task."""
        logits: Tensor = getattr(self, f"{task}_head")(self.backbone(x))
        return logits

    def from_source(self) -> dict[str, Tensor]:
        """Transferred groups, and the heads that began as the source head and learn."""
        if not self.predicts("source"):
            return {}
        groups = self.transferred if self.tuned and self.backbone.learn != "none" else ()
        found = {f"backbone.{n}": t for n, t in self.backbone.group_state(groups).items()}
        if self.copies_head:
            found |= self.target_head.state_dict(prefix="target_head.")
        if self.closeness.keeps_head:
            found |= self.source_head.state_dict(prefix="source_head.")
        return found

    def predicts(self, task: str) -> bool:
        """False for the source where there never was a source model."""
        return task != "source" or self.init is not None or self.source_share > 0

    def train(self, mode: bool = True) -> "Finetune":
        """Training mode, without batch norm in frozen groups if their statistics are frozen.

        Groups that start anew have no statistics to keep, whatever the backbone does.
        """
        super().train(mode)
        if mode and learns(self.target_head):
            kept = self.frozen if self.layers.frozen_statistics else ()
            if self.closeness.keeps_head and not learns(self.source_head):  # the warm-up
                kept = self.transferred
            for names, training in ((self.fresh, True), (kept, False)):
                for layer in self.backbone.group_layers(names):
                    if isinstance(layer, nn.Module):
                        layer.train(training)
        return self

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """In phase ``target`` every layer group has a rate, and a moment to start, of its own."""
        if not learns(self.target_head):
            return super().param_groups(lr)
        pretrained = BACKBONE_RATE if self.backbone.pretrained else 1.0
        groups = [self._group(self.target_head.parameters(), lr, self.copies_head)]
        if self.closeness.keeps_head and learns(self.source_head):
            groups.append(self._group(self.source_head.parameters(), lr, True))
        names = list(self.backbone.group_paths)[::-1]
        for depth, name in enumerate(names):
            if name not in self.frozen:
                moved = name in self.tuned
                factor = (pretrained if moved else 1.0) * self.layers.factor(depth, moved)
                parameters = self.backbone.group_parameters([name])
                learning = [p for p in parameters if p.requires_grad]
                group = self._group(learning, lr * factor, moved)
                groups.append({**group, "starts": self.layers.starts(depth, names)})
        return [group for group in groups if group["params"]]

    def _group(self, parameters: Iterable[Tensor], lr: float, moved: bool) -> dict[str, Any]:
        """An optimizer group; without weight decay where a term of closeness replaces it."""
        group = {"params": list(parameters), "lr": lr}
        return {**group, "weight_decay": 0.0} if moved and self.closeness.replaces_decay else group
