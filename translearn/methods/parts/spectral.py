"""Spectral clustering of embedded images, on the graph of their nearest neighbours."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.methods.base import Budget, Phase
from translearn.methods.parts.clusters import Clusters
from translearn.methods.parts.grouping import (
    MOST_SPECTRAL,
    fit_kmeans,
    nearest_neighbours,
    spectral_clusters,
)
from translearn.methods.parts.pretext import Pretext
from translearn.ranges import Count


class Spectral(Clusters):
    """Spectral clusters of the mined neighbours (Shi & Malik 2000; scikit-learn's, ``cluster_qr``).

    An image belongs to the cluster that most of its nearest training images are in. Nothing is
    trained.

    Args:
        features: length of a feature vector.
        width: length of an embedding.
        choices: numbers of clusters to choose from, ascending.
        seed: of the k-means that chooses their number.
        neighbours: mined for each image.
        votes: of the nearest training images, for an image that is asked for.
    """

    untouched = True
    points: Tensor
    labels: Tensor

    def __init__(
        self,
        features: int,
        width: int,
        choices: Sequence[int],
        seed: int,
        *,
        neighbours: Count = 20,
        votes: Count = 5,
    ) -> None:
        super().__init__(features, width, choices, seed)
        self.neighbours, self.votes = neighbours, votes
        self.register_buffer("points", torch.zeros(MOST_SPECTRAL, width))
        self.register_buffer("labels", torch.full((MOST_SPECTRAL,), -1))

    def phases(self, budget: Budget, share: float) -> list[Phase]:
        """``cluster``, without steps."""
        return [Phase("cluster")]

    def enter(self, embeddings: Tensor, features: Callable[[], Tensor]) -> dict[str, Tensor]:
        """Cluster the graph of the neighbours, and keep what the votes are taken from."""
        number = self.choices[0]
        if len(self.choices) > 1:
            number = len(fit_kmeans(embeddings, self.choices, self.seed))
        sample = F.normalize(embeddings[:MOST_SPECTRAL].float(), dim=1)  # their order is random
        found = spectral_clusters(nearest_neighbours(sample, self.neighbours), number, self.seed)
        self.used.zero_()[:number] = True
        self.points.zero_()[: len(sample)] = sample
        self.labels.fill_(-1)[: len(sample)] = found.to(self.labels.device)
        return {}

    def scores(self, backbone: nn.Module, pretext: Pretext, x: Tensor) -> Tensor:
        """The share of the votes of the nearest training images, by the cosine."""
        units = F.normalize(pretext.compared(backbone, x).float(), dim=1)
        known = self.labels >= 0
        similarity = units @ self.points[known].T
        nearest = similarity.topk(min(self.votes, int(known.sum())), dim=1).indices
        votes = F.one_hot(self.labels[known][nearest], len(self.used)).float().mean(dim=1)
        return votes.masked_fill(~self.used, -torch.inf)
