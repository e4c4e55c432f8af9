"""Tables of runs on the terminal, and the one at the end of a run. Without torch."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from translearn.artifacts.result import Result
from translearn.errors import ConfigError, DiskError
from translearn.report.collect import Run, collect
from translearn.report.grid import HELD_OUT, ORACLE, Grid, aggregate, amount, is_percent
from translearn.report.references import compare_with, missing_references
from translearn.system.printing import printable

PIPED_WIDTH = 120  # columns where the output is not a terminal


def found_runs(folders: Sequence[Path], metric: str | None) -> list[Run]:
    """The runs in the folders, checked.

    Raises:
        ConfigError: a folder does not exist, holds no run, or no run has the metric.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(
                f"{folder} is not a folder; give tl-table the folder that holds the runs"
            )
    runs = collect(folders)
    if not runs:
        raise ConfigError(
            f"no run at or below {', '.join(map(str, folders))}; start one with tl-run"
        )
    metrics = {name for run in runs for name in run.metrics}
    if metric and metric not in metrics:
        from translearn.errors import nearest

        raise ConfigError(f"--metric {metric}: no run has it{nearest(metric, metrics)}")
    return runs


def write(name: str, text: str) -> None:
    """Write to a file, or to standard output for ``-``.

    Raises:
        DiskError: the file cannot be written.
    """
    if name == "-":
        standard_output()
        sys.stdout.write(text)
        return
    try:
        Path(name).write_text(text, encoding="utf-8", errors="replace")  # folders may be any bytes
    except OSError as error:
        raise DiskError(f"{name} cannot be written: {error}") from error


def print_result(result: Result, folder: Path) -> None:
    """Print the end table of one run.

    Args:
        result: of a run that is done.
        folder: where it lies.
    """
    console, metrics = standard_output(), result.metrics
    choice = ", ".join(part for part in (result.backbone, result.augment) if part)
    say(console, f"{result.method} on {result.data} ({choice}), seed {result.seed}")
    table = Table(box=None, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True, justify="right")
    wanted = [f"/{split}/{figure}" for split in ("test", "val") for figure in ("accuracy", "r2")]
    names = [name for part in wanted for name in metrics if part in name]
    headline = [result.headline] if result.headline in metrics else []
    for name in dict.fromkeys([*headline, *names]):
        shown = name.replace("/", " ")
        if result.protocol == "transductive" and name.startswith("source/test/"):
            shown = shown.replace("source", HELD_OUT, 1)
        unit = " %" if is_percent(name) else ""
        table.add_row(printable(shown), f"{amount(name, metrics[name])}{unit}")
    table.add_row("training time", f"{result.train_seconds:.1f} s")
    table.add_row("core-seconds", f"{result.train_core_seconds:.1f}")
    table.add_row("samples/s", f"{result.samples_per_second:.0f}")
    table.add_row("precision", str(result.precision))
    table.add_row("weights", str(result.selection))
    show(console, table)
    if result.headline is None and not any(name.startswith("target/") for name in metrics):
        say(console, "the target has no labels, so target metrics are absent;")
        say(console, f"label samples with: tl-predict {shlex.quote(str(folder))} FOLDER|FILE")
    if result.oracle:
        say(console, f"{ORACLE}: the weights were selected on target test labels; no fair figure")
    for warning in result.warnings:
        say(console, f"warning: {warning}")
    beside = compare_with(result)
    # of a sweep, the table at its end tells which rows are missing
    if beside and not (folder.parent / "multirun.yaml").exists():
        say(console, beside)
    say(console, f"run folder: {folder}")


def print_table(folders: Sequence[Path], metric: str | None = None) -> None:
    """Print the runs at or below the folders: a row a setting, mean ± std over its seeds.

    Args:
        folders: where to look.
        metric: shown first instead of each method's headline metric.
    """
    runs = collect(folders)
    print_grid(aggregate(runs, metric))
    for line in missing_references(runs):
        say(standard_output(), line)


def print_grid(grid: Grid) -> None:
    """Print an aggregated table."""
    console = standard_output()
    for line in grid.above:
        say(console, line)
    if grid.cells:
        table = Table(box=box.SIMPLE_HEAD)
        for name in map(printable, grid.header):
            if name in grid.words:
                table.add_column(name, overflow="fold")
            else:
                table.add_column(name, no_wrap=True, justify="right")
        for cells in grid.cells:
            table.add_row(*map(printable, cells))
        show(console, table)
    for line in grid.below:
        say(console, line)


class Printed(Console):
    """A console that leaves it to the command what a reader who has gone means."""

    def on_broken_pipe(self) -> None:
        """Rich would exit with 1."""
        raise


def standard_output() -> Console:
    """A console on standard output that replaces characters the terminal does not know."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    console = Printed(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    return console


def say(console: Console, line: str) -> None:
    """Print a line as it is: a path that was wrapped could not be copied."""
    console.print(printable(line), soft_wrap=True)


def show(console: Console, table: Table) -> None:
    """Print a table, wider than the terminal where a number would be cut otherwise."""
    for column in table.columns:
        if column.no_wrap:  # rich would cut such a cell between its words
            column.min_width = max(cell_len(str(c)) for c in (column.header, *column.cells))
    needed = Measurement.get(console, console.options.update(width=10_000), table)
    width = needed.minimum if console.is_terminal else needed.maximum
    console.width = max(console.width, width)
    console.print(table)
