"""Class vectors of ``zeroshot``: of the classes to tell apart, and of a classifier's own."""

import copy
from collections.abc import Mapping, Sequence

from torch import Tensor

from translearn.backbones.imagenet import imagenet_classes
from translearn.errors import ConfigError
from translearn.methods.base import Tasks
from translearn.semantics.base import Semantics, compact, normalised


class Descriptions:
    """The descriptions as they were read, which each model has normalised by what it may know.

    Args:
        semantics: describes every class.
        tasks: class names of source (seen; may be missing) and target (unseen).

    Attributes:
        seen: the number of seen classes.
        raw: class vectors (C, D), the seen classes first.
        own: vectors (K, D) of the classes of the classifier, which are the seen ones; NaN where one
            has no description.
        by_imagenet: whether they are ImageNet's instead.

    Raises:
        DataError: a class of ``tasks`` has no description.
    """

    def __init__(self, semantics: Semantics, tasks: Tasks) -> None:
        classes = tasks.get("source", ())
        self.semantics, self.seen = semantics, len(classes)
        self.raw = semantics.vectors([*classes, *tasks["target"]])
        self.own = self.raw[: self.seen]
        self.by_imagenet = False

    def beside_imagenet(self) -> "Descriptions":
        """The same descriptions for ImageNet's classifier."""
        other = copy.copy(self)
        other.own, other.by_imagenet = self.semantics.read(imagenet_classes()), True
        return other

    def normalised_by(self, active: Tensor | None) -> tuple[Tensor, Tensor]:
        """``raw`` and ``own``, normalised by the classifier's classes.

        Args:
            active: mask of those that the model knows: a first model must not know what validation
                classes look like. None: all of them.
        """
        reference = self.own[~self.own.isnan().any(dim=1)]
        if active is not None and not self.by_imagenet:
            reference = self.own[active]
        vectors = normalised(self.raw, self.semantics.normalise, reference)
        return vectors, normalised(self.own, self.semantics.normalise, reference)


def imagenet_has(classes: Sequence[str], names: Mapping[str, str]) -> list[int]:
    """The places of the classes that ImageNet has, by name or as ``names`` says.

    Raises:
        ConfigError: ``names`` gives one that ImageNet lacks.
    """
    known = {compact(name) for name in imagenet_classes()}
    for name in names.values():
        if compact(name) not in known:
            raise ConfigError(f"semantics.imagenet_names: ImageNet has no class {name!r}")
    return [i for i, name in enumerate(classes) if compact(names.get(name, name)) in known]
