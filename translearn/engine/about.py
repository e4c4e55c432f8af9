"""What prediction needs to know of a run besides its config and weights."""

from typing import Any

from translearn.data.files.images import FileImages
from translearn.data.types import Domain, Images, Shape, TaskSet
from translearn.engine.job import Job


def about(job: Job) -> dict[str, Any]:
    """Tasks, inputs, and what the method adds; plain values, for JSON and for checkpoints."""
    return {**about_model(job.tasks), **job.method.about()}


def total_steps(job: Job) -> int:
    """The steps of all phases."""
    return sum(phase.steps for phase in job.phases)


def about_model(tasks: TaskSet) -> dict[str, Any]:
    """What prediction needs to know besides config and weights."""
    inputs = {task: about_input(domain, tasks.shape(task)) for task, domain in tasks.tasks.items()}
    return {
        "tasks": {task: list(domain.classes) for task, domain in tasks.tasks.items()},
        "input_shape": list(tasks.input_shape),
        "inputs": inputs,
        "main_task": tasks.main_task,
        "answers": {task: domain.answer for task, domain in tasks.tasks.items()},
    }


def about_input(domain: Domain, shape: Shape) -> dict[str, Any]:
    """What the samples of a task are like, and how numbers in them are scaled."""
    known = {
        "kind": str(domain.kind),
        "shape": list(shape),
        "stored_size": stored_size(domain.train.x),
    }
    if domain.columns:
        known["columns"] = list(domain.columns)
    if domain.scaling is not None:
        known["scaling"] = domain.scaling.record()
    return known


def stored_size(images: Images) -> int:
    """Length of the last axis of samples as they are kept: the edge of images before the crop."""
    return images.size if isinstance(images, FileImages) else int(images.shape[-1])
