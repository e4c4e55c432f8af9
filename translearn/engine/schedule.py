"""The phases of a run: those of its method, and before each that tunes a network one of its head.

Linear probing, then fine-tuning (Kumar et al., "Fine-tuning can distort pretrained features and
underperform out-of-distribution", ICLR 2022): a new head would pull the features along.
"""

from translearn.methods.base import Budget, Method, Phase
from translearn.methods.parts.heads import parted


def planned(method: Method, budget: Budget, head_first: bool) -> list[Phase]:
    """The phases of a method, in order.

    Where ``head_first``, the backbone is pretrained and learns, and a phase trains more than it,
    the head (all else that the phase trains) takes half of the steps before, on features of
    samples that are not augmented, which are computed once.
    """
    backbone = method.backbone
    learns = backbone.pretrained and backbone.learn != "none"
    applies = head_first and learns and not method.trains_network
    found: list[Phase] = []
    for phase in method.phases(budget):
        head = [name for name in phase.learn if name.split(".")[0] != "backbone"]
        tuned = 0 < len(head) < len(phase.learn) and phase.steps > 1
        cut = applies and tuned and phase.head_first
        found += parted(phase, phase.steps - phase.steps // 2, head) if cut else [phase]
    return found


def title(phase: Phase) -> str:
    """What logs and results call a phase."""
    return f"{phase.name}_head" if phase.part == "head" else phase.name
