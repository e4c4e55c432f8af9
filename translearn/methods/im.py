"""Information maximisation on the target (Krause et al. 2010; in SHOT, Liang et al. 2020)."""

from torch import Tensor

from translearn.methods.mcc import MCC
from translearn.methods.parts.adaptation import Outputs
from translearn.methods.parts.losses import entropies


class InformationMaximisation(MCC):
    """``mcc`` with another term: each prediction on the target is sure, all classes are in use.

    The label predictor and the options are those of ``mcc``.
    """

    def transfer(self, source: Outputs, target: Outputs) -> Tensor:
        """Minus the mutual information of image and class: mean H(p_i) - H(mean p).

        Eq. 3 of Liang, Hu and Feng, "Do we really need to access the source data?" (ICML 2020).
        """
        p = (target.logits / self.temperature).softmax(dim=1)
        return entropies(p).mean() - entropies(p.mean(dim=0, keepdim=True)).squeeze()
