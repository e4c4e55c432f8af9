"""Probes: what frozen features know, read off by a nearest-neighbour and a linear classifier."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from translearn.data.types import Split, TaskSet
from translearn.engine.job import Job
from translearn.engine.streams import without_gradients

MOST_TAUGHT = 5000  # training samples that the classifiers learn from


NEIGHBOURS = 5


def probe(job: Job, tasks: TaskSet) -> dict[str, float]:
    """Test accuracy of two classifiers on the frozen features of a trained method.

    They learn from the training labels of each task, at most ``MOST_TAUGHT`` and none outside a
    label budget, once the run is over: the method never sees these labels, and nothing is chosen.

    Returns:
        ``<task>/test/knn_accuracy`` (cosine, 5 neighbours) and ``<task>/test/linear_accuracy``
        (logistic regression on standardised features), where training and test labels exist.
    """
    metrics: dict[str, float] = {}
    for task, domain in tasks.tasks.items():
        train, test = domain.train, domain.test
        if train.y is None or test is None or test.y is None or not len(test):
            continue
        train = train.select(torch.arange(min(len(train), MOST_TAUGHT)))
        taught, asked = features(job, task, train), features(job, task, test)
        classifiers = {
            "knn": KNeighborsClassifier(min(NEIGHBOURS, len(train)), metric="cosine"),
            "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        }
        assert train.y is not None
        for name, classifier in classifiers.items():
            classifier.fit(taught, train.y.numpy())
            metrics[f"{task}/test/{name}_accuracy"] = float(classifier.score(asked, test.y.numpy()))
    return metrics


def features(job: Job, task: str, split: Split) -> NDArray[np.float32]:
    """``Method.represent`` of a split, (N, D) float32 on the CPU."""
    job.method.eval()
    found = without_gradients(job, task, split.x, lambda x: job.method.represent(x, task))
    together: NDArray[np.float32] = found.float().cpu().numpy()
    return together
