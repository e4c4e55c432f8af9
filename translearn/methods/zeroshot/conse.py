"""Zero-shot without training: a classifier's own classes weigh their descriptions."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from translearn.methods.zeroshot.descriptions import Descriptions
from translearn.methods.zeroshot.variants import Variant, cosines
from translearn.ranges import Count


class Conse(Variant):
    """Convex combination of semantic embeddings (Norouzi et al. 2014, eq. 1 to 3); no training.

    Instead of features it takes the logits (B, K) of a classifier. Its ``top`` most
    probable classes weigh the vectors of its own classes; the class nearest to that mean by cosine
    wins.

    Args:
        descriptions: of all classes, and of the classifier's; one without is left out.
        inputs: not used.
        hidden: not used.
        classifier: ``source``, trained on the seen classes, or ``imagenet``, the pretrained
            backbone's own.
        top: T of the paper.

    Raises:
        ConfigError: there is no such classifier, or ``top`` is below 1.
    """

    on_logits = True
    own: Tensor
    allowed: Tensor

    def __init__(
        self,
        descriptions: Descriptions,
        inputs: int,
        hidden: Sequence[int] = (),
        *,
        classifier: Literal["source", "imagenet"] = "source",
        top: Count = 10,
    ) -> None:
        if classifier == "imagenet":
            descriptions = descriptions.beside_imagenet()
        super().__init__(descriptions, inputs, hidden)
        self.top = top
        own = descriptions.normalised_by(None)[1]
        self.register_buffer("own", own.nan_to_num())
        self.register_buffer("allowed", ~own.isnan().any(dim=1))

    def describe_by(self, active: Tensor | None) -> None:
        """Class vectors, and those of the classifier's classes."""
        vectors, own = self.descriptions.normalised_by(active)
        self.vectors.copy_(vectors)
        self.own.copy_(own.nan_to_num())

    def held_out(self, x: Tensor, active: Tensor) -> Tensor:
        """Logits without the classes that are not active, where the seen ones are its own."""
        return x if self.by_imagenet else x.masked_fill(~active, -torch.inf)

    def scores(self, features: Tensor) -> Tensor:
        """The cosine with every class vector."""
        return cosines(self.description(features), self.vectors)

    def description(self, features: Tensor) -> Tensor:
        """The weighed mean of the ``top`` classes' vectors."""
        logits = features.masked_fill(~self.allowed, -torch.inf)
        best, place = logits.softmax(dim=1).topk(min(self.top, int(self.allowed.sum())), dim=1)
        weights = best / best.sum(dim=1, keepdim=True)
        return (weights[:, :, None] * self.own[place]).sum(dim=1)
