"""Adaptation of fixed features without a step: an alignment, then a classifier of the source."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from translearn.backbones.base import Backbone
from translearn.data.access import Access, LabelledSet, TrainView
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.methods.base import Budget, Method, Phase, Tasks, shared_classes
from translearn.methods.frozen import hold_features
from translearn.methods.parts.alignment import Alignment, Coral
from translearn.methods.parts.classifiers import Classifier, Svm


class ClosedForm(Method):
    """Vectors or frozen features: aligned without labels, classified with those of the source.

    Both are solved for at once, in the order of the constructor.

    Args:
        backbone: the feature extractor, pretrained or ``identity``; nothing of it changes.
        tasks: class names of source and target, which must agree.
        align: makes the map that brings the domains together.
        classifier: makes the classifier; one that is solved for.
        use_target_labels: learn from the target's labels too; a label budget says how many.
        input_shape: what the backbone receives.

    Raises:
        ConfigError: the backbone has learned nothing, or the classifier learns by steps.
    """

    access = Access(source_labels=True, target_labels=False)

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        align: Callable[..., Alignment] = Coral,
        classifier: Callable[..., Classifier] = Svm,
        use_target_labels: bool = False,
        input_shape: Shape | None = None,
    ) -> None:
        super().__init__(backbone, tasks)
        hold_features(backbone, input_shape, "closed_form")
        self.access = replace(self.access, target_labels=use_target_labels)
        self.labelled = ("source", "target") if use_target_labels else ("source",)
        self.align = align(backbone.out_dim)
        self.classifier = classifier(self.align.out_dim, shared_classes(tasks))
        if not self.classifier.solved:
            raise ConfigError(
                "method/classifier=softmax learns by steps, and method=closed_form takes none\n"
                "choose method/classifier=svm, ridge, logistic or nearest, or method=frozen"
            )

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """``solve``, without steps."""
        return [Phase("solve")]

    def enter(self, phase: Phase, view: TrainView) -> None:
        """Find the map from all samples without labels, then the classifier from the labels."""
        features = {task: view.outputs(task, self.backbone) for task in ("source", "target")}
        target = features["target"]
        if view.limited("target"):  # the labels of the others are hidden
            rest = view.outputs("target", self.backbone, unlabelled=True)
            target = torch.cat([target, rest])
        self.align.fit(features["source"], target)
        aligned, labels = [], []
        for domain in self.labelled:
            data = view[domain]
            assert isinstance(data, LabelledSet)
            aligned.append(self.align(features[domain], domain))
            labels.append(data.y)
        self.classifier.solve(torch.cat(aligned), torch.cat(labels))

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Scores (B, classes) of samples as their domain is mapped."""
        scores: Tensor = self.classifier(self.represent(x, task))
        return scores

    def represent(self, x: Tensor, task: str) -> Tensor:
        """Aligned features (B, align.out_dim)."""
        aligned: Tensor = self.align(self.backbone(x), task)
        return aligned
