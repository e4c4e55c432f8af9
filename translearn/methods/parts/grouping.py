"""What clustering needs beside a network: the number of clusters, centroids, neighbours."""

import logging
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.cluster import SpectralClustering
from sklearn.metrics import silhouette_score
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.errors import ConfigError
from translearn.methods.parts.kmeans import kmeans

log = logging.getLogger(__name__)


MOST_FITTED = 20000  # images that k-means sees


MOST_JUDGED = 4000  # images that silhouettes are computed of


MOST_SPECTRAL = 8000  # images in the graph of spectral clusters


ROWS_AT_ONCE = 256  # of the table of all similarities


def cluster_choices(
    clusters: int | str | None, cluster_range: Sequence[int], classes: int
) -> list[int]:
    """The numbers of clusters to choose from, ascending; one where it is given.

    Raises:
        ConfigError: it is left open, and the target has no classes.
    """
    if clusters == "auto":
        return list(range(cluster_range[0], cluster_range[1] + 1))
    if clusters is None and classes < 2:
        raise ConfigError(
            "method.clusters=null takes the number of the target's classes, and it has none\n"
            "add method.clusters=<number> or method.clusters=auto"
        )
    return [classes if clusters is None else int(clusters)]


def fit_kmeans(embeddings: Tensor, choices: Sequence[int], seed: int) -> Tensor:
    """Centroids (k, D) of the k in ``choices`` with the best silhouette (Rousseeuw 1987).

    Raises:
        ConfigError: there are fewer images than clusters.
    """
    if len(embeddings) <= choices[-1]:
        raise ConfigError(
            f"{len(embeddings)} target images are too few for {choices[-1]} clusters\n"
            "lower method.clusters or method.cluster_range"
        )
    sample = embeddings[:MOST_FITTED].float()  # the order of a split is random
    if len(choices) == 1:
        return kmeans(sample, choices[0], seed).centroids
    judged, best, centroids = sample[:MOST_JUDGED], -2.0, torch.empty(0)
    for k in choices:
        fit = kmeans(judged, k, seed)
        score = silhouette_score(judged.cpu().numpy(), fit.labels.cpu().numpy())
        log.info("%d clusters: silhouette %.4f", k, score)
        if score > best:
            best, centroids = score, fit.centroids
    log.info("taking %d clusters", len(centroids))
    return kmeans(sample, len(centroids), seed, centroids).centroids


def nearest_neighbours(embeddings: Tensor, count: int) -> Tensor:
    """(M, count) positions of the nearest others, by the inner product of unit vectors."""
    total = len(embeddings)
    count = min(count, total - 1)
    units = F.normalize(embeddings.float(), dim=1)
    found = torch.empty(total, count, dtype=torch.int64, device=units.device)
    # one buffer for all rows: where freed memory is kept (runtime.py), a new block beside each
    # small result would never fit into the hole of the last one, and the memory would run out
    block = torch.empty(min(total, ROWS_AT_ONCE), total, device=units.device)
    for start in range(0, total, ROWS_AT_ONCE):
        rows = torch.arange(start, min(start + ROWS_AT_ONCE, total), device=units.device)
        similarity = torch.mm(units[rows], units.T, out=block[: len(rows)])
        similarity[rows - start, rows] = -torch.inf  # the image itself
        found[rows] = similarity.topk(count, dim=1).indices
    return found


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


class Applied(nn.Module):
    """A function of inputs as a module, which is what ``TrainView.outputs`` takes."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """The function's value."""
        return self.function(x)
