"""Where source and target lie in feature space: t-SNE and the proxy A-distance."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from translearn.report.drawing import Evidence, bare, class_colours, new_figure, task_colours, words

TSNE_STEPS = 500


LEGEND_CLASSES = 20


LEAST_TOLD_APART = 50  # samples of each domain, below which their distance would be chance


def embedding(evidence: Evidence) -> dict[str, Figure]:
    """t-SNE of the backbone's features, coloured by class and by task; the proxy A-distance."""
    features = {t: e.features for t, e in evidence.examples.items() if e.features is not None}
    widths = {feature.shape[1] for feature in features.values()}
    count = sum(len(feature) for feature in features.values())
    if len(widths) != 1 or count < 10:
        return {}
    points = project(features, evidence.threads)
    figure = new_figure(11.5, 5.0, evidence.title)
    by_class, by_task = figure.subplots(1, 2)
    markers = dict(zip(features, "o^sDvP*X", strict=False))
    names = list(dict.fromkeys(name for task in features for name in evidence.classes[task]))
    colours = class_colours(names)
    for task, place in points.items():
        labels = evidence.examples[task].labels
        shades = (
            "0.6" if labels is None else [colours[evidence.classes[task][int(y)]] for y in labels]
        )
        by_class.scatter(*place.T, s=12, c=shades, marker=markers.get(task, "o"), linewidths=0)
        by_task.scatter(*place.T, s=12, color=task_colours(evidence.classes)[task], alpha=0.7,
                        marker=markers.get(task, "o"), linewidths=0, label=words(task))  # fmt: skip
    unlabelled = [task for task in features if evidence.examples[task].labels is None]
    note = f" (grey: {', '.join(unlabelled)}, unlabelled)" if unlabelled else ""
    by_class.set_title("by class" + note, fontsize=10)
    if len(names) <= LEGEND_CLASSES:
        for name in names:
            by_class.scatter([], [], color=colours[name], s=20, label=words(name, 18))
        by_class.legend(fontsize=8, loc="center right", bbox_to_anchor=(-0.02, 0.5))
    by_task.set_title("by domain" + distance_note(features), fontsize=10)
    by_task.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), markerscale=1.6)
    for axis in (by_class, by_task):
        bare(axis)
    figure.supxlabel(f"t-SNE of the backbone's features of {count} samples", fontsize=9)
    return {"embedding": figure}


def project(
    features: Mapping[str, NDArray[np.float32]], threads: int
) -> dict[str, NDArray[np.float32]]:
    """t-SNE in two dimensions of all tasks' features (N, D) together, always by the same seed."""
    from sklearn.decomposition import PCA  # takes a second: only where there is something to draw
    from sklearn.manifold import TSNE

    every = np.concatenate(list(features.values()))
    reduced = PCA(min(50, *every.shape), random_state=0).fit_transform(every)
    tsne = TSNE(
        init="pca",
        perplexity=min(30, len(every) / 4),
        max_iter=TSNE_STEPS,
        random_state=0,
        n_jobs=threads,
    )
    ends = np.cumsum([len(feature) for feature in features.values()])[:-1]
    return dict(zip(features, np.split(tsne.fit_transform(reduced), ends), strict=True))


def distance_note(features: Mapping[str, NDArray[np.float32]]) -> str:
    """The proxy A-distance of source and target in words, where there are enough of both."""
    counts = [len(features.get(task, ())) for task in ("source", "target")]
    if min(counts) < LEAST_TOLD_APART:
        return ""
    distance = proxy_a_distance(features["source"], features["target"])
    return f"; proxy A-distance {distance:.2f} (0: mixed, 2: apart)"


def proxy_a_distance(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """2 (1 - 2 error) of a linear classifier that tells two domains' features apart.

    The error is that on a held-out half (Ben-David et al. 2007; Ganin et al. 2016, section 5.1.2);
    worse than chance counts as 0.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    size = min(len(first), len(second))
    x = np.concatenate([first[:size], second[:size]])
    y = np.repeat([0, 1], size)
    halves = train_test_split(x, y, test_size=0.5, stratify=y, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    error = 1.0 - model.fit(halves[0], halves[2]).score(halves[1], halves[3])
    return float(max(0.0, 2.0 * (1.0 - 2.0 * error)))
