"""Deep CORAL (Sun & Saenko, ECCV workshops 2016): the same second moments in both domains."""

from torch import Tensor

from translearn.methods.parts.adaptation import Adaptation, Outputs
from translearn.methods.parts.losses import covariance, full_precision


class CORAL(Adaptation):
    """A classifier of the source on features whose covariance is the target's too.

    The options are those of ``Adaptation``. The paper aligns the last layer, this method the
    features below it, as later work does.
    """

    answers = ("class", "number")

    def transfer(self, source: Outputs, target: Outputs) -> Tensor:
        """The distance of the covariances of the features."""
        return coral(source.features, target.features)


def coral(source: Tensor, target: Tensor) -> Tensor:
    """|C_s - C_t|^2 / (4 d^2) of features (B, d) and (B', d), by the Frobenius norm (eq. 1).

    A covariance is that of the d features over the samples, with n - 1 (eqs. 2 and 3).
    """
    with full_precision(source):
        difference = covariance(source.float()) - covariance(target.float())
    return difference.square().sum() / (4 * source.shape[1] ** 2)
