"""How embedded images are put into clusters: k-means, or SCAN."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from translearn.errors import ConfigError, DataError
from translearn.methods.base import Budget, Phase, Stream
from translearn.methods.parts.classifiers import Logistic
from translearn.methods.parts.grouping import (
    MOST_SPECTRAL,
    fit_kmeans,
    nearest_neighbours,
    spectral_clusters,
)
from translearn.methods.parts.losses import (
    cluster_entropy,
    from_shares,
    neighbour_consistency,
    self_label,
)
from translearn.methods.parts.pretext import Pretext
from translearn.ranges import Count, Middle, NonNegative, Part

HIDDEN = -1e4  # logit of a cluster that is not in use


class Clusters(nn.Module):
    """Base of the rules: what follows the pretext.

    Args:
        features: length of a feature vector.
        width: length of an embedding.
        choices: numbers of clusters to choose from, ascending.
        seed: of k-means.

    Attributes:
        untouched: whether the backbone stays what the pretext has made of it.
        used: mask of the clusters that are in use.
        assigned: cluster logits of the last step, for ``health``.
    """

    untouched: ClassVar[bool] = False
    used: Tensor

    def __init__(self, features: int, width: int, choices: Sequence[int], seed: int) -> None:
        super().__init__()
        self.choices, self.seed = choices, seed
        self.register_buffer("used", torch.zeros(choices[-1], dtype=torch.bool))
        self.assigned: Tensor | None = None

    def phases(self, budget: Budget, share: float) -> list[Phase]:
        """The phases after the pretext's.

        Args:
            budget: of the run.
            share: of the budget, that is left.
        """
        raise NotImplementedError

    def enter(self, embeddings: Tensor, features: Callable[[], Tensor]) -> dict[str, Tensor]:
        """Its phase without steps: use the embeddings (M, D) of all images.

        Args:
            embeddings: what images are compared by.
            features: computes what the backbone makes of all images (M, features).

        Returns:
            What a checkpoint must hold.
        """
        raise NotImplementedError

    def losses(self, phase: str, backbone: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """Named loss terms of images (views, B, C, H, W)."""
        raise NotImplementedError

    def scores(self, backbone: nn.Module, pretext: Pretext, x: Tensor) -> Tensor:
        """Normalised images -> scores (B, clusters)."""
        raise NotImplementedError

    def health(self) -> dict[str, float]:
        """How clusters are used: e to the entropy of the mean assignment, and confidence."""
        if self.assigned is None:
            return {}
        return {
            "clusters_used": float(cluster_entropy(self.assigned).exp()),
            "confidence": float(self.assigned.softmax(dim=1).amax(dim=1).mean()),
        }

    def advice(self, health: Mapping[str, float]) -> str | None:
        """Warns when clusters fall empty."""
        wanted = int(self.used.sum())
        if health["clusters_used"] >= 0.6 * wanted:
            return None
        return (
            f"only {health['clusters_used']:.1f} of {wanted} clusters are in use: raise "
            "method.cluster.entropy_weight or the batch size of this phase"
        )


class KMeans(Clusters):
    """The nearest centroid in the embedding; nothing is trained."""

    untouched = True
    centroids: Tensor

    def __init__(self, features: int, width: int, choices: Sequence[int], seed: int) -> None:
        super().__init__(features, width, choices, seed)
        self.register_buffer("centroids", torch.zeros(choices[-1], width))

    def phases(self, budget: Budget, share: float) -> list[Phase]:
        """``cluster``, without steps."""
        return [Phase("cluster")]

    def enter(self, embeddings: Tensor, features: Callable[[], Tensor]) -> dict[str, Tensor]:
        """Fit the centroids."""
        fitted = fit_kmeans(embeddings, self.choices, self.seed)
        self.used.zero_()[: len(fitted)] = True
        self.centroids.zero_()[: len(fitted)] = fitted.to(self.centroids.device)
        return {}

    def scores(self, backbone: nn.Module, pretext: Pretext, x: Tensor) -> Tensor:
        """Minus the distance to each centroid."""
        distance = torch.cdist(pretext.compared(backbone, x), self.centroids)
        return (-distance).masked_fill(~self.used, -torch.inf)


class Scan(Clusters):
    """SCAN: learning to classify images without labels (Van Gansbeke et al., ECCV 2020).

    The nearest neighbours of each image are mined in the embedding, then image and neighbour are
    put into the same cluster (section 2.2), then, if asked to, confident assignments of a weakly
    augmented view label a strongly augmented one (section 2.3).

    The paper starts from random heads and aims at clusters of one size. With ``start`` the head
    begins at the spectral clusters of the mined neighbours, and aims at their sizes.

    Args:
        features: length of a feature vector.
        width: length of an embedding.
        choices: numbers of clusters to choose from, ascending.
        seed: of the k-means that chooses.
        neighbours: mined for each image.
        start: of the head: ``random``, with clusters of one size as in the paper, or ``spectral``.
        entropy_weight: of the entropy term, which keeps all clusters in use.
        selflabel_share: share of ``run.source_samples`` drawn in phase ``selflabel``; 0 leaves it
            out.
        confidence: least probability that makes a pseudo-label.

    Raises:
        ConfigError: a value is out of range.
    """

    shares: Tensor

    def __init__(
        self,
        features: int,
        width: int,
        choices: Sequence[int],
        seed: int,
        *,
        neighbours: Count = 20,
        start: Literal["random", "spectral"] = "random",
        entropy_weight: NonNegative = 5.0,
        selflabel_share: Part = 0.0,
        confidence: Middle = 0.99,
    ) -> None:
        super().__init__(features, width, choices, seed)
        self.neighbours, self.entropy_weight = neighbours, entropy_weight
        self.selflabel_share, self.confidence = selflabel_share, confidence
        self.start = start
        self.head = nn.Linear(features, choices[-1])
        self.register_buffer("shares", torch.zeros(choices[-1]))

    def phases(self, budget: Budget, share: float) -> list[Phase]:
        """``mine``, without steps, ``scan``, and ``selflabel`` if it has a share."""
        learn = ("backbone", "cluster")
        if share - self.selflabel_share <= 0:
            raise ConfigError(
                "method.pretrain_share and method.cluster.selflabel_share leave nothing of 1 for "
                "phase scan: lower one of them"
            )
        pairs = {"target": Stream("target", views=1, partners="neighbours", unlabelled=True)}
        steps = budget.steps("scan", share - self.selflabel_share)
        phases = [Phase("mine"), Phase("scan", pairs, steps, learn)]
        if self.selflabel_share:
            views = {"target": Stream("target", views=2, unlabelled=True, weak=True)}
            steps = budget.steps("selflabel", self.selflabel_share)
            phases.append(Phase("selflabel", views, steps, learn))
        return phases

    def enter(self, embeddings: Tensor, features: Callable[[], Tensor]) -> dict[str, Tensor]:
        """The neighbours (M, k), how many clusters there shall be, and where they start."""
        number = self.choices[0]
        if len(embeddings) < 2:
            raise DataError(
                "method/cluster=scan compares images with their neighbours, and the target has one "
                "image\nadd images to it"
            )
        if len(self.choices) > 1:
            number = len(fit_kmeans(embeddings, self.choices, self.seed))
        self.used.zero_()[:number] = True
        self.shares.zero_()[:number] = 1 / number
        if self.start == "spectral":
            self.begin_at(self.partition(embeddings, number), features())
        return {"neighbours": nearest_neighbours(embeddings, self.neighbours)}

    def partition(self, embeddings: Tensor, number: int) -> Tensor:
        """Spectral clusters of the first images, whose order is random."""
        sample = embeddings[:MOST_SPECTRAL]
        return spectral_clusters(nearest_neighbours(sample, self.neighbours), number, self.seed)

    def begin_at(self, clusters: Tensor, features: Tensor) -> None:
        """Let the head tell these clusters (n,) of the first images, and aim at their sizes."""
        linear = Logistic(features.shape[1], len(self.used))
        linear.solve(features[: len(clusters)], clusters)
        self.head.load_state_dict(linear.linear.state_dict())
        self.shares.copy_(torch.bincount(clusters, minlength=len(self.used)) / len(clusters))

    def logits(self, features: Tensor) -> Tensor:
        """Cluster logits (B, most), those of clusters that are not in use far below the others."""
        logits: Tensor = self.head(features).float()
        return logits.masked_fill(~self.used, HIDDEN)

    def losses(self, phase: str, backbone: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """``consistency`` and ``entropy`` (eq. 2), or ``selflabel``."""
        logits = self.logits(backbone(x.flatten(0, 1)))
        first, second = logits.chunk(2)
        self.assigned = logits.detach()
        if phase == "selflabel":
            return {"selflabel": self_label(first.detach(), second, self.confidence)}
        return {
            "consistency": neighbour_consistency(first, second),
            "entropy": self.entropy_weight * from_shares(logits, self.shares),
        }

    def scores(self, backbone: nn.Module, pretext: Pretext, x: Tensor) -> Tensor:
        """Cluster logits."""
        return self.logits(backbone(x))
