"""The judge: the only reader of sealed labels."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from translearn.answers import ANSWERS
from translearn.data.files.images import FileImages
from translearn.data.pipeline.decoding import decoded, in_turn
from translearn.data.pipeline.loaders import make_resident
from translearn.data.pipeline.preparation import Preparation
from translearn.data.types import Split, TaskSet
from translearn.methods.base import Method
from translearn.metrics.clusters import cluster_scores
from translearn.metrics.confusion import accuracies as of_confusion
from translearn.metrics.seen_unseen import (
    ScoresAllClasses,
    SeenUnseen,
    generalised_metrics,
    unseen_metrics,
)
from translearn.runtime import Runtime


class Judge:
    """Scores a method on validation and test splits, whose labels nobody else holds.

    Of the training splits it keeps the labels that a budget leaves, for probes alone.

    Args:
        tasks: the data.
        prepare: task -> the same preprocessing as in training.
        runtime: device and ranks; each rank scores its share.
        batch_size: images at a time.
        resident_bytes: splits of files up to this size are decoded once and kept.
        workers: decoding processes.
    """

    def __init__(
        self,
        tasks: TaskSet,
        prepare: Mapping[str, Preparation],
        runtime: Runtime,
        batch_size: int,
        resident_bytes: int,
        workers: int,
    ) -> None:
        self._splits = {
            (task, name): split
            for task, domain in tasks.tasks.items()
            for name, split in (("train", domain.train), ("val", domain.val), ("test", domain.test))
            if split is not None and split.y is not None and len(split)
        }
        self.classes = {task: domain.classes for task, domain in tasks.tasks.items()}
        self.counted = {t: ANSWERS[d.answer].counted for t, d in tasks.tasks.items()}
        self._prepare, self._runtime, self._batch_size = prepare, runtime, batch_size
        self._resident_bytes, self._workers = resident_bytes, workers

    def has(self, task: str, split: str) -> bool:
        """Whether there are labels to score this split with."""
        return (task, split) in self._splits

    def size(self, task: str, split: str) -> int:
        """How many images of a split have labels."""
        return len(self._splits[task, split])

    def labels(self, task: str, split: str) -> Tensor:
        """The labels (N,) of a split, for counting once the final weights stand."""
        labels = self._splits[task, split].y
        assert labels is not None
        return labels

    def score(self, method: Method, split: str, limit: int | None = None) -> dict[str, float]:
        """``scores_of`` what can be scored; arguments as in ``confusions``."""
        counted = scores_of(method, self.confusions(method, split, limit), split)
        return {**counted, **self.number_scores(method, split, limit)}

    def number_scores(
        self, method: Method, split: str, limit: int | None = None
    ) -> dict[str, float]:
        """``<task>/<split>/<figure>`` of the tasks whose answers are not counted by classes."""
        return {
            f"{task}/{split}/{name}": value
            for task in self._scored(method, split, counted=False)
            for name, value in method.answer(task)
            .metrics(*self.answered(method, task, split, limit))
            .items()
        }

    def answered(
        self, method: Method, task: str, split: str, limit: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Answers (N,) to the (first) samples of a split, in the unit of the labels, and labels."""

        def decoded(x: Tensor) -> Tensor:
            return method.answer(task).decode(method.predict(x, task)).unsqueeze(1)

        answers, labels = self._scores(method, decoded, task, split, limit)
        return answers[:, 0], labels

    def confusions(self, method: Method, split: str, limit: int | None = None) -> dict[str, Tensor]:
        """The ``confusion`` of every task that has classes as labels, which the method predicts.

        Args:
            method: put into evaluation mode, and back into the mode it was in.
            split: ``val`` or ``test``.
            limit: at most so many images of each task.
        """
        return {
            task: self.confusion(method, task, split, limit)
            for task in self._scored(method, split, counted=True)
        }

    def _scored(self, method: Method, split: str, counted: bool) -> list[str]:
        tasks = [t for t in self.classes if self.has(t, split) and method.predicts(t)]
        return [task for task in tasks if method.answer(task).counted is counted]

    def confusion(self, method: Method, task: str, split: str, limit: int | None = None) -> Tensor:
        """Counts (classes, score width): row true, column predicted; summed over all ranks."""
        data = self._resident(task, split)
        count = min(len(data), limit or len(data))
        rows = self._runtime.rows(count)
        classes, width = len(self.classes[task]), method.score_width(task)
        flat = torch.zeros(classes * width, dtype=torch.int64, device=self._runtime.device)
        training = method.training
        method.eval()
        with torch.inference_mode(), self._runtime.autocast():
            for x, y in self._batches(data, rows):
                predicted = method.predict(self._prepare[task](x), task).argmax(dim=1)
                true = y.to(self._runtime.device)
                flat += torch.bincount(true * width + predicted, minlength=classes * width)
        method.train(training)
        return self._runtime.sum(flat).view(classes, width).cpu()

    def revealed(self, task: str, split: str) -> Split:
        """A split with its labels, for figures once the final weights stand; no method asks."""
        return self._resident(task, split)

    def zero_shot(self, method: Method) -> tuple[dict[str, float], SeenUnseen | None]:
        """Figures on the test images of unseen classes, and of seen and unseen ones together.

        Returns:
            The metrics, and what the curve of seen against unseen accuracy is drawn from; nothing
            for a method that does not score all classes, or where there are no such test images.
        """
        if not isinstance(method, ScoresAllClasses) or not self.has("target", "test"):
            return {}, None
        seen = len(self.classes.get("source", ()))
        unseen_scores, unseen_labels = self._scores(method, method.scores, "target", "test")
        metrics = unseen_metrics(unseen_scores[:, seen:], unseen_labels, method.known)
        if not self.has("source", "test"):
            return metrics, None
        seen_scores, seen_labels = self._scores(method, method.scores, "source", "test")
        both = SeenUnseen.of(seen_scores, seen_labels, unseen_scores, unseen_labels, seen)
        return {**metrics, **generalised_metrics(both, float(method.gamma))}, both

    def source_errors(self, method: Method, limit: int) -> tuple[Tensor, Tensor]:
        """What importance weighting needs of the first ``limit`` source validation images.

        Returns:
            On all ranks and on the CPU, features (N, D) by ``Method.represent``, and (N,) 1.0 where
            the predicted class is wrong, else 0.0.
        """

        def features_and_class(x: Tensor) -> Tensor:
            predicted = method.predict(x, "source").argmax(dim=1, keepdim=True)
            return torch.cat([method.represent(x, "source").float(), predicted.float()], dim=1)

        scores, labels = self._scores(method, features_and_class, "source", "val", limit)
        return scores[:, :-1], (scores[:, -1].long() != labels).float()

    def features(
        self, method: Method, task: str, split: str, limit: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """``Method.represent`` of the (first) samples of a split (N, D), and their labels (N,).

        For probes, once a run is over. On all ranks and on the CPU.
        """
        return self._scores(method, lambda x: method.represent(x, task), task, split, limit)

    def _scores(
        self,
        method: Method,
        score: Callable[[Tensor], Tensor],
        task: str,
        split: str,
        limit: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What ``score`` gives for the (first) images of a split, and the labels; on all ranks."""
        data = self._first(task, split, limit)
        assert data.y is not None
        rows = self._runtime.rows(len(data))
        training = method.training
        method.eval()
        with torch.inference_mode(), self._runtime.autocast():
            parts = [score(self._prepare[task](x)) for x, _ in self._batches(data, rows)]
        method.train(training)
        own = torch.cat(parts).float()
        everything = own.new_zeros(len(data), own.shape[1])
        everything[rows] = own  # the sum over the ranks puts their parts together
        return self._runtime.sum(everything).cpu(), data.y.cpu()

    def _first(self, task: str, split: str, limit: int | None) -> Split:
        # training files are not decoded a second time: a probe asks for few of them
        data = self._splits[task, split] if split == "train" else self._resident(task, split)
        if limit is None or limit >= len(data):
            return data
        return data.select(torch.arange(limit))

    def _resident(self, task: str, split: str) -> Split:
        data = self._splits[task, split]
        x = make_resident(data.x, self._resident_bytes, self._workers)
        if isinstance(x, Tensor):
            x = x.to(self._runtime.device)
        self._splits[task, split] = Split(x, data.y)
        return self._splits[task, split]

    def _batches(self, data: Split, rows: slice) -> "list[tuple[Tensor, Tensor]] | _FileBatches":
        assert data.y is not None
        if isinstance(data.x, FileImages):
            return _FileBatches(data.x, data.y, rows, self._batch_size, self._workers)
        starts = range(rows.start, rows.stop, self._batch_size)
        slices = [slice(start, min(start + self._batch_size, rows.stop)) for start in starts]
        return [(data.x[s], data.y[s]) for s in slices]


def scores_of(method: Method, confusions: Mapping[str, Tensor], split: str) -> dict[str, float]:
    """The metrics of a method's kind: ``cluster_scores`` of clusters, else ``accuracies``."""
    if method.clusters:
        return cluster_scores(confusions, split)
    return accuracies(confusions, split)


def accuracies(confusions: Mapping[str, Tensor], split: str) -> dict[str, float]:
    """``<task>/<split>/accuracy``, ``.../per_class_accuracy`` and ``.../macro_f1`` of each task."""
    return {
        f"{task}/{split}/{name}": value
        for task, confusion in confusions.items()
        for name, value in of_confusion(confusion).items()
    }


class _FileBatches:
    def __init__(
        self, x: FileImages, y: Tensor, rows: slice, batch_size: int, workers: int
    ) -> None:
        self.x, self.y, self.rows = x[range(rows.start, rows.stop)], y[rows], rows
        self.batch_size, self.workers = batch_size, workers

    def __iter__(self):  # type: ignore[no-untyped-def]
        batches = in_turn(len(self.x), self.batch_size)
        for batch in decoded(self.x, batches, self.batch_size, self.workers):
            yield batch.whole().x, self.y[batch.positions]
