"""What an answer is: how scores are taught, read and judged."""

from typing import ClassVar

from torch import Tensor, nn

from translearn.data.access import TrainView


class Answer(nn.Module):
    """The answer of one task, which methods ask for the loss of their scores.

    Its width, the columns of the scores, is the number of the task's names: its classes, or the
    numbers of an answer. What it learns of the data (``see``) is part of the model.

    Attributes:
        name: what messages call it, as in ``Domain.answer``.
        headline: the figure that tables show where neither method nor data name another.
        figures: the names of its metrics.
        counted: whether it is judged by counts of classes (a confusion) rather than by values.
    """

    name: ClassVar[str]
    headline: ClassVar[str]
    figures: ClassVar[tuple[str, ...]]
    counted: ClassVar[bool]

    def see(self, view: TrainView, task: str) -> None:
        """Learn what it needs of the labels that the method may see, before training."""

    def loss(self, scores: Tensor, y: Tensor) -> Tensor:
        """The training loss, a mean over the batch.

        Args:
            scores: (B, width) of the method, in any precision.
            y: (B,) labels.
        """
        raise NotImplementedError

    def decode(self, scores: Tensor) -> Tensor:
        """Scores (B, width) -> answers (B,)."""
        raise NotImplementedError

    def metrics(self, answers: Tensor, y: Tensor) -> dict[str, float]:
        """``figures`` of answers (N,) beside labels (N,), of an answer that is not ``counted``."""
        raise NotImplementedError
