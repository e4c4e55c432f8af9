"""What methods that adapt to a target without labels share; each adds its own term."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.backbones.normalization import convert_to_domain_batch_norm, per_domain, use_domain
from translearn.data.access import Access, Batch, Labelled
from translearn.methods.base import Budget, Method, Phase, Stream, Tasks, shared_classes
from translearn.methods.parts.heads import Bottleneck, bottleneck_width, mixing, perceptron
from translearn.methods.parts.losses import adversarial_ramp
from translearn.ranges import NonNegative, Part, Widths


class Outputs(NamedTuple):
    """What a part of a batch became: features (B, D), and logits (B, classes) in float32."""

    features: Tensor
    logits: Tensor


class Adaptation(Method):
    """A classifier of the source, and beside its loss one term on both domains, ``transfer``.

    The weight of that term grows as 2 / (1 + exp(-10 p)) - 1. A method that needs more than one
    term has ``terms`` of its own.

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target, which must agree.
        head: hidden widths of the label predictor, or None for the backbone's own.
        weight: the value that the weight of the term grows towards.
        bottleneck: width of a layer of its own on the backbone's features, which brings the domains
            together where the backbone cannot; 0: none. None: ``BOTTLENECK`` where the backbone
            does not learn, else none.
        label_smoothing: share of a label that goes to all classes alike.
        use_target_labels: learn from the target's labels too, those of the label budget.
        domain_batch_norm: keep batch-norm statistics per domain (affine weights stay shared); the
            target is tested with its own. None: unless the backbone keeps its statistics.

    Attributes:
        learned: what its phase trains.
        target: the stream without labels; of several views ``transfer`` sees one after the other.
    """

    access = Access(source_labels=True, target_labels=False)

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        head: Widths | None = None,
        weight: NonNegative = 1.0,
        bottleneck: Bottleneck | None = 0,
        label_smoothing: Part = 0.1,
        use_target_labels: bool = False,
        domain_batch_norm: bool | None = None,
    ) -> None:
        super().__init__(backbone, tasks)
        self.access = replace(self.access, target_labels=use_target_labels)
        self.labelled = {"source": "source"}  # stream -> domain
        if use_target_labels:
            self.labelled["target_labels"] = "target"
        width = bottleneck_width(backbone, bottleneck)
        self.bottleneck = mixing(backbone.out_dim, width)
        self.width = width or backbone.out_dim
        hidden = backbone.head_hidden if head is None else head
        self.head = perceptron(self.width, hidden, shared_classes(tasks))
        self.target = Stream("target", unlabelled=True)
        self.learned: tuple[str, ...] = ("backbone", "head")
        if width:
            self.learned = ("backbone", "bottleneck", "head")
        self.weight, self.smoothing = weight, label_smoothing
        if per_domain(domain_batch_norm, backbone, "method.domain_batch_norm"):
            convert_to_domain_batch_norm(self.backbone, ("source", "target"))

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """One phase: the labelled streams, and the target's without labels."""
        streams = {name: Stream(domain) for name, domain in self.labelled.items()}
        streams["target"] = self.target
        return [Phase("train", streams, budget.steps("train"), self.learned)]

    def features(self, x: Tensor, domain: str) -> Tensor:
        """Features (B, width) under the batch-norm statistics of ``domain``."""
        with use_domain(self, domain):
            features: Tensor = self.bottleneck(self.backbone(x))
        return features

    def outputs(self, x: Tensor, domain: str) -> Outputs:
        """Features and logits of a part of a batch."""
        features = self.features(x, domain)
        return Outputs(features, self.head(features).float())

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """A term ``label_<stream>`` for each labelled stream, and ``terms``."""
        outputs, terms = {}, {}
        for name, domain in self.labelled.items():
            samples = batch[name]
            assert isinstance(samples, Labelled)
            outputs[name] = self.outputs(samples.x, domain)
            terms[f"label_{name}"] = self.label_loss(outputs[name].logits, samples.y)
        x = batch["target"].x
        target = self.outputs(x.flatten(0, 1) if self.target.views else x, "target")
        strength = self.weight * adversarial_ramp(progress)
        return terms | self.terms(outputs["source"], target, strength)

    def label_loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """What a labelled stream is taught: the answers ``y`` (B,)."""
        answer = self.answer("source")
        if not answer.counted:
            return answer.loss(logits, y)
        return F.cross_entropy(logits, y, label_smoothing=self.smoothing)

    def terms(self, source: Outputs, target: Outputs, strength: float) -> dict[str, Tensor]:
        """``target``: the method's own term, at the strength that it has by now."""
        return {"target": strength * self.transfer(source, target)}

    def transfer(self, source: Outputs, target: Outputs) -> Tensor:
        """The method's own term, a scalar, on the source's labelled and the target's other part."""
        raise NotImplementedError

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Logits (B, classes) under the batch-norm statistics of ``task``."""
        logits: Tensor = self.head(self.features(x, task))
        return logits

    def represent(self, x: Tensor, task: str) -> Tensor:
        """Features under the batch-norm statistics of ``task``."""
        return self.features(x, task)
