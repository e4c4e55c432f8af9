"""In which order a stream draws its samples, and which others stand beside them."""

import torch
from torch import Tensor

from translearn.runtime import stable_seed


class Order:
    """Positions of a data set in the order they are drawn: shuffled anew in every epoch.

    Args:
        count: images in the set.
        seed: what the shuffles depend on, together with the epoch.
        device: where the positions are needed.
        partners: (count, k) positions of samples that may stand beside each sample, or None.
    """

    def __init__(
        self, count: int, seed: int, device: torch.device, partners: Tensor | None = None
    ) -> None:
        self.count, self.seed, self.device = count, seed, device
        self.partners = None if partners is None else partners.cpu()
        self._epochs: dict[int, Tensor] = {}

    def _epoch(self, epoch: int) -> Tensor:
        """(1, count) the order of an epoch, or (2, count) with the partners drawn for it."""
        if epoch not in self._epochs:
            generator = torch.Generator().manual_seed(stable_seed(self.seed, epoch))
            rows = [torch.randperm(self.count, generator=generator)]
            if self.partners is not None:
                choices = self.partners.shape[1]
                column = torch.randint(choices, (self.count,), generator=generator)
                rows.append(self.partners[rows[0], column])
            order = torch.stack(rows).to(self.device)
            self._epochs = {e: o for e, o in self._epochs.items() if e == epoch - 1} | {
                epoch: order
            }
        return self._epochs[epoch]

    def drawn(self, start: int, stop: int) -> Tensor:
        """Positions of draws ``start`` to ``stop`` (exclusive), counted over all epochs.

        Returns:
            (draws,) positions, or (2, draws) with the partners in the second row.
        """
        parts = []
        while start < stop:
            epoch, offset = divmod(start, self.count)
            take = min(stop - start, self.count - offset)
            parts.append(self._epoch(epoch)[:, offset : offset + take])
            start += take
        drawn = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        return drawn[0] if self.partners is None else drawn
