"""How the images of a step are shared out among tasks of different sizes."""

from collections.abc import Sequence

from translearn.ranges import Positive


class Sampling:
    """Base of the rules: a task of n training samples weighs n to the power ``exponent``."""

    exponent: float

    def weights(self, sizes: Sequence[int]) -> list[float]:
        """Training samples of each task -> what its share of a step is proportional to."""
        return [size**self.exponent for size in sizes]


class Uniform(Sampling):
    """Every task draws as many images."""

    exponent = 0.0


class Proportional(Sampling):
    """Every image is drawn as often: a task weighs as many as it has."""

    exponent = 1.0


class Temperature(Sampling):
    """Between the two: a task weighs n^(1 / temperature).

    Args:
        temperature: 1 is proportional; the larger, the more uniform.

    Raises:
        ConfigError: it is not above 0.
    """

    def __init__(self, *, temperature: Positive = 2.0) -> None:
        self.exponent = 1.0 / temperature


def share_out(total: int, weights: Sequence[float], multiple: int) -> list[int]:
    """Whole numbers near the weights' shares of ``total``, each a multiple and at least one of it.

    Their sum is ``total`` where that can be.
    """
    units, everything = total // multiple, sum(weights)
    wanted = [max(1.0, units * weight / everything) for weight in weights]
    shares = [int(share) for share in wanted]
    rest = [share - whole for share, whole in zip(wanted, shares, strict=True)]
    for place in sorted(range(len(shares)), key=lambda i: -rest[i])[: max(0, units - sum(shares))]:
        shares[place] += 1
    while sum(shares) > max(units, len(shares)):
        shares[shares.index(max(shares))] -= 1
    return [share * multiple for share in shares]
