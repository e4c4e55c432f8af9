"""Self-taught clustering: no labels anywhere; features by a pretext, then k-means or SCAN."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from translearn.backbones.base import Backbone
from translearn.data.access import Access, Batch, TrainView
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.methods.base import Budget, Method, Phase, Stream, Tasks
from translearn.methods.parts.grouping import (
    Applied,
    cluster_choices,
    fit_kmeans,
    nearest_neighbours,
)
from translearn.methods.parts.losses import cluster_entropy, neighbour_consistency, self_label
from translearn.methods.parts.pretext import Pretext, PretextSettings
from translearn.methods.parts.pretraining import (
    collapse_advice,
    make_pretext,
    pretrain_domains,
    pretrain_streams,
    read_pretraining,
    spread,
    together,
    unlabelled,
)

HIDDEN = -1e4  # logit of a cluster that is not in use


class SelfCluster(Method):
    """Groups the unlabelled target images; the judge alone compares the groups with classes.

    ``kmeans`` groups the unit vectors of the pretext's embeddings. ``scan`` is Van Gansbeke et al.,
    "SCAN: learning to classify images without labels" (ECCV 2020): the nearest neighbours of each
    image are mined in the embedding, then image and neighbour are put into the same cluster
    (section 2.2), then, if asked to, confident assignments label other views (section 2.3; both
    views are of the one augmentation here).

    Args:
        backbone: the feature extractor.
        tasks: class names of source and target; the target's give the default of ``clusters``.
        input_shapes: task -> what a prepared image looks like.
        pretext: as in self-taught learning but sparse_coding, or ``none``: pixels.
        init: folder of an earlier run with the same pretext, whose pretraining replaces this one's.
        pretrain_on: ``source``, ``target`` or ``both``.
        cluster: ``kmeans`` or ``scan``.
        clusters: their number; ``auto``: the one in ``cluster_range`` whose k-means has the best
            silhouette; None: the number of the target's classes.
        cluster_range: least and largest number for ``auto``.
        pretrain_share: share of ``run.samples`` drawn in phase ``pretrain`` before ``scan``, which
            draws it too where there is no pretraining.
        selflabel_share: share drawn in phase ``selflabel``; 0 leaves it out.
        neighbours: mined for each image.
        entropy_weight: of SCAN's entropy term, which keeps all clusters in use.
        confidence: least probability that makes a pseudo-label.
        projector: see ``PretextSettings``, as for the following.
        temperature: of simclr.
        vicreg_weights: of vicreg.
        noise: of autoencoder.

    Raises:
        ConfigError: a value is out of range.
    """

    access = Access(source_labels=False, target_labels=False)
    headline = "target/test/cluster_accuracy"
    clusters = True

    def __init__(
        self,
        backbone: Backbone,
        tasks: Tasks,
        input_shapes: Mapping[str, Shape],
        pretext: str = "simclr",
        init: str | None = None,
        pretrain_on: str = "both",
        cluster: str = "scan",
        clusters: int | str | None = None,
        cluster_range: Sequence[int] = (2, 20),
        pretrain_share: float = 0.7,
        selflabel_share: float = 0.0,
        neighbours: int = 20,
        entropy_weight: float = 5.0,
        confidence: float = 0.95,
        projector: Sequence[int] | None = None,
        temperature: float = 0.2,
        vicreg_weights: Sequence[float] = (25.0, 25.0, 1.0),
        noise: float = 0.0,
    ) -> None:
        super().__init__(backbone, tasks)
        if cluster not in ("kmeans", "scan"):
            raise ConfigError(f"method.cluster={cluster} does not exist; choose kmeans or scan")
        if pretext == "none" and init:
            raise ConfigError("method.pretext=none uses no pretraining; leave method.init out")
        if pretext == "sparse_coding":
            raise ConfigError("method.pretext=sparse_coding is for method=selftaught")
        scanned = 1 - pretrain_share - selflabel_share
        if pretrain_share <= 0 or selflabel_share < 0 or scanned <= 0:
            raise ConfigError(
                "method.pretrain_share must be above 0, method.selflabel_share not negative, and "
                "something of 1 must be left for phase scan"
            )
        if not 0 < confidence < 1:
            raise ConfigError(f"method.confidence={confidence} must be above 0 and below 1")
        if neighbours < 1:
            raise ConfigError(f"method.neighbours={neighbours} must be at least 1")
        settings = PretextSettings(projector, temperature, vicreg_weights, noise)
        shape = input_shapes["target"]
        self.pretext: Pretext | None = None
        self.pretext_name = pretext
        if pretext != "none":
            self.pretext = make_pretext(pretext, backbone, settings, shape)
        self.domains = pretrain_domains(self.tasks, pretrain_on)
        self.target = unlabelled(self.tasks, "target")
        self.pretrain_share, self.selflabel_share = pretrain_share, selflabel_share
        self.init = init
        self.neighbours, self.entropy_weight = neighbours, entropy_weight
        self.confidence, self.scans = confidence, cluster == "scan"

        self.choices = cluster_choices(clusters, cluster_range, len(self.tasks["target"]))
        most = self.choices[-1]
        self.seed = int(torch.randint(2**31, ()))
        if self.scans:
            self.cluster_head = nn.Linear(backbone.out_dim, most)
        else:
            width = math.prod(shape) if self.pretext is None else self.pretext.width
            self.register_buffer("centroids", torch.zeros(most, width))
            self.centroids: Tensor
        self.register_buffer("used", torch.zeros(most, dtype=torch.bool))
        self.used: Tensor
        self._assigned: Tensor | None = None

    def phases(self, budget: Budget) -> Sequence[Phase]:
        """``pretrain`` (no steps for pixels and ``init``), then ``cluster``, or ``mine``, ``scan``.

        ``selflabel`` follows if it has a share.
        """
        phases, share = [Phase("pretrain")], 0.0
        if self.pretext is not None and not self.init:
            streams = pretrain_streams(self.domains, self.pretext)
            share = self.pretrain_share if self.scans else 1.0
            steps = budget.steps("pretrain", len(streams), share)
            phases = [Phase("pretrain", streams, steps, ("backbone", "pretext"))]
        if not self.scans:
            return [*phases, Phase("cluster")]
        learn = ("backbone", "cluster_head")
        pairs = {"target": Stream(self.target, views=1, partners="neighbours")}
        steps = budget.steps("scan", 1, 1 - share - self.selflabel_share)
        phases += [Phase("mine"), Phase("scan", pairs, steps, learn)]
        if self.selflabel_share:
            views = {"target": Stream(self.target, views=2)}
            steps = budget.steps("selflabel", 1, self.selflabel_share)
            phases.append(Phase("selflabel", views, steps, learn))
        return phases

    def embedding(self, x: Tensor) -> Tensor:
        """Normalised images -> unit vectors (B, D) that images are compared by; pixels as is."""
        if self.pretext is None:
            return x.flatten(1).float()
        return F.normalize(self.pretext.embed(self.backbone(x)).float(), dim=1)

    def enter(self, phase: Phase, view: TrainView) -> None:
        """``pretrain``: read ``init``. ``cluster``: k-means. ``mine``: neighbours, and how many
        clusters there shall be.
        """
        if phase.name == "pretrain" and self.init and self.pretext is not None:
            read_pretraining(self.init, self.pretext_name, self.backbone, self.pretext)
        if phase.name not in ("cluster", "mine"):
            return
        embeddings = view.outputs(self.target, Applied(self.embedding))
        number = self.choices[0]
        if phase.name == "cluster" or len(self.choices) > 1:
            fitted = fit_kmeans(embeddings, self.choices, self.seed)
            number = len(fitted)
        self.used.zero_()[:number] = True
        if phase.name == "cluster":
            self.centroids.zero_()[:number] = fitted.to(self.centroids.device)
        else:
            self.kept["neighbours"] = nearest_neighbours(embeddings, self.neighbours)

    def forward(self, phase: str, batch: Mapping[str, Batch], progress: float) -> dict[str, Tensor]:
        """The pretext's terms; ``consistency`` and ``entropy``; or ``selflabel``."""
        if phase == "pretrain":
            assert self.pretext is not None
            images = together(batch, stacked=self.pretext.views > 0)
            return self.pretext.loss(self.backbone, images)
        if self.pretext is not None:
            self.pretext.seen = None
        images = batch["target"].x
        logits = self.logits(images.flatten(0, 1))
        first, second = logits.chunk(2)
        self._assigned = logits.detach()
        if phase == "scan":
            # from log K down to 0 as the mean assignment becomes uniform: never below zero
            missing = self.used.sum().log() - cluster_entropy(logits)
            return {
                "consistency": neighbour_consistency(first, second),
                "entropy": self.entropy_weight * missing,
            }
        return {"selflabel": self_label(first.detach(), second, self.confidence)}

    def logits(self, x: Tensor) -> Tensor:
        """Cluster logits (B, most), those of clusters that are not in use far below the others."""
        logits: Tensor = self.cluster_head(self.backbone(x)).float()
        return logits.masked_fill(~self.used, HIDDEN)

    def predict(self, x: Tensor, task: str) -> Tensor:
        """Scores (B, most) over clusters: logits, or minus the distance to each centroid."""
        if self.scans:
            return self.logits(x)
        distance = torch.cdist(self.embedding(x), self.centroids)
        return (-distance).masked_fill(~self.used, -torch.inf)

    def predicts(self, task: str) -> bool:
        """The target, once there are clusters."""
        return task == "target" and bool(self.used.any())

    def score_width(self, task: str) -> int:
        """The most clusters there may be."""
        return len(self.used)

    def health(self) -> dict[str, float]:
        """In phase ``pretrain`` the spread of features, later how clusters are used.

        ``clusters_used`` is e to the entropy of the mean assignment, ``confidence`` the mean of the
        largest probability.
        """
        if self._assigned is None:
            return {} if self.pretext is None else spread(self.pretext.seen)
        return {
            "clusters_used": float(cluster_entropy(self._assigned).exp()),
            "confidence": float(self._assigned.softmax(dim=1).amax(dim=1).mean()),
        }

    def advice(self, health: Mapping[str, float]) -> str | None:
        """Warns when features collapse, or when clusters fall empty."""
        if "clusters_used" not in health:
            return collapse_advice(health, self.pretext_name)
        wanted = int(self.used.sum())
        if health["clusters_used"] < 0.6 * wanted:
            return (
                f"only {health['clusters_used']:.1f} of {wanted} clusters are in use: raise "
                "method.entropy_weight or the batch size of this phase"
            )
        return None
