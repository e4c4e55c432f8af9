"""Self-training across domains by weak and strong views (FixMatch: Sohn et al., NeurIPS 2020)."""

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.methods.base import Tasks
from translearn.methods.parts.adaptation import Adaptation, Outputs
from translearn.methods.parts.heads import Bottleneck
from translearn.ranges import Middle, NonNegative, Part, Widths


class SelfTraining(Adaptation):
    """A classifier of the source whose own sure answers on the target are labels there.

    The paper learns from labelled and unlabelled samples of one domain; here the labelled ones are
    the source's. Where nothing is augmented, as on features that do not change, both views are the
    same and this is plain pseudo-labelling.

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target, which must agree.
        threshold: least probability that makes an answer a label.
        head: as in ``Adaptation``, like all that is not named here.
        weight: likewise.
        bottleneck: likewise.
        label_smoothing: likewise.
        use_target_labels: likewise.
        domain_batch_norm: likewise.
    """

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        threshold: Middle = 0.95,
        head: Widths | None = None,
        weight: NonNegative = 1.0,
        bottleneck: Bottleneck | None = 0,
        label_smoothing: Part = 0.0,
        use_target_labels: bool = False,
        domain_batch_norm: bool | None = None,
    ) -> None:
        super().__init__(
            backbone, tasks, head, weight, bottleneck, label_smoothing, use_target_labels,
            domain_batch_norm,
        )  # fmt: skip
        self.target = self.target._replace(views=2, weak=True)
        self.threshold = threshold
        self._sure: Tensor | None = None

    def transfer(self, source: Outputs, target: Outputs) -> Tensor:
        """Eq. 4: the cross-entropy of strong views with the sure answers on their weak ones."""
        weak, strong = target.logits.chunk(2)
        sureness, label = weak.detach().softmax(dim=1).max(dim=1)
        self._sure = sureness >= self.threshold
        losses = F.cross_entropy(strong, label, reduction="none")
        return (losses * self._sure).mean()

    def health(self) -> dict[str, float]:
        """The share of the target's batch that is sure enough."""
        return {} if self._sure is None else {"sure": float(self._sure.float().mean())}

    def advice(self, health: Mapping[str, float]) -> str | None:
        """Warns while there is no sure answer; at first there need not be one."""
        if health.get("sure", 1.0) > 0:
            return None
        return "no answer on the target is a label yet: if it stays so, lower method.threshold"
