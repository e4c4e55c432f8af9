"""What the tasks of a method ask for."""

from collections.abc import Mapping, Sequence

from torch import nn

from translearn.answers import ANSWERS
from translearn.answers.base import Answer


class Asked(nn.Module):
    """A module that has an answer for each of its tasks: classes, unless ``ask`` says otherwise.

    Attributes:
        answers: the kinds of answers that it can learn, as in ``Domain.answer``.
        tasks: task -> names of its classes, or of its number.
    """

    answers: tuple[str, ...] = ("class",)

    def __init__(self, tasks: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.tasks = {task: tuple(classes) for task, classes in tasks.items()}
        self.ask({})

    def ask(self, answers: Mapping[str, str]) -> None:
        """Take what the tasks ask for; classes of those that are not named."""
        made = [ANSWERS[answers.get(task, "class")]() for task in self.tasks]
        self.answer_of = nn.ModuleList(made)  # in the order of the tasks

    def answer(self, task: str) -> Answer:
        """What ``task`` asks for: the loss of scores, their decoding, and their figures."""
        found = self.answer_of[list(self.tasks).index(task)]
        assert isinstance(found, Answer)
        return found
