"""How well clusters agree with classes: matched accuracy, NMI, ARI, purity."""

from collections.abc import Mapping

import torch
from torch import Tensor


def matched(counts: Tensor) -> Tensor:
    """Clusters given to classes one to one so that most samples agree (the Hungarian method).

    Args:
        counts: (classes, clusters): row the class, column the cluster.

    Returns:
        (classes, classes + left over): column c holds the cluster of class c (zeros where it got
        none); clusters that found no class stand behind, and count as wrong.
    """
    from scipy.optimize import linear_sum_assignment  # type: ignore[attr-defined]

    classes, clusters = counts.shape
    rows, columns = (torch.from_numpy(i) for i in linear_sum_assignment(counts.numpy(), True))
    left_over = torch.ones(clusters, dtype=torch.bool)
    left_over[columns] = False
    ordered = torch.zeros(classes, classes, dtype=counts.dtype)
    ordered[:, rows] = counts[:, columns]
    return torch.cat([ordered, counts[:, left_over]], dim=1)


def cluster_scores(confusions: Mapping[str, Tensor], split: str) -> dict[str, float]:
    """The scores of each task's counts (classes, clusters), by ``<task>/<split>/<name>``.

    ``cluster_accuracy`` (after ``matched``), ``nmi`` (arithmetic mean), ``ari``, ``purity`` (each
    cluster counts its largest class), and ``clusters``: how many hold any sample.
    """
    # takes a second to import, and most runs need none
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    metrics: dict[str, float] = {}
    for task, counts in confusions.items():
        total = int(counts.sum())
        classes, clusters = torch.meshgrid(*(torch.arange(n) for n in counts.shape), indexing="ij")
        true = classes.flatten().repeat_interleave(counts.flatten()).numpy()
        found = clusters.flatten().repeat_interleave(counts.flatten()).numpy()
        scores = {
            "cluster_accuracy": float(matched(counts).diagonal().sum()) / total,
            "nmi": float(normalized_mutual_info_score(true, found)),
            "ari": float(adjusted_rand_score(true, found)),
            "purity": float(counts.amax(dim=0).sum()) / total,
            "clusters": float((counts.sum(dim=0) > 0).sum()),
        }
        metrics |= {f"{task}/{split}/{name}": value for name, value in scores.items()}
    return metrics
