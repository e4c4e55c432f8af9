"""Probes: what frozen features know, read off by a nearest-neighbour and a linear classifier."""

from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from translearn.engine.job import Job

MOST_TAUGHT = 5000  # training samples that the classifiers learn from


NEIGHBOURS = 5


def probe(job: Job) -> dict[str, float]:
    """Test accuracy of two classifiers on the frozen features of a trained method.

    They learn from the training labels of each task, at most ``MOST_TAUGHT`` and none outside a
    label budget, once the run is over: the method never sees these labels, and nothing is chosen.
    Every rank calls it, since each computes its share of the features.

    Returns:
        ``<task>/test/knn_accuracy`` (cosine, 5 neighbours) and ``<task>/test/linear_accuracy``
        (logistic regression on standardised features), where training and test labels exist; on
        the first rank. Of numbers ``knn_r2`` and ``linear_r2`` (ridge regression).
    """
    metrics: dict[str, float] = {}
    for task in job.tasks.tasks:
        if not (job.judge.has(task, "train") and job.judge.has(task, "test")):
            continue
        train_features, train_labels = job.judge.features(job.method, task, "train", MOST_TAUGHT)
        test_features, test_labels = job.judge.features(job.method, task, "test")
        if not job.first_rank:
            continue
        if train_labels.is_floating_point():
            known = {
                "knn": KNeighborsRegressor(min(NEIGHBOURS, len(train_labels)), metric="cosine"),
                "linear": make_pipeline(StandardScaler(), RidgeCV()),
            }
            for name, reader in known.items():
                reader.fit(train_features.numpy(), train_labels.numpy())
                r2 = reader.score(test_features.numpy(), test_labels.numpy())
                metrics[f"{task}/test/{name}_r2"] = float(r2)
            continue
        classifiers = {
            "knn": KNeighborsClassifier(min(NEIGHBOURS, len(train_labels)), metric="cosine"),
            "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        }
        for name, classifier in classifiers.items():
            classifier.fit(train_features.numpy(), train_labels.numpy())
            accuracy = classifier.score(test_features.numpy(), test_labels.numpy())
            metrics[f"{task}/test/{name}_accuracy"] = float(accuracy)
    return metrics
