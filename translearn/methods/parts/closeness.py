"""Conservative training: loss terms that keep a model near the source model it started from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.backbones.groups import group_outputs
from translearn.errors import ConfigError
from translearn.methods.parts.source_model import SourceModel


@dataclass(frozen=True)
class Pass:
    """What the model, and beside it the source model, made of one batch.

    Attributes:
        features: of the model (B, D).
        source_head: as it is now.
        old_logits: of the source model (B, source classes); None unless some term ``compares``.
        maps: layer group -> its output, of the groups that some term ``watches``.
        old_maps: the same of the source model.
    """

    features: Tensor
    source_head: nn.Module
    old_logits: Tensor | None
    maps: Mapping[str, Tensor]
    old_maps: Mapping[str, Tensor]


@dataclass(frozen=True)
class Weights:
    """The weights of the model beside those of the source model.

    Attributes:
        moved: transferred and trained.
        start: the same in the source model.
        new: those without a start in the source model.
    """

    moved: Sequence[Tensor]
    start: Sequence[Tensor]
    new: Sequence[Tensor]


class Term:
    """One kind of closeness; with a weight of 0 it is as good as not chosen.

    Attributes:
        name: of the loss term, and of its yaml.
        strength: the weight, or the largest of several.
        compares: whether it needs what the source model makes of a batch.
        watches: whether it needs the feature maps of the trained transferred groups.
        keeps_head: whether the source head is trained along.
        on_batch: whether it looks at features; else at weights alone.
        replaces_decay: whether it stands in for the weight decay of transferred weights.
        warmup: share of the phase in which a new target head learns alone, before the rest does.
    """

    name: ClassVar[str]
    compares: ClassVar[bool] = False
    watches: ClassVar[bool] = False
    keeps_head: ClassVar[bool] = False
    on_batch: ClassVar[bool] = True
    replaces_decay: ClassVar[bool] = False
    warmup: float = 0.0

    def __init__(self, *strengths: float) -> None:
        if min(strengths) < 0:
            raise ConfigError(f"method.closeness.{self.name}: a weight below 0")
        self.strength = max(strengths)

    def of_batch(self, seen: Pass) -> Tensor:
        """The weighted loss of a batch."""
        raise NotImplementedError

    def of_weights(self, weights: Weights) -> Tensor:
        """The weighted loss of the weights."""
        raise NotImplementedError


class Closeness(nn.Module):
    """The chosen terms, and the frozen source model that they compare with.

    Args:
        kinds: name -> makes the term.
        backbone: of the source model.
        head: of the source model.
        groups: the layer groups that were transferred and are trained.

    Raises:
        ConfigError: a value is out of range, or a term has nothing to compare.
    """

    def __init__(
        self,
        kinds: Mapping[str, Callable[..., Term]],
        backbone: Backbone,
        head: nn.Module,
        groups: Sequence[str],
    ) -> None:
        super().__init__()
        self.terms = [term for make in kinds.values() if (term := make()).strength > 0]
        self.keeps_head = any(term.keeps_head for term in self.terms)
        self.on_batch = any(term.on_batch for term in self.terms)
        self.replaces_decay = any(term.replaces_decay for term in self.terms)
        self.warmup = max((term.warmup for term in self.terms), default=0.0)
        self.groups = tuple(groups)
        watches = any(term.watches for term in self.terms)
        self.watched = self.groups if watches else ()
        if watches and not groups:
            raise ConfigError(
                "method/closeness=feature needs a layer group that is transferred and not frozen"
            )
        # held by every checkpoint, filled when the source phase has ended
        taught = any(term.compares or not term.on_batch for term in self.terms)
        self.teacher = SourceModel(backbone, head) if taught else None

    def take(self, backbone: Backbone, head: nn.Module) -> None:
        """Remember the source model as it is now."""
        if self.teacher is not None:
            self.teacher.take(backbone, head)

    def on_features(
        self, x: Tensor, backbone: Backbone, source_head: nn.Module
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Features (B, D) of images (B, C, H, W), and the terms that depend on them."""
        with group_outputs(backbone, self.watched) as maps:
            features: Tensor = backbone(x)
        old_logits, old_maps = None, dict[str, Tensor]()
        if any(term.compares for term in self.terms):
            assert self.teacher is not None
            with torch.no_grad(), group_outputs(self.teacher.backbone, self.watched) as old_maps:
                old_logits = self.teacher(x)
        seen = Pass(features, source_head, old_logits, maps, old_maps)
        return features, {t.name: t.of_batch(seen) for t in self.terms if t.on_batch}

    def on_weights(
        self,
        backbone: Backbone,
        from_source: Sequence[nn.Module],
        new: Sequence[nn.Parameter],
    ) -> dict[str, Tensor]:
        """The terms that look at weights alone.

        Args:
            backbone: its transferred and trained groups are compared with the source model's.
            from_source: heads that began as the source head.
            new: parameters without a start in the source model.
        """
        terms = [term for term in self.terms if not term.on_batch]
        if not terms:
            return {}
        assert self.teacher is not None
        moved = backbone.group_parameters(self.groups)
        start = self.teacher.backbone.group_parameters(self.groups)
        for head in from_source:
            moved.extend(head.parameters())
            start.extend(self.teacher.head.parameters())
        weights = Weights(moved, start, new)
        return {term.name: term.of_weights(weights) for term in terms}
