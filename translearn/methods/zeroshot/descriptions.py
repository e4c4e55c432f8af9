"""Class vectors of ``zeroshot``: of the classes to tell apart, and of a classifier's own."""

from torch import Tensor

from translearn.backbones.imagenet import imagenet_classes
from translearn.methods.base import Tasks
from translearn.semantics.base import Semantics, normalised


class Descriptions:
    """The descriptions as they were read, which each model has normalised by what it may know.

    Args:
        semantics: describes every class.
        tasks: class names of source (seen; may be missing) and target (unseen).
        by_imagenet: whether ImageNet's classifier is used, whose classes are those of the source
            otherwise.

    Attributes:
        raw: class vectors (C, D), the seen classes first.
        own: vectors (K, D) of the classifier's classes; NaN where one has no description.

    Raises:
        DataError: a class of ``tasks`` has no description.
    """

    def __init__(self, semantics: Semantics, tasks: Tasks, by_imagenet: bool) -> None:
        seen = tasks.get("source", ())
        self.raw = semantics.vectors([*seen, *tasks["target"]])
        self.own = semantics.read(imagenet_classes()) if by_imagenet else self.raw[: len(seen)]
        self.normalise, self.by_imagenet = semantics.normalise, by_imagenet

    def normalised_by(self, active: Tensor | None) -> tuple[Tensor, Tensor]:
        """``raw`` and ``own``, normalised by the classifier's classes.

        Args:
            active: mask of those that the model knows: a first model must not know what validation
                classes look like. None: all of them.
        """
        reference = self.own[~self.own.isnan().any(dim=1)]
        if active is not None and not self.by_imagenet:
            reference = self.own[active]
        vectors = normalised(self.raw, self.normalise, reference)
        return vectors, normalised(self.own, self.normalise, reference)
