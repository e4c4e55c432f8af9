"""A picture of clusters: a row of images for each."""

from pathlib import Path

import torch
from torch import Tensor

from translearn.data.loaders import in_order
from translearn.job import Job

LOOKED_AT, ACROSS = 2000, 16


def draw_clusters(job: Job) -> Path:
    """Write ``figures/clusters.png``: up to 16 target training images of each cluster.

    They are the first of each cluster among 2000, in the split's random order; empty clusters have
    no row.

    Returns:
        The file.
    """
    from torchvision.utils import make_grid, save_image  # takes a second to import

    method, prepare = job.method, job.prepare["target"]
    images = job.view["target"].x
    few = images[torch.arange(min(len(images), LOOKED_AT))]
    method.eval()
    shown: list[Tensor] = []
    found: list[Tensor] = []
    with torch.inference_mode(), job.runtime.autocast():
        for x in in_order(few, job.run.eval_batch_size, job.run.workers):
            found.append(method.predict(prepare(x), "target").argmax(dim=1).cpu())
            shown.append(x.cpu())
    assigned, pictures = torch.cat(found), torch.cat(shown).float() / 255
    blank = torch.ones_like(pictures[:1])
    rows = [pictures[assigned == cluster][:ACROSS] for cluster in assigned.unique()]
    filled = [torch.cat([row, blank.expand(ACROSS - len(row), -1, -1, -1)]) for row in rows]
    path = job.folder / "figures" / "clusters.png"
    path.parent.mkdir(exist_ok=True)
    save_image(make_grid(torch.cat(filled), nrow=ACROSS, padding=1, pad_value=0.5), path)
    return path
