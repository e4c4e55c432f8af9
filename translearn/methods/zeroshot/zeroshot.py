"""Zero-shot learning: classes without a training image, recognised by their descriptions."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.data.access import Access, Batch, Labelled, LabelledSet, TrainView
from translearn.errors import ConfigError
from translearn.methods.base import Budget, Method, Phase, Stream, Tasks
from translearn.methods.parts.heads import perceptron
from translearn.methods.parts.losses import full_precision
from translearn.methods.parts.source_model import read_source_model
from translearn.methods.zeroshot.descriptions import Descriptions, imagenet_has
from translearn.methods.zeroshot.embedding import Embedding
from translearn.methods.zeroshot.validation import Validation
from translearn.methods.zeroshot.variants import Variant, strongest
from translearn.ranges import Middle, Seed, Widths
from translearn.semantics.base import Semantics

SHOWN = 5  # attributes that tl-predict shows


class ZeroShot(Method):
    """Learns from seen classes what describes a class, and scores classes by their descriptions.

    What is not learned from the training images (how much calibrated stacking takes off the scores
    of seen classes, Chao et al. 2016; the weights of closed forms) is chosen on validation classes:
    some seen classes that a first model does not see, after which all is trained anew.

    Args:
        backbone: the feature extractor.
        tasks: class names of source (seen) and target (unseen); without a source only ``conse``
            with ImageNet's classifier has something to start from.
        semantics: describes every class.
        variant: makes the part that scores: ``Embedding``, ``DirectAttributes``, ``Eszsl``, ``Sae``
            or ``Conse``.
        head: hidden widths of the classifier of seen classes and of DAP's attribute classifiers, or
            None for the backbone's own.
        train_backbone: whether it is trained on the seen classes; None: as ``backbone.learn`` says.
        init: run folder whose backbone and classifier replace that training (``eszsl``, ``sae``,
            ``conse``), or None.
        calibrate: whether validation classes are used at all; without them gamma is 0.
        validation_classes: share of the seen classes that are validation classes.
        validation_seed: draws them.

    Raises:
        ConfigError: an option is out of range, contradicts another, or the data has no descriptions
            or no unseen classes.
    """

    access = Access(source_labels=True, target_labels=False)
    needs = ("target",)
    headline = "zsl/t1"
    gamma: Tensor
    strengths: Tensor

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        semantics: Semantics | None = None,
        variant: Callable[..., Variant] = Embedding,
        head: Widths | None = None,
        train_backbone: bool | None = None,
        init: str | None = None,
        calibrate: bool = True,
        validation_classes: Middle = 0.3,
        validation_seed: Seed = 0,
    ) -> None:
        super().__init__(backbone, tasks)
        seen, unseen = self.tasks.get("source", ()), self.tasks["target"]
        if set(seen) & set(unseen):
            raise ConfigError(
                "zeroshot needs unseen classes, and source and target share theirs here\n"
                "choose data=digits_attributes or another data set with data.unseen"
            )
        if semantics is None:
            raise ConfigError("zeroshot needs class descriptions: add semantics=glove, npz, ...")
        hidden = backbone.head_hidden if head is None else head
        made = variant(Descriptions(semantics, self.tasks), backbone.out_dim, hidden)
        if init is not None and (made.trained or made.by_imagenet):
            raise ConfigError(
                "method.init brings a classifier of the seen classes: it is for the variants "
                "eszsl, sae and conse with method.variant.classifier=source"
            )
        if train_backbone is None:
            train_backbone = backbone.learn != "none" and any(True for _ in backbone.parameters())
        self.init = init
        self.train_backbone = train_backbone and init is None and not made.by_imagenet
        if not self.train_backbone:
            backbone.learn = "none"
        self.head: nn.Module | None = None
        if made.by_imagenet:
            self.head = backbone.imagenet_classifier()
        elif made.on_logits or init or (self.train_backbone and not made.trained):
            self.head = perceptron(backbone.out_dim, hidden, len(seen))
        self.variant = made

        self.attributes = semantics.attributes
        self.describes = bool(self.attributes)
        self.known = imagenet_has(unseen, semantics.imagenet_names) if backbone.pretrained else []
        self.validation = None
        if calibrate and seen:
            self.validation = Validation(len(seen), validation_classes, validation_seed)
        candidates = made.candidates()
        if self.validation is None and len(candidates) > 1:
            raise ConfigError(
                "the weights of a closed form are chosen on validation classes: set "
                "method.calibrate=true, or give method.variant.feature_weight and class_weight, "
                "or for sae method.variant.weight"
            )
        self.register_buffer("gamma", torch.zeros(()))
        self.register_buffer("strengths", torch.tensor(candidates[0]))
        self.start = {n: deepcopy(getattr(self, n).state_dict()) for n in self.learners()}
        self._features: Tensor | None = None

    def learners(self) -> tuple[str, ...]:
        """What gradients train: the variant itself, or the classifier that it starts from."""
        backbone = ("backbone",) if self.train_backbone else ()
        if self.variant.trained:
            return ("variant", *backbone)
        classifies = self.variant.on_logits and not self.variant.by_imagenet and self.init is None
        return ("head", *backbone) if backbone or classifies else ()

    @property
    def keeps_backbone(self) -> bool:
        """Where the backbone is not trained, and no earlier run gives it other weights."""
        return super().keeps_backbone and self.init is None

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """``held_out`` without the validation classes, ``train`` with all, ``solve``."""
        if self.variant.by_imagenet and not self.backbone.pretrained:
            raise ConfigError("method.variant.classifier=imagenet needs backbone.pretrained=true")
        learn = self.learners()
        names = ("train",) if self.validation is None else ("held_out", "train")
        phases = []
        for name in names:
            if learn:
                cache = None if self.train_backbone else "backbone"
                steps = budget.steps(name, 1 / len(names))
                # images of validation classes would be in the first model's batch norm
                stream = Stream("source", among="fit" if name == "held_out" else None)
                phases.append(Phase(name, {"source": stream}, steps, learn, cache=cache))
            else:
                phases.append(Phase(name))
        return [*phases, Phase("solve")] if self.variant.solved else phases

    def enter(self, phase: Phase, view: TrainView) -> None:
        """``held_out``: choose its images. ``train``: calibrate, start anew. ``solve``: solve."""
        first = phase.name == ("train" if self.validation is None else "held_out")
        if first and self.init is not None:
            assert self.head is not None
            read_source_model(self.init, self.tasks["source"], self.backbone, self.head)
        if "source" not in view:
            return
        source = view["source"]
        assert isinstance(source, LabelledSet)
        labels = source.y.to(self.gamma.device)
        if phase.name == "held_out":
            assert self.validation is not None
            self.kept["fit"] = self.validation.fit_rows(labels)
            self.variant.describe_by(self.validation.active)
        elif phase.name == "solve":
            every = torch.ones(self.variant.seen, dtype=torch.bool, device=labels.device)
            self.variant.problem(self.inputs(view), labels, every)(tuple(self.strengths.tolist()))
        elif self.validation is not None:
            x = self.variant.held_out(self.inputs(view), self.validation.active.to(labels.device))
            # another split's validation classes have taught a backbone that is trained
            chosen = self.validation.choose(self.variant, x, labels, not self.learners())
            self.strengths.copy_(torch.tensor(chosen[0]))
            self.gamma.fill_(chosen[1])
            self.variant.describe_by(None)
            for name, state in self.start.items():
                getattr(self, name).load_state_dict(state)

    def inputs(self, view: TrainView) -> Tensor:
        """What the variant takes (N, ...), of all source images; a frozen backbone does it once."""
        if self._features is not None:
            return self._features
        training = self.training
        self.eval()
        with torch.no_grad():
            found = self.signal(view.outputs("source", self.backbone).float())
        self.train(training)
        if not self.learners():
            self._features = found
        return found

    def signal(self, features: Tensor) -> Tensor:
        """Features, or the classifier's logits if the variant takes these, as float."""
        if self.variant.on_logits:
            assert self.head is not None
            features = self.head(features)
        return features.float()

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """The term of the variant, or ``label``, that of the classifier which it starts from."""
        images = batch["source"]
        assert isinstance(images, Labelled)
        features = images.x if self.cached else self.backbone(images.x)
        labels = images.y
        active = torch.ones(self.variant.seen, dtype=torch.bool, device=labels.device)
        if phase == "held_out":
            assert self.validation is not None
            active = self.validation.active.to(labels.device)
        if self.variant.trained:
            with full_precision(features):
                losses = self.variant.losses(features.float(), labels, active)
            name = self.variant.term
        else:
            assert self.head is not None
            logits = self.head(features).float().masked_fill(~active, -torch.inf)
            name, losses = "label", F.cross_entropy(logits, labels, reduction="none")
        return {name: losses.mean()}

    def scores(self, x: Tensor) -> Tensor:
        """Scores (B, seen + unseen classes); their differences are too small for bf16."""
        features = self.backbone(x)
        with full_precision(features):
            return self.variant.scores(self.signal(features.float()))

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Scores (B, classes of ``task``): of the seen classes, or of the unseen ones alone."""
        seen = self.variant.seen
        if task == "source" and self.head is not None and not self.variant.ready():
            logits: Tensor = self.head(self.backbone(x))  # the classifier, while it is trained
            return logits
        return self.scores(x)[:, :seen] if task == "source" else self.scores(x)[:, seen:]

    def describe(self, x: Tensor) -> list[str]:
        """The strongest predicted attributes of each image."""
        found = self.variant.description(self.signal(self.backbone(x)))
        return list(strongest(found, self.attributes, SHOWN))

    def about(self) -> dict[str, Any]:
        """The shape of the descriptions, so that prediction needs none of their files."""
        dimensions = self.variant.vectors.shape[1]
        return {"semantics": {"dimensions": dimensions, "attributes": list(self.attributes)}}

    def notes(self) -> list[str]:
        """The unseen classes that are no news to an ImageNet backbone."""
        names = ", ".join(self.tasks["target"][place] for place in self.known)
        told = f"unseen classes that ImageNet has (zsl/t1_new leaves them out): {names}"
        return [told] if names else []
