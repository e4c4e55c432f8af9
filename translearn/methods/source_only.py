"""The lower reference: learn from the labelled source alone."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from translearn.backbones.base import Backbone
from translearn.data.access import Access, Batch, Labelled
from translearn.methods.base import Budget, Method, Phase, Stream, Tasks, shared_classes
from translearn.methods.parts.heads import perceptron
from translearn.ranges import Widths


class SourceOnly(Method):
    """The answer's loss (cross-entropy of classes) on the source; the target is only tested.

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target, which must agree (the target's alone matter to
            target_only).
        head: hidden widths of the classifier, or None for the backbone's own.
    """

    access = Access(source_labels=True, target_labels=False)
    reference = True
    answers = ("class", "number")
    learns_from: ClassVar[str] = "source"

    def __init__(self, backbone: Backbone, tasks: Tasks, head: Widths | None = None) -> None:
        super().__init__(backbone, tasks)
        hidden = backbone.head_hidden if head is None else head
        self.head = perceptron(backbone.out_dim, hidden, self.outputs())

    def outputs(self) -> int:
        """The number of classes, which source and target share."""
        return shared_classes(self.tasks)

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """One phase that draws the whole budget from one domain."""
        streams = {self.learns_from: Stream(self.learns_from)}
        return [Phase("train", streams, budget.steps("train"), ("backbone", "head"))]

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """The term ``label``: the loss of the labelled batch."""
        images = batch[self.learns_from]
        assert isinstance(images, Labelled)
        logits = self.head(self.backbone(images.x))
        return {"label": self.answer(self.learns_from).loss(logits, images.y)}

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Logits (B, classes), the same for every task."""
        logits: Tensor = self.head(self.backbone(x))
        return logits
