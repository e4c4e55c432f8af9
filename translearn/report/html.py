"""``tl-table --html``: one self-contained page about many runs. Imports no torch."""

import base64
import contextlib
import io
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from translearn import __version__
from translearn.artifacts.folder import unfilled_config
from translearn.report.collect import Run
from translearn.report.compare import TEST, Comparison, compare
from translearn.report.drawing import LOSSES, curve, new_figure, words
from translearn.report.grid import aggregate
from translearn.settings import RECORD_KEYS, flatten
from translearn.system.reading import content, json_lines

CURVES = ("target/val/accuracy", "source/val/accuracy")  # the first that was followed is drawn


NOT_COMPARED = ("seed", "output_root", "data_root", *RECORD_KEYS)


MOST_BYTES = 2**20  # a picture above this is left out: the report would become too heavy


MOST_PICTURES = 12  # of a run


PNG = b"\x89PNG\r\n\x1a\n"


def report(runs: Sequence[Run], metric: str | None = None) -> str:
    """The page.

    Args:
        runs: as collected.
        metric: shown instead of each method's headline metric.
    """
    comparison = compare(runs, metric)
    first = {
        f"{label}: {column}": cell.row.runs[0].folder
        for label, cells in comparison.rows.items()
        for column, cell in zip(comparison.columns, cells, strict=True)
        if cell is not None
    }
    # everything that is put into the page is escaped: names of runs and classes are anybody's
    page = Environment(
        loader=PackageLoader("translearn", "report"), autoescape=True, undefined=StrictUndefined
    )
    common, differing = differing_keys({name: stored(folder) for name, folder in first.items()})
    return page.get_template("report.html").render(
        made=f"{datetime.now():%Y-%m-%d %H:%M}",
        version=__version__,
        comparison=comparison,
        test=TEST,
        grid=aggregate(runs, metric),
        curves=[embedded(figure) for figure in curves(comparison)],
        pictures={name: found for name, folder in first.items() if (found := pictures(folder))},
        settings=list(first),
        common=common,
        differing=differing,
        environment=environments([run for run in runs if run.status == "done"]),
        unfinished=[run for run in runs if run.status != "done"],
        runs=[run for run in runs if run.status == "done"],
    )


def curves(comparison: Comparison) -> list[Figure]:
    """For each column, the validation accuracy of every row while it trained."""
    figures = []
    for place, column in enumerate(comparison.columns):
        logs = {
            label: [read_log(run.folder / "metrics.jsonl") for run in cell.row.runs]
            for label, cells in comparison.rows.items()
            if (cell := cells[place]) is not None
        }
        every = [log for of_seeds in logs.values() for log in of_seeds]
        followed = [key for key in CURVES if any(curve(log, key)[0] for log in every)]
        if not followed:
            continue
        figure = new_figure(8.0, 3.6, column)
        axis = figure.subplots()
        for number, (label, of_seeds) in enumerate(logs.items()):
            draw_mean(axis, [dict(zip(*curve(log, followed[0]), strict=True)) for log in of_seeds],
                      LOSSES[number % len(LOSSES)], ("-", "--", ":")[number // len(LOSSES) % 3],
                      words(label))  # fmt: skip
        axis.set(xlabel="training samples drawn", ylabel=followed[0].replace("/", " "))
        axis.grid(alpha=0.25)
        axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
        figures.append(figure)
    return figures


def draw_mean(
    axis: Any, of_seeds: Sequence[Mapping[float, float]], colour: str, style: str, label: str
) -> None:
    """The mean of the seeds where all were scored, between their lowest and highest."""
    known = [points for points in of_seeds if points]
    shared = sorted(set.intersection(*(set(points) for points in known))) if known else []
    if not shared:
        return
    values = [[points[x] for points in known] for x in shared]
    axis.plot(shared, [mean(v) for v in values], style, color=colour, label=label, marker=".")
    axis.fill_between(shared, [min(v) for v in values], [max(v) for v in values], color=colour,
                      alpha=0.15, linewidth=0)  # fmt: skip


def read_log(path: Path) -> list[dict[str, float]]:
    """The numbers in the lines of metrics.jsonl that can be read; none where it is missing."""
    try:
        lines = json_lines(path)
    except (OSError, ValueError):
        return []
    return [{k: v for k, v in line.items() if isinstance(v, int | float)} for line in lines]


def embedded(figure: Figure) -> str:
    """A figure as the address of an image that the page carries in itself."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fonts without a glyph
        figure.savefig(out, format="png")
    return picture(out.getvalue())


def picture(content: bytes) -> str:
    """PNG bytes as a data address."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def pictures(folder: Path) -> dict[str, str]:
    """Name -> address of the figures in a run folder; links out of it are left out."""
    found, top = {}, folder.resolve()
    for path in sorted((folder / "figures").glob("*.png"))[:MOST_PICTURES]:
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            # a link may lead to any file of whoever makes the report
            if path.resolve().is_relative_to(top):
                drawn = content(path, MOST_BYTES)
                if drawn.startswith(PNG):
                    found[path.stem] = picture(drawn)
    return found


def stored(folder: Path) -> dict[str, Any]:
    """The flat config of a run as it was written, without what every run has of its own."""
    try:
        config = unfilled_config(folder)
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in flatten(config).items() if k.split(".")[0] not in NOT_COMPARED}


def differing_keys(
    configs: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The keys with one value in all configs, and those with several: a text for each config."""
    keys = sorted({key for config in configs.values() for key in config})
    texts = {key: [_value(config, key) for config in configs.values()] for key in keys}
    return (
        {key: values[0] for key, values in texts.items() if len(set(values)) == 1},
        {key: values for key, values in texts.items() if len(set(values)) > 1},
    )


def _value(config: Mapping[str, Any], key: str) -> str:
    return str(config[key]) if key in config else ""


def environments(runs: Sequence[Run]) -> dict[str, dict[str, int]]:
    """What the runs were made with: key -> value -> how many runs."""
    found: dict[str, dict[str, int]] = {}
    for run in runs:
        record = flatten(run.environment)
        for key, value in record.items():
            if key != "command":
                values = found.setdefault(key, {})
                values[str(value)] = values.get(str(value), 0) + 1
    return found
