"""Conservative training: loss terms that keep a model near the source model it started from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.backbones.groups import group_outputs
from translearn.errors import ConfigError
from translearn.methods.parts.losses import (
    distillation,
    feature_distance,
    spectral_shrinkage,
    squared_distance,
)
from translearn.methods.parts.source_model import SourceModel


@dataclass(frozen=True)
class Strengths:
    """Weights of the terms; a kind whose weight is 0 is as good as not chosen.

    Attributes:
        output: of the distillation.
        temperature: of the distillation.
        alpha: of L2-SP for transferred weights.
        beta: of L2-SP for new weights.
        feature: of the distance of feature maps.
        bss: of batch spectral shrinkage.
    """

    output: float
    temperature: float
    alpha: float
    beta: float
    feature: float
    bss: float

    def of(self, kind: str) -> float:
        """The weight of a kind of closeness.

        Raises:
            ConfigError: there is no such kind, or a value is out of range.
        """
        weights = {
            "output": self.output,
            "parameter": max(self.alpha, self.beta),
            "feature": self.feature,
            "bss": self.bss,
        }
        if kind not in weights:
            raise ConfigError(f"method.closeness: no {kind!r}; there are {', '.join(weights)}")
        if min(*weights.values(), self.alpha, self.beta) < 0 or self.temperature <= 0:
            raise ConfigError("method.closeness: a weight below 0, or a temperature not above 0")
        return weights[kind]


class Closeness(nn.Module):
    """The chosen terms, and the frozen source model that they compare with.

    Args:
        kinds: any of ``output``, ``parameter``, ``feature``, ``bss``.
        strengths: their weights.
        backbone: of the source model.
        head: of the source model.
        groups: the layer groups that were transferred and are trained.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        strengths: Strengths,
        backbone: Backbone,
        head: nn.Module,
        groups: Sequence[str],
    ) -> None:
        super().__init__()
        self.kinds = tuple(kind for kind in kinds if strengths.of(kind) > 0)
        self.strengths, self.groups = strengths, tuple(groups)
        if "feature" in self.kinds and not groups:
            raise ConfigError(
                "method.closeness=[feature] needs a layer group that is transferred and not frozen"
            )
        compares = set(self.kinds) - {"bss"}
        # held by every checkpoint, filled when the source phase has ended
        self.teacher = SourceModel(backbone, head) if compares else None

    def take(self, backbone: Backbone, head: nn.Module) -> None:
        """Remember the source model as it is now."""
        if self.teacher is not None:
            self.teacher.take(backbone, head)

    def on_features(
        self, x: Tensor, backbone: Backbone, source_head: nn.Module
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Features (B, D) of images (B, C, H, W), and the terms that depend on them."""
        watched = self.groups if "feature" in self.kinds else ()
        with group_outputs(backbone, watched) as maps:
            features: Tensor = backbone(x)
        terms: dict[str, Tensor] = {}
        if {"output", "feature"} & set(self.kinds):
            assert self.teacher is not None
            with torch.no_grad(), group_outputs(self.teacher.backbone, watched) as old_maps:
                old_logits = self.teacher(x)
            if "output" in self.kinds:
                kept = distillation(source_head(features), old_logits, self.strengths.temperature)
                terms["output"] = self.strengths.output * kept
            if "feature" in self.kinds:
                old = [old_maps[name] for name in maps]
                terms["feature"] = self.strengths.feature * feature_distance([*maps.values()], old)
        if "bss" in self.kinds:
            terms["bss"] = self.strengths.bss * spectral_shrinkage(features)
        return features, terms

    def on_weights(
        self,
        backbone: Backbone,
        from_source: Sequence[nn.Module],
        new: Sequence[nn.Parameter],
    ) -> dict[str, Tensor]:
        """The term ``parameter``: alpha / 2 ||w - w0||^2 + beta / 2 ||w||^2 of the new ones.

        Args:
            backbone: its transferred and trained groups are compared with the source model's.
            from_source: heads that began as the source head.
            new: parameters without a start in the source model.
        """
        if "parameter" not in self.kinds:
            return {}
        assert self.teacher is not None
        moved = backbone.group_parameters(self.groups)
        start = self.teacher.backbone.group_parameters(self.groups)
        for head in from_source:
            moved.extend(head.parameters())
            start.extend(self.teacher.head.parameters())
        terms = []
        if moved:
            terms.append(self.strengths.alpha * squared_distance(moved, start))
        if new:
            terms.append(self.strengths.beta * squared_distance(new))
        return {"parameter": torch.stack(terms).sum()}
