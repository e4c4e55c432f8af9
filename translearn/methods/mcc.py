"""Minimum class confusion (Jin et al., ECCV 2020): sure and unmixed predictions on the target."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.backbones.normalization import convert_to_domain_batch_norm, per_domain, use_domain
from translearn.data.access import Access, Batch, Labelled
from translearn.methods.base import Budget, Method, Phase, Stream, Tasks, shared_classes
from translearn.methods.parts.heads import perceptron
from translearn.methods.parts.losses import adversarial_ramp, full_precision
from translearn.ranges import NonNegative, Part, Positive, Widths


class MCC(Method):
    """A classifier of the source whose predictions on the target are not confused.

    Cross-entropy on the source, and beside it a term on the unlabelled target alone, which grows as
    2 / (1 + exp(-10 p)) - 1.

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target, which must agree.
        head: hidden widths of the label predictor, or None for the backbone's own.
        weight: the value that the weight of the target's term grows towards.
        temperature: T of the target's predictions (eq. 2).
        label_smoothing: share of a label that goes to all classes alike.
        use_target_labels: learn from the target's labels too, those of the label budget.
        domain_batch_norm: keep batch-norm statistics per domain (affine weights stay shared); the
            target is tested with its own. None: unless the backbone keeps its statistics.
    """

    access = Access(source_labels=True, target_labels=False)

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        head: Widths | None = None,
        weight: NonNegative = 1.0,
        temperature: Positive = 1.5,
        label_smoothing: Part = 0.1,
        use_target_labels: bool = False,
        domain_batch_norm: bool | None = None,
    ) -> None:
        super().__init__(backbone, tasks)
        self.access = replace(self.access, target_labels=use_target_labels)
        self.labelled = {"source": "source"}  # stream -> domain
        if use_target_labels:
            self.labelled["target_labels"] = "target"
        hidden = backbone.head_hidden if head is None else head
        self.head = perceptron(backbone.out_dim, hidden, shared_classes(tasks))
        self.weight, self.temperature, self.smoothing = weight, temperature, label_smoothing
        if per_domain(domain_batch_norm, backbone, "method.domain_batch_norm"):
            convert_to_domain_batch_norm(self.backbone, ("source", "target"))

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """One phase: the labelled streams, and the target's without labels."""
        streams = {name: Stream(domain) for name, domain in self.labelled.items()}
        streams["target"] = Stream("target", unlabelled=True)
        steps = budget.steps("train")
        return [Phase("train", streams, steps, ("backbone", "head"))]

    def features(self, x: Tensor, domain: str) -> Tensor:
        """Features (B, out_dim) under the batch-norm statistics of ``domain``."""
        with use_domain(self.backbone, domain):
            features: Tensor = self.backbone(x)
        return features

    def logits(self, x: Tensor, domain: str) -> Tensor:
        """Logits (B, classes) of a part of a batch, in float32."""
        logits: Tensor = self.head(self.features(x, domain))
        return logits.float()

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """A term ``label_<stream>`` for each labelled stream, and ``target``."""
        terms = {}
        for name, domain in self.labelled.items():
            images = batch[name]
            assert isinstance(images, Labelled)
            logits = self.logits(images.x, domain)
            terms[f"label_{name}"] = F.cross_entropy(
                logits, images.y, label_smoothing=self.smoothing
            )
        term = self.target_term(self.logits(batch["target"].x, "target"))
        return {**terms, "target": self.weight * adversarial_ramp(progress) * term}

    def target_term(self, logits: Tensor) -> Tensor:
        """What the target's logits (B, classes) are punished for: their class confusion."""
        return class_confusion(logits, self.temperature)

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Logits (B, classes) under the batch-norm statistics of ``task``."""
        logits: Tensor = self.head(self.features(x, task))
        return logits

    def represent(self, x: Tensor, task: str) -> Tensor:
        """Features under the batch-norm statistics of ``task``."""
        return self.features(x, task)


def class_confusion(logits: Tensor, temperature: float) -> Tensor:
    """The mean mass off the diagonal of the classes' correlation on a batch (eqs. 2 to 7).

    With p the predictions at ``temperature`` and H their entropies, image i weighs
    w_i = B (1 + exp(-H_i)) / sum (1 + exp(-H)), the correlation is p^T diag(w) p, and each of its
    rows is divided by its sum. No gradient flows through w.
    """
    p = (logits / temperature).softmax(dim=1)
    sureness = 1 + (-entropies(p.detach())).exp()
    weights = len(p) * sureness / sureness.sum()
    with full_precision(p):
        correlation = (p * weights[:, None]).T @ p
    rows = correlation / correlation.sum(dim=1, keepdim=True)
    off_diagonal = rows.sum() - rows.trace()
    confusion: Tensor = off_diagonal / len(rows)
    return confusion


def entropies(p: Tensor) -> Tensor:
    """The entropy of each distribution of (B, classes), in nats."""
    found: Tensor = torch.special.entr(p).sum(dim=1)
    return found
