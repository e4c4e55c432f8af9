"""What is predicted all over a plane, for samples of two numbers."""

import torch
from torch import Tensor

from translearn.data.access import LabelledSet
from translearn.data.types import Kind
from translearn.engine.job import Job
from translearn.report.drawing import Plane

STEPS = 120  # of each side of the grid
MARGIN = 0.08  # of the range of the samples, beyond them on each side


def plane_of(job: Job, task: str) -> Plane | None:
    """The predictions for ``task`` around the training samples of all tasks; None of other samples.

    They have such labels as the method sees.
    """
    shapes = {job.tasks.shape(name) for name in job.tasks.tasks}
    kinds = {domain.kind for domain in job.tasks.tasks.values()}
    if shapes != {(2,)} or kinds != {Kind.vector} or not job.method.predicts(task):
        return None
    seen = {name: job.view[name] for name in job.tasks.tasks}
    points = {name: one.x for name, one in seen.items() if isinstance(one.x, Tensor)}
    labels = {name: one.y for name, one in seen.items() if isinstance(one, LabelledSet)}
    every = torch.cat([x.cpu() for x in points.values()])
    low, high = every.amin(dim=0), every.amax(dim=0)
    low, high = low - MARGIN * (high - low), high + MARGIN * (high - low)
    x, y = (torch.linspace(float(a), float(b), STEPS) for a, b in zip(low, high, strict=True))
    grid = torch.cartesian_prod(y, x).flip(1)  # row by row: (x, y) of each point
    job.method.eval()
    with torch.inference_mode(), job.runtime.autocast():
        predicted = job.method.predict(job.prepare[task](grid), task).argmax(dim=1)
    return Plane(
        x=x.numpy(), y=y.numpy(), predicted=predicted.view(STEPS, STEPS).cpu().numpy(),
        points={
            name: (at.cpu().numpy(), labels[name].cpu().numpy() if name in labels else None)
            for name, at in points.items()
        },
    )  # fmt: skip
