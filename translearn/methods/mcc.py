"""Minimum class confusion (Jin et al., ECCV 2020): sure and unmixed predictions on the target."""

from torch import Tensor

from translearn.backbones.base import Backbone
from translearn.methods.base import Tasks
from translearn.methods.parts.adaptation import Adaptation, Outputs
from translearn.methods.parts.losses import entropies, full_precision
from translearn.ranges import NonNegative, Part, Positive, Widths


class MCC(Adaptation):
    """A classifier of the source whose predictions on the target are not confused.

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target, which must agree.
        head: hidden widths of the label predictor, or None for the backbone's own.
        weight: the value that the weight of the target's term grows towards.
        temperature: T of the target's predictions (eq. 2).
        label_smoothing: share of a label that goes to all classes alike.
        use_target_labels: learn from the target's labels too, those of the label budget.
        domain_batch_norm: as in ``Adaptation``.
    """

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        head: Widths | None = None,
        weight: NonNegative = 1.0,
        temperature: Positive = 1.5,
        label_smoothing: Part = 0.1,
        use_target_labels: bool = False,
        domain_batch_norm: bool | None = None,
    ) -> None:
        super().__init__(
            backbone, tasks, head, weight, label_smoothing=label_smoothing,
            use_target_labels=use_target_labels, domain_batch_norm=domain_batch_norm,
        )  # fmt: skip
        self.temperature = temperature

    def transfer(self, source: Outputs, target: Outputs) -> Tensor:
        """The class confusion of the target's predictions."""
        return class_confusion(target.logits, self.temperature)


def class_confusion(logits: Tensor, temperature: float) -> Tensor:
    """The mean mass off the diagonal of the classes' correlation on a batch (eqs. 2 to 7).

    With p the predictions at ``temperature`` and H their entropies, image i weighs
    w_i = B (1 + exp(-H_i)) / sum (1 + exp(-H)), the correlation is p^T diag(w) p, and each of its
    rows is divided by its sum. No gradient flows through w.
    """
    p = (logits / temperature).softmax(dim=1)
    sureness = 1 + (-entropies(p.detach())).exp()
    weights = len(p) * sureness / sureness.sum()
    with full_precision(p):
        correlation = (p * weights[:, None]).T @ p
    rows = correlation / correlation.sum(dim=1, keepdim=True)
    off_diagonal = rows.sum() - rows.trace()
    confusion: Tensor = off_diagonal / len(rows)
    return confusion
