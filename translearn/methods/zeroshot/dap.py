"""Zero-shot by attributes: a classifier for each, then the most probable class."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from translearn.methods.parts.heads import perceptron
from translearn.methods.zeroshot.descriptions import Descriptions
from translearn.methods.zeroshot.variants import Variant


class DirectAttributes(Variant):
    """Direct attribute prediction (Lampert et al. 2014, section 3.1 and eq. 3).

    A logistic classifier for each attribute; an image belongs to the class z with the largest
    product over the attributes of p(a_m = a_m^z | x) / p(a_m = a_m^z), with the attribute's mean
    over the seen classes as prior. Attributes that are the same in all of these cannot be learned
    and are left out.

    Args:
        descriptions: of all classes, taken as they were read; values above the mean over the seen
            classes count as yes.
        inputs: length of a feature vector.
        hidden: hidden widths of the classifiers, which share them.
    """

    trained = True
    term = "dap"
    binary: Tensor

    def __init__(self, descriptions: Descriptions, inputs: int, hidden: Sequence[int]) -> None:
        super().__init__(descriptions, inputs, hidden)
        raw = descriptions.raw
        self.vectors.copy_(raw)
        self.register_buffer("binary", (raw > raw[: self.seen].mean(dim=0)).float())
        self.classifiers = perceptron(inputs, hidden, raw.shape[1])

    def describe_by(self, active: Tensor | None) -> None:
        """Nothing: the descriptions are taken as they are."""

    def scores(self, features: Tensor) -> Tensor:
        """Logarithms of the product, for all classes."""
        yes = F.logsigmoid(self.classifiers(features).float())
        no = F.logsigmoid(-self.classifiers(features).float())
        prior = self.binary[: self.seen].mean(dim=0)
        learnable = (prior > 0) & (prior < 1)
        yes, no = (yes - prior.log())[:, learnable], (no - (1 - prior).log())[:, learnable]
        table = self.binary[:, learnable]
        return yes @ table.T + no @ (1 - table).T

    def losses(self, features: Tensor, labels: Tensor, active: Tensor) -> Tensor:
        """Cross-entropy of each attribute, the mean over them."""
        logits = self.classifiers(features).float()
        wanted = self.binary[labels]
        return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(dim=1)

    def description(self, features: Tensor) -> Tensor:
        """The probability of each attribute."""
        probabilities: Tensor = self.classifiers(features).sigmoid()
        return probabilities
