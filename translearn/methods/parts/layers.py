"""How fast each layer group learns, and when it begins to."""

from collections.abc import Sequence

from translearn.ranges import NonNegative, Share


class LayerRates:
    """Learning rates of layer groups in the phase that tunes them.

    Args:
        frozen_statistics: whether batch norm in frozen groups keeps its running statistics.
        transferred_rate: factor on the learning rate of transferred groups.
        rate_decay: factor on the rate of each group against the one above it, of the last group
            against the head (discriminative rates of ULMFiT, Howard & Ruder 2018, section 3.2).
        gradual: share of the phase in which the groups are unfrozen one after the other, the last
            one first (ULMFiT, section 3.3); 0: all from the beginning.

    Raises:
        ConfigError: ``gradual`` is out of range.
    """

    def __init__(
        self,
        *,
        frozen_statistics: bool = True,
        transferred_rate: NonNegative = 1.0,
        rate_decay: NonNegative = 1.0,
        gradual: Share = 0.0,
    ) -> None:
        self.frozen_statistics = frozen_statistics
        self.transferred_rate, self.rate_decay = transferred_rate, rate_decay
        self.gradual = gradual

    def factor(self, depth: int, transferred: bool) -> float:
        """Of a group on the learning rate; ``depth`` counts from the last group, which is 0."""
        return (self.transferred_rate if transferred else 1.0) * self.rate_decay ** (depth + 1)

    def starts(self, depth: int, names: Sequence[str]) -> float:
        """The share of the phase after which the group is unfrozen."""
        return self.gradual * (depth + 1) / len(names)
