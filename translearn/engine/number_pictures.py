"""Figures of a run whose answers are numbers: predicted beside true ones."""

from pathlib import Path

from translearn.artifacts.result import Result
from translearn.engine.job import Job
from translearn.report.drawing import Evidence, new_figure, save, task_colours
from translearn.report.figures import learning_curves
from translearn.system.reading import json_lines


def draw_numbers(job: Job, result: Result, folder: Path) -> None:
    """Write ``curves.png`` and ``predicted.png``: a point for each test sample of every task."""
    title = f"{result.method} on {result.data}, seed {result.seed}"
    tasks = [t for t in job.method.tasks if job.judge.has(t, "test") and job.method.predicts(t)]
    evidence = Evidence(
        title=title, log=json_lines(job.folder / "metrics.jsonl"),
        classes={task: job.method.tasks[task] for task in tasks}, confusions={}, examples={},
        main_task=job.tasks.main_task,
    )  # fmt: skip
    for name, figure in learning_curves(evidence).items():
        save(figure, folder / f"{name}.png")
    if not tasks:
        return
    figure = new_figure(4.2 * len(tasks), 4.2, title)
    for axis, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        answers, true = (part.numpy() for part in job.judge.answered(job.method, task, "test"))
        low, high = float(min(answers.min(), true.min())), float(max(answers.max(), true.max()))
        axis.plot((low, high), (low, high), color="0.6", linewidth=0.8)
        axis.scatter(true, answers, s=9, alpha=0.6, color=task_colours(tasks)[task])
        r2 = result.metrics.get(f"{task}/test/r2")
        axis.set_title(task if r2 is None else f"{task}: R2 {r2:.3f}", fontsize=10)
        axis.set(xlabel=f"true {job.method.tasks[task][0]}", ylabel="predicted")
    save(figure, folder / "predicted.png")
