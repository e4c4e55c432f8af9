"""Domain-adversarial training of neural networks (Ganin et al., JMLR 2016)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.backbones.normalization import convert_to_domain_batch_norm, per_domain, use_domain
from translearn.data.access import Access, Batch, Labelled
from translearn.methods.base import Budget, Method, Phase, Stream, Tasks, shared_classes
from translearn.methods.parts.heads import Bottleneck, bottleneck_width, mixing, perceptron
from translearn.methods.parts.losses import adversarial_ramp, reverse_gradient
from translearn.ranges import NonNegative, Widths


class DANN(Method):
    """A label predictor and a domain classifier on shared features.

    The features minimise the label loss and, through the reversed gradient, maximise the domain
    loss (eq. 9 of the paper); lambda grows as 2 / (1 + exp(-10 p)) - 1.

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target, which must agree.
        head: hidden widths of the label predictor, or None for the backbone's own.
        discriminator: hidden widths of the domain classifier, or None for the backbone's own.
        strength: the value lambda grows towards.
        bottleneck: width of a layer of its own on the backbone's features, which mixes the domains
            where the backbone cannot; 0: none. None: ``BOTTLENECK`` where the backbone does not
            learn, else none.
        domain_batch_norm: keep batch-norm statistics per domain (affine weights stay shared); the
            target is tested with its own. None: unless the backbone keeps its statistics.
    """

    access = Access(source_labels=True, target_labels=False)

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        head: Widths | None = None,
        discriminator: Widths | None = None,
        strength: NonNegative = 1.0,
        bottleneck: Bottleneck | None = None,
        domain_batch_norm: bool | None = None,
    ) -> None:
        super().__init__(backbone, tasks)
        hidden = backbone.head_hidden if head is None else head
        width = bottleneck_width(backbone, bottleneck)
        self.bottleneck = mixing(backbone.out_dim, width)
        width = width or backbone.out_dim
        self.head = perceptron(width, hidden, shared_classes(tasks))
        hidden = backbone.discriminator_hidden if discriminator is None else discriminator
        self.discriminator = perceptron(width, hidden, 1)
        self.strength = strength
        if per_domain(domain_batch_norm, backbone, "method.domain_batch_norm"):
            convert_to_domain_batch_norm(self.backbone, ("source", "target"))
        self._seen: tuple[Tensor, Tensor, float] | None = None

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """One phase with a labelled source and an unlabelled target stream."""
        streams = {"source": Stream("source"), "target": Stream("target")}
        own = () if isinstance(self.bottleneck, nn.Identity) else ("bottleneck",)
        learn = ("backbone", *own, "head", "discriminator")
        return [Phase("train", streams, budget.steps("train"), learn)]

    def features(self, x: Tensor, domain: str) -> Tensor:
        """Features (B, D) under the batch-norm statistics of ``domain``."""
        with use_domain(self, domain):
            features: Tensor = self.bottleneck(self.backbone(x))
        return features

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """The terms ``label`` (source cross-entropy) and ``domain`` (source = 1, target = 0)."""
        source, target = batch["source"], batch["target"]
        assert isinstance(source, Labelled)
        source_features = self.features(source.x, "source")
        target_features = self.features(target.x, "target")
        label_logits = self.head(source_features)

        strength = self.strength * adversarial_ramp(progress)
        both = torch.cat([source_features, target_features])
        domain_logits = self.discriminator(reverse_gradient(both, strength)).squeeze(1).float()
        is_source = torch.zeros_like(domain_logits)
        is_source[: len(source_features)] = 1.0
        self._seen = (domain_logits.detach(), both.detach(), strength)
        return {
            "label": F.cross_entropy(label_logits.float(), source.y),
            "domain": F.binary_cross_entropy_with_logits(domain_logits, is_source),
        }

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Logits (B, classes) under the batch-norm statistics of ``task``."""
        logits: Tensor = self.head(self.features(x, task))
        return logits

    def represent(self, x: Tensor, task: str) -> Tensor:
        """Features under the batch-norm statistics of ``task``."""
        return self.features(x, task)

    def health(self) -> dict[str, float]:
        """Domain accuracy (.5: indistinguishable), lambda, and the spread of the features."""
        return {} if self._seen is None else adversary_health(*self._seen)

    def advice(self, health: Mapping[str, float]) -> str | None:
        """Warns when the features collapse, or when the domain classifier wins outright."""
        return adversary_advice(health, self.strength, "method.strength")


def adversary_health(domain_logits: Tensor, features: Tensor, strength: float) -> dict[str, float]:
    """Figures of a step: of the domain logits (B,) the first half is the source's."""
    middle = len(domain_logits) // 2
    right = (domain_logits[:middle] > 0).sum() + (domain_logits[middle:] <= 0).sum()
    return {
        "domain_accuracy": float(right) / len(domain_logits),
        "lambda": strength,
        "feature_std": float(features.float().std(dim=0).mean()),
    }


def adversary_advice(health: Mapping[str, float], strength: float, option: str) -> str | None:
    """What to change; ``strength`` is what lambda grows towards, and ``option`` its name."""
    if health.get("feature_std", 1.0) < 1e-4:
        return f"the features have collapsed to a point: lower run.lr or {option}, or set run.clip"
    if health.get("lambda", 0.0) > 0.9 * strength and health["domain_accuracy"] > 0.99:
        return (
            f"the domain classifier wins outright, so the domains do not mix: raise {option}, "
            "make it smaller (method.discriminator=[50]), or lower run.lr"
        )
    return None
