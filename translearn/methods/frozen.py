"""The reference row of a pretrained backbone: a linear head on its untouched features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from translearn.backbones.base import Backbone
from translearn.data.access import Access, Batch, Labelled, LabelledSet, TrainView
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.methods.base import Budget, Method, Phase, Stream, Tasks, shared_classes
from translearn.methods.parts.classifiers import Classifier, Softmax


class Frozen(Method):
    """A linear classifier on features that are computed once, in evaluation mode.

    Nothing of the backbone changes, its statistics included.

    Args:
        backbone: the feature extractor; the row tells something where it is pretrained.
        tasks: class names of source and target, which must agree.
        classifier: makes the linear classifier.
        use_target_labels: learn from the target's labels too, of both domains at once; a label
            budget says how many.
        input_shape: what the backbone receives.

    Raises:
        ConfigError: the samples are vectors or signals, for which no network is pretrained.
    """

    access = Access(source_labels=True, target_labels=False)
    reference = True
    answers: tuple[str, ...] = ("class", "number")  # numbers by steps alone

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        classifier: Callable[..., Classifier] = Softmax,
        use_target_labels: bool = False,
        input_shape: Shape | None = None,
    ) -> None:
        super().__init__(backbone, tasks)
        hold_features(backbone, input_shape, "frozen")
        self.access = replace(self.access, target_labels=use_target_labels)
        self.labelled = ("source", "target") if use_target_labels else ("source",)
        self.head = classifier(backbone.out_dim, shared_classes(tasks))
        if self.head.solved:
            self.answers = ("class",)

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """``train`` on cached features, or without steps where the head is solved for."""
        if self.head.solved:
            return [Phase("train")]
        streams = {domain: Stream(domain) for domain in self.labelled}
        steps = budget.steps("train")
        return [Phase("train", streams, steps, ("head",))]

    def enter(self, phase: Phase, view: TrainView) -> None:
        """Solve for the head, where it is solved for."""
        if self.head.solved:
            sets = {domain: view[domain] for domain in self.labelled}
            labels = [data.y for data in sets.values() if isinstance(data, LabelledSet)]
            features = [view.outputs(domain, self.backbone) for domain in sets]
            self.head.solve(torch.cat(features), torch.cat(labels))

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """A term for each labelled domain: its loss."""
        terms = {}
        for domain in self.labelled:
            images = batch[domain]
            assert isinstance(images, Labelled)
            logits = self.head(self.backbone(images.x))
            terms[f"label_{domain}"] = self.answer(domain).loss(logits, images.y)
        return terms

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Scores (B, classes), the same for every task."""
        scores: Tensor = self.head(self.backbone(x))
        return scores


def hold_features(backbone: Backbone, input_shape: Shape | None, method: str) -> None:
    """Let nothing of a backbone change, whatever it was built for.

    Raises:
        ConfigError: it has learned nothing, and the samples are vectors or signals, for which no
            network is pretrained.
    """
    untaught = not backbone.pretrained and any(True for _ in backbone.parameters())
    if untaught and input_shape is not None and len(input_shape) < 3:
        raise ConfigError(
            f"method={method} is for the features of a pretrained network, and this one has "
            "learned nothing\n"
            "choose method=source_only, or of vectors their own numbers: backbone=identity"
        )
    backbone.learn = "none"
    backbone.hold()
