"""Diabetes: a number to predict for patients, in two domains by their age; scikit-learn has it."""

from typing import Literal

import numpy as np
import torch
from sklearn.datasets import load_diabetes

from translearn.data.types import Kind, Reader, Samples, Split

NAMED = "progression"


class Diabetes(Reader):
    """Half of the 442 patients of Efron et al., "Least angle regression" (2004), by their age.

    The number is a measure of how far the disease has gone after a year (25 to 346). Age itself is
    not among the nine numbers of a sample: the domains would differ in it by construction.

    Args:
        older: the half of the older patients; the younger ones are up to 50.
        answer: what a label is.
    """

    def __init__(self, older: bool = False, answer: Literal["number"] = "number") -> None:
        self.older, self.answer = older, answer

    def read(self) -> Samples:
        """Read the half from the package."""
        found = load_diabetes(scaled=False)
        names = list(found.feature_names)
        age = names.index("age")
        chosen = (found.data[:, age] > np.median(found.data[:, age])) == self.older
        x = torch.from_numpy(np.delete(found.data, age, axis=1)[chosen]).float()
        y = torch.from_numpy(found.target[chosen]).float()
        return Samples(
            "diabetes_older" if self.older else "diabetes_younger", (NAMED,), Split(x, y), None,
            Kind.vector, (x.shape[1],), "split",
            columns=tuple(name for name in names if name != "age"), answer=self.answer,
        )  # fmt: skip
