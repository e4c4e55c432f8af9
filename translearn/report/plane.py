"""The figure of samples in a plane, and of the classes that are predicted around them."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from translearn.report.drawing import Evidence, class_colours, new_figure, words

MARKS = "osD^v<>"


def boundary(evidence: Evidence) -> dict[str, Figure]:
    """The decision boundary in the plane of the samples, as in figure 2 of the DANN paper.

    Samples of the main task are black; those of the others have the colours of their classes.
    """
    plane = evidence.plane
    if plane is None:
        return {}
    names = evidence.classes[evidence.main_task]
    colours = list(class_colours(names).values())
    figure = new_figure(5.6, 4.4, evidence.title)
    axis = figure.subplots()
    levels = np.arange(plane.predicted.max() + 2) - 0.5
    around = ListedColormap(colours[: len(levels) - 1])
    axis.contourf(plane.x, plane.y, plane.predicted, levels, cmap=around, alpha=0.3)
    if len(levels) > 2:
        axis.contour(plane.x, plane.y, plane.predicted, levels[1:-1], colors="black", linewidths=2)
    for place, (task, (points, labels)) in enumerate(plane.points.items()):
        mark = MARKS[place % len(MARKS)]
        if task == evidence.main_task or labels is None:
            x, y = points.T
            axis.scatter(x, y, s=12, color="black", marker=mark, label=words(task))
            continue
        for label, name in enumerate(evidence.classes.get(task, names)):
            x, y = points[labels == label].T
            colour, told = colours[label % len(colours)], words(f"{task}: {name}")
            axis.scatter(x, y, s=22, color=colour, marker=mark, edgecolors="white", label=told)
    axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    axis.set_aspect("equal")
    return {"boundary": figure}
