"""Conditional domain-adversarial networks (Long et al., NeurIPS 2018)."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.methods.base import Tasks, shared_classes
from translearn.methods.dann import adversary_advice, adversary_health
from translearn.methods.parts.adaptation import Adaptation, Outputs
from translearn.methods.parts.heads import Bottleneck, perceptron
from translearn.methods.parts.losses import entropies, full_precision, reverse_gradient
from translearn.ranges import NonNegative, Part, Widths

MOST_PRODUCTS = 4096  # of a feature and a class; above it a random map stands for them
RANDOM_WIDTH = 1024


class CDAN(Adaptation):
    """A domain classifier that sees features together with the predicted classes.

    Its input is the outer product of features f and predictions g (section 3.1), or where that has
    more than ``MOST_PRODUCTS`` numbers (R_f f) * (R_g g) / sqrt(d) with fixed random R (section
    3.2). No gradient flows through g there. The features take its reversed gradient, lambda grows
    as in DANN.

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target, which must agree.
        head: as in ``Adaptation``, like all that is not named here.
        weight: the value lambda grows towards.
        bottleneck: likewise.
        label_smoothing: likewise.
        use_target_labels: likewise.
        domain_batch_norm: likewise.
        discriminator: hidden widths of the domain classifier, or None for the backbone's own.
        entropy: CDAN+E: a sample weighs 1 + exp(-H(g)), over the mean of its domain (section 3.3).
    """

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        head: Widths | None = None,
        weight: NonNegative = 1.0,
        bottleneck: Bottleneck | None = None,
        label_smoothing: Part = 0.0,
        use_target_labels: bool = False,
        domain_batch_norm: bool | None = None,
        discriminator: Widths | None = None,
        entropy: bool = True,
    ) -> None:
        super().__init__(
            backbone, tasks, head, weight, bottleneck, label_smoothing, use_target_labels,
            domain_batch_norm,
        )  # fmt: skip
        self.entropy = entropy
        self.conditioning = Conditioning(self.width, shared_classes(tasks))
        hidden = backbone.discriminator_hidden if discriminator is None else discriminator
        self.discriminator = perceptron(self.conditioning.out_dim, hidden, 1)
        self.learned = (*self.learned, "discriminator")
        self._seen: tuple[Tensor, Tensor, float] | None = None

    def terms(self, source: Outputs, target: Outputs, strength: float) -> dict[str, Tensor]:
        """``domain``: the loss of the domain classifier (source = 1, target = 0)."""
        features = torch.cat([source.features, target.features])
        predicted = torch.cat([source.logits, target.logits]).detach().softmax(dim=1)
        conditioned = self.conditioning(reverse_gradient(features, strength), predicted)
        domain_logits = self.discriminator(conditioned).squeeze(1).float()
        is_source = torch.zeros_like(domain_logits)
        is_source[: len(source.features)] = 1.0
        losses = F.binary_cross_entropy_with_logits(domain_logits, is_source, reduction="none")
        self._seen = (domain_logits.detach(), features.detach(), strength)
        return {"domain": (losses * self.sureness(predicted, is_source)).mean()}

    def sureness(self, predicted: Tensor, is_source: Tensor) -> Tensor:
        """The weights (B,) of samples in the domain loss, 1 in the mean over each domain."""
        if not self.entropy:
            return torch.ones_like(is_source)
        weights = 1 + (-entropies(predicted)).exp()
        of_source = (weights * is_source).sum() / is_source.sum()
        of_target = (weights * (1 - is_source)).sum() / (1 - is_source).sum()
        return weights / torch.where(is_source > 0, of_source, of_target)

    def health(self) -> dict[str, float]:
        """As in DANN."""
        return {} if self._seen is None else adversary_health(*self._seen)

    def advice(self, health: Mapping[str, float]) -> str | None:
        """As in DANN."""
        return adversary_advice(health, self.weight, "method.weight")


class Conditioning(nn.Module):
    """Features (B, D) and predictions (B, classes) as one vector (B, out_dim).

    Args:
        features: D.
        classes: their number.
    """

    for_features: Tensor
    for_classes: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.random = features * classes > MOST_PRODUCTS
        self.out_dim = RANDOM_WIDTH if self.random else features * classes
        if self.random:  # buffers, so that a continued run has the same
            self.register_buffer("for_features", torch.randn(features, RANDOM_WIDTH))
            self.register_buffer("for_classes", torch.randn(classes, RANDOM_WIDTH))

    def forward(self, features: Tensor, predicted: Tensor) -> Tensor:
        """The outer product, or its random map."""
        if not self.random:
            return torch.einsum("bf,bc->bcf", features.float(), predicted).flatten(1)
        with full_precision(features):
            mapped: Tensor = (features.float() @ self.for_features) * (predicted @ self.for_classes)
        return mapped / math.sqrt(RANDOM_WIDTH)
