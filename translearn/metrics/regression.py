"""Figures of predicted numbers beside true ones."""

from torch import Tensor


def regression_scores(predicted: Tensor, true: Tensor) -> dict[str, float]:
    """``mse``, ``r2`` and ``pearson`` of (N,), in double precision.

    ``r2`` is 1 - squared error / squared distance of the truth from its mean: 0 for the mean, below
    it for worse. It is absent where all true numbers are the same; ``pearson``, the correlation,
    also where all predicted ones are.
    """
    predicted, true = predicted.double(), true.double()
    error, off = (predicted - true).square(), true - true.mean()
    other = predicted - predicted.mean()
    found = {"mse": float(error.mean())}
    spread = float(off.square().sum())
    if spread > 0:
        found["r2"] = 1 - float(error.sum()) / spread
        size = spread * float(other.square().sum())
        if size > 0:
            found["pearson"] = float((off * other).sum()) / size**0.5
    return found
