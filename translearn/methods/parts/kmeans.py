"""k-means: scikit-learn's where the points lie in main memory, Lloyd's in torch on a GPU."""

import math
from typing import NamedTuple

import torch
from sklearn.cluster import KMeans
from torch import Tensor
from torch.nn import functional as F

STARTS = 50  # seedings, of which the one with the least inertia is kept


MOST_ROUNDS = 300


TOLERANCE = 1e-4  # of the mean variance: centroids that move less stand still, as in scikit-learn


class Clustering(NamedTuple):
    """Clusters of N points.

    Attributes:
        centroids: (k, D) float32.
        labels: (N,) int64, the nearest centroid of each point.
        inertia: the sum of squared distances to it.
    """

    centroids: Tensor
    labels: Tensor
    inertia: float


def kmeans(points: Tensor, k: int, seed: int, initial: Tensor | None = None) -> Clustering:
    """Cluster points (N, D) float32 where they lie, the best of ``STARTS`` seedings.

    Args:
        points: at least ``k``.
        k: the number of clusters.
        seed: of the seedings. CPU and GPU draw different numbers from it.
        initial: centroids (k, D) to begin with, instead of any seeding.
    """
    if points.is_cuda:
        return lloyd(points, k, seed, initial)
    start = "k-means++" if initial is None else initial.numpy()
    starts = STARTS if initial is None else 1
    fit = KMeans(k, init=start, n_init=starts, random_state=seed).fit(points.numpy())
    centroids = torch.from_numpy(fit.cluster_centers_).float()
    return Clustering(centroids, torch.from_numpy(fit.labels_).long(), float(fit.inertia_))


def lloyd(points: Tensor, k: int, seed: int, initial: Tensor | None = None) -> Clustering:
    """``kmeans`` in torch, on any device (Lloyd 1982).

    A cluster that falls empty moves to the point that is worst served. Sums are matrix products,
    so that the same seed gives the same bits on a GPU too.
    """
    draws = torch.Generator(device=points.device).manual_seed(seed)
    found = []
    for _ in range(STARTS if initial is None else 1):
        centroids = seeding(points, k, draws) if initial is None else initial
        found.append(descend(points, centroids))
    return min(found, key=lambda clustering: clustering.inertia)


def seeding(points: Tensor, k: int, draws: torch.Generator) -> Tensor:
    """Greedy k-means++: centroids (k, D), drawn from the points by squared distance.

    Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding" (SODA 2007), with the
    best of 2 + log k candidates at each draw, as in scikit-learn.
    """
    candidates = 2 + int(math.log(k))
    first = torch.randint(len(points), (1,), generator=draws, device=points.device)
    chosen, nearest = [first], squared_distances(points, points[first]).squeeze(1)
    for _ in range(1, k):
        weights = nearest.clamp_min(1e-12)  # points that are all alike are drawn alike
        tried = torch.multinomial(weights, candidates, replacement=True, generator=draws)
        reached = squared_distances(points, points[tried]).minimum(nearest[:, None])
        best = reached.sum(dim=0).argmin(keepdim=True)
        chosen.append(tried[best])
        nearest = reached[:, best].squeeze(1)
    return points[torch.cat(chosen)]


def descend(points: Tensor, centroids: Tensor) -> Clustering:
    """Assign and average in turns until the centroids (k, D) stand still."""
    k, still = len(centroids), TOLERANCE * points.var(dim=0, correction=0).mean()
    for _ in range(MOST_ROUNDS):
        distance, labels = squared_distances(points, centroids).min(dim=1)
        members = F.one_hot(labels, k).to(points.dtype)
        sizes = members.sum(dim=0)
        means = (members.T @ points) / sizes.clamp_min(1.0)[:, None]
        empty = sizes == 0
        means[empty] = points[distance.argsort(descending=True)[: int(empty.sum())]]
        moved = (means - centroids).square().sum()
        centroids = means
        if moved <= still:
            break
    labels = squared_distances(points, centroids).argmin(dim=1)
    # not from the distances: far from the origin these have lost digits
    inertia = (points - centroids[labels]).double().square().sum()
    return Clustering(centroids, labels, float(inertia))


def squared_distances(points: Tensor, centroids: Tensor) -> Tensor:
    """(N, k) squared Euclidean distances."""
    return torch.cdist(points, centroids).square()
