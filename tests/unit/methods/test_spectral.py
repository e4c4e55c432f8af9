"""Spectral clusters against scikit-learn's own graph, and votes against a loop."""

import torch
from sklearn.cluster import SpectralClustering
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score
from torch import nn

from translearn.methods.parts.grouping import spectral_clusters
from translearn.methods.parts.pretext import Pixels
from translearn.methods.parts.spectral import Spectral


def moons():
    points, labels = make_moons(300, noise=0.04, random_state=0)
    return torch.from_numpy(points).float(), labels


def test_they_are_scikit_learn_s_and_follow_the_graph():
    points, labels = moons()
    near = torch.cdist(points, points).topk(11, largest=False).indices  # itself is the first
    found = spectral_clusters(near[:, 1:], 2, seed=0).numpy()
    theirs = SpectralClustering(
        2, affinity="nearest_neighbors", n_neighbors=11, assign_labels="cluster_qr",
        random_state=0,
    ).fit(points.numpy()).labels_  # fmt: skip
    assert adjusted_rand_score(found, theirs) == 1.0
    assert adjusted_rand_score(found, labels) == 1.0


class Same(Pixels):
    """What is compared is the input."""

    def __init__(self):
        nn.Module.__init__(self)

    def compared(self, backbone, x):
        return x


def test_new_images_are_voted_for_by_the_nearest_training_images():
    draws = torch.Generator().manual_seed(0)
    middles = torch.eye(3).repeat_interleave(40, 0)
    points = middles + 0.05 * torch.randn(120, 3, generator=draws)
    built = Spectral(3, 3, [3], 0, neighbours=6, votes=5)
    built.enter(points, lambda: points)
    new = torch.rand(9, 3, generator=draws)
    scores = built.scores(nn.Identity(), Same(), new)
    for row, image in zip(scores, new, strict=True):
        cosines = [float(torch.cosine_similarity(image, point, dim=0)) for point in points]
        best = sorted(range(120), key=lambda i: -cosines[i])[:5]
        votes = torch.bincount(built.labels[best], minlength=3) / 5
        assert torch.allclose(row, votes)
    assert len(built.labels[:120].unique()) == 3
