"""Spectral clustering of embedded images, on the graph of their nearest neighbours."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.cluster import SpectralClustering
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.methods.base import Budget, Phase
from translearn.methods.parts.clusters import Clusters
from translearn.methods.parts.grouping import fit_kmeans, nearest_neighbours
from translearn.methods.parts.pretext import Pretext
from translearn.ranges import Count

MOST_SPECTRAL = 8000  # images in the graph, and stored by the model


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

    def enter(self, embeddings: Tensor) -> dict[str, Tensor]:
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


def spectral_clusters(neighbours: Tensor, number: int, seed: int) -> Tensor:
    """Clusters (M,) of the graph that joins each image with its neighbours (M, k).

    An edge weighs 1 where both name each other, else a half, as in scikit-learn's
    ``affinity="nearest_neighbors"``.
    """
    total, count = neighbours.shape
    columns = neighbours.cpu().numpy().reshape(-1)
    starts = np.arange(0, total * count + 1, count)
    one_way = csr_matrix((np.ones(total * count), columns, starts), shape=(total, total))
    fit = SpectralClustering(
        number, affinity="precomputed", assign_labels="cluster_qr", random_state=seed
    )
    with warnings.catch_warnings():  # a graph in parts is no fault here: parts are clusters
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        labels = fit.fit((one_way + one_way.T) / 2).labels_
    return torch.from_numpy(labels).long()
