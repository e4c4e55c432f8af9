"""Accuracy by which layer groups were transferred: a figure and a table from sweep folders.

    tl-run -m experiment=layer_transfer_speech method.transfer=none,first:1,all,last:1 seed=0,1,2
    python benchmarks/layer_transfer.py outputs/sweeps/FOLDER --out layer_transfer.png

A panel for each data set and way of freezing, a line for each label budget: mean and standard
deviation over seeds.
"""

import argparse
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib import pyplot as plt

from translearn.artifacts.folder import stored_config
from translearn.config import Config
from translearn.report.collect import Run, collect

ORDER = ("none", "first", "all", "last")
Values = dict[str, dict[tuple[str, int], list[float]]]  # panel -> (transfer, labels) -> accuracies


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FILE.png")
    given = parser.parse_args(arguments)
    values = read([run for run in collect(given.folders) if run.method == "finetune"])
    if not values:
        raise SystemExit("no finished finetune runs there")
    print_table(values)
    if given.out:
        draw(values, given.out)


def read(runs: Sequence[Run]) -> Values:
    """Target test accuracies of the finished runs, by panel and setting."""
    values: Values = defaultdict(lambda: defaultdict(list))
    for run in runs:
        if run.status == "done":
            config = stored_config(run.folder)
            setting = (str(config["method"]["transfer"]), int(run.label_budget or 0))
            accuracy = run.metrics["target/test/accuracy"]
            values[panel(str(run.data), config)][setting].append(accuracy)
    return values


def panel(data: str, config: Config) -> str:
    """What the runs of one panel have in common."""
    method = config["method"]
    how = "all layers trained" if method["freeze"] == "none" else "transferred ones frozen"
    head = "" if method["target_head"] == "auto" else f", {method['target_head']} head"
    return f"{data}, {how}{head}"


def place(transfer: str) -> tuple[int, int]:
    """Where a choice of groups stands on the axis: none, first:N rising, all, last:N falling."""
    end, _, count = transfer.partition(":")
    return ORDER.index(end), int(count or 0) * (-1 if end == "last" else 1)


def spread(numbers: Sequence[float]) -> tuple[float, float]:
    return statistics.mean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else 0.0


def print_table(values: Values) -> None:
    for name, cells in sorted(values.items()):
        choices = sorted({transfer for transfer, _ in cells}, key=place)
        print(
            f"\n{name}\n| labels | " + " | ".join(choices) + " |\n|" + "---|" * (1 + len(choices))
        )
        for labels in sorted({labels for _, labels in cells}):
            row = [cells.get((transfer, labels), []) for transfer in choices]
            print(f"| {labels} | " + " | ".join(shown(cell) for cell in row) + " |")


def shown(accuracies: Sequence[float]) -> str:
    """Mean, deviation and number of runs; nothing where there are none."""
    if not accuracies:
        return ""
    mean, deviation = spread(accuracies)
    return f"{mean:.3f} ± {deviation:.3f} ({len(accuracies)})"


def draw(values: Values, path: Path) -> None:
    matplotlib.use("Agg")
    columns = min(2, len(values))
    rows = -(-len(values) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4.6 * columns, 3.0 * rows), sharey=True, squeeze=False
    )
    budgets = sorted({labels for cells in values.values() for _, labels in cells})
    colours = {labels: f"C{place}" for place, labels in enumerate(budgets)}
    for axis, (name, cells) in zip(axes.flat, sorted(values.items()), strict=False):
        choices = sorted({transfer for transfer, _ in cells}, key=place)
        for labels in sorted({labels for _, labels in cells}):
            places = [i for i, choice in enumerate(choices) if (choice, labels) in cells]
            pairs = [spread(cells[choices[i], labels]) for i in places]
            means, deviations = zip(*pairs, strict=True)
            axis.errorbar(
                places, means, deviations, marker="o", markersize=4, capsize=3, linewidth=1.2,
                color=colours[labels], label=f"{labels} a class",
            )  # fmt: skip
        axis.set_xticks(range(len(choices)), choices, rotation=30)
        axis.set_title(name, fontsize=10)
        axis.legend(fontsize=8, title="target labels", title_fontsize=8, loc="lower right")
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(values) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("target test accuracy")
    figure.tight_layout()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
