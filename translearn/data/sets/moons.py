"""Inter-twining moons, and the same turned: the toy problem of the DANN paper."""

import math
from typing import Annotated

import numpy as np
import torch
from sklearn.datasets import make_moons

from translearn.data.types import Kind, Reader, Samples, Split
from translearn.ranges import Count, NonNegative, Range

CLASSES = ("upper", "lower")


class Moons(Reader):
    """Points in two half circles (Ganin et al. 2016, section 5.1.1 and figure 2), made anew.

    As the authors' code makes them: scikit-learn's moons, moved to the middle of the first set and
    doubled; the other set is drawn by another seed and turned about that middle.

    Args:
        turned: whether it is the other set.
        degrees: by how much that is turned.
        count: points of a set.
        noise: standard deviation of each coordinate, before the doubling.
    """

    def __init__(
        self,
        turned: bool = False,
        degrees: Annotated[float, Range(-360, 360)] = 35.0,
        count: Annotated[Count, Range(10)] = 150,
        noise: NonNegative = 0.05,
    ) -> None:
        self.turned, self.degrees, self.count, self.noise = turned, degrees, count, noise

    def read(self) -> Samples:
        """Make the points (N, 2)."""
        first, labels = make_moons(self.count, noise=self.noise, random_state=1)
        points = first
        if self.turned:
            points, labels = make_moons(self.count, noise=self.noise, random_state=2)
        x = 2 * (points - first.mean(axis=0))
        if self.turned:
            angle = math.radians(self.degrees)
            turn = [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
            x = x @ np.array(turn)
        split = Split(torch.from_numpy(x).float(), torch.from_numpy(labels).long())
        name = "moons_turned" if self.turned else "moons"
        return Samples(name, CLASSES, split, None, Kind.vector, (2,), "split")
