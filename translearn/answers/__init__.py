"""What a method answers: one file each for the loss, the decoding and the figures of an answer."""

from translearn.answers.base import Answer
from translearn.answers.classes import Classes
from translearn.answers.number import Number

__all__ = ["ANSWERS", "Answer", "Classes", "Number"]

ANSWERS: dict[str, type[Answer]] = {"class": Classes, "number": Number}  # ``Domain.answer``
