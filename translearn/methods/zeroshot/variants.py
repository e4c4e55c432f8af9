"""What the variants of zero-shot learning share: from features to scores of described classes.

Class vectors come with the seen classes first. ``active`` is a mask (seen classes,) of those that
are trained on: all, or all but the validation classes.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from translearn.errors import ConfigError
from translearn.methods.zeroshot.descriptions import Descriptions


class Variant(nn.Module):
    """Base of the variants: what turns features, or a classifier's logits, into scores of classes.

    Args:
        descriptions: of all classes.
        inputs: length of a feature vector.
        hidden: hidden widths of classifiers, where the variant has some.

    Attributes:
        trained: whether ``losses`` trains it; else a classifier of the seen classes may train the
            backbone for it.
        on_logits: whether it takes that classifier's logits instead of features.
        solved: whether it is a closed form, see ``ClosedForm``.
        term: how its loss is called.
        vectors: the class vectors as they are normalised now.

    Raises:
        ConfigError: no class has images to learn from.
    """

    trained: ClassVar[bool] = False
    on_logits: ClassVar[bool] = False
    solved: ClassVar[bool] = False
    term: ClassVar[str] = ""
    vectors: Tensor

    def __init__(self, descriptions: Descriptions, inputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        if not len(descriptions.own):
            raise ConfigError(
                "all classes are unseen here, so there is nothing to learn from\n"
                "lower data.unseen, or use method/variant=conse method.variant.classifier=imagenet"
            )
        self.descriptions, self.seen = descriptions, descriptions.seen
        self.by_imagenet = descriptions.by_imagenet
        self.register_buffer("vectors", descriptions.normalised_by(None)[0])

    def scores(self, features: Tensor) -> Tensor:
        """Features (B, d) -> scores (B, C) of all classes."""
        raise NotImplementedError

    def losses(self, features: Tensor, labels: Tensor, active: Tensor) -> Tensor:
        """The loss (B,) of each image; labels are active."""
        raise NotImplementedError

    def describe_by(self, active: Tensor | None) -> None:
        """Normalise the class vectors anew, by the ``active`` seen classes or by all."""
        self.vectors.copy_(self.descriptions.normalised_by(active)[0])

    def held_out(self, x: Tensor, active: Tensor) -> Tensor:
        """What the variant takes, as if the seen classes that are not active did not exist."""
        return x

    def description(self, features: Tensor) -> Tensor:
        """Predicted class vectors (B, D): here the mean of all, weighed by their scores."""
        return self.scores(features).softmax(dim=1) @ self.vectors

    def candidates(self) -> Sequence[tuple[float, ...]]:
        """The strengths that validation classes choose from; none but of closed forms."""
        return [()]

    def problem(
        self, features: Tensor, labels: Tensor, active: Tensor
    ) -> Callable[[tuple[float, ...]], None]:
        """A solver for any strengths; nothing but of closed forms."""
        return lambda strengths: None

    def forget(self) -> None:
        """Undo what a solver did."""

    def ready(self) -> bool:
        """Whether it has what its scores are computed from."""
        return True


def cosines(images: Tensor, classes: Tensor) -> Tensor:
    """Cosines (B, C) of the rows of (B, D) and (C, D)."""
    return F.normalize(images, dim=1) @ F.normalize(classes, dim=1).T


def strongest(descriptions: Tensor, attributes: Sequence[str], count: int) -> Iterator[str]:
    """The names of the ``count`` largest values of each row, the largest first."""
    for row in descriptions.topk(min(count, len(attributes)), dim=1).indices.tolist():
        yield " ".join(attributes[place] for place in row)
