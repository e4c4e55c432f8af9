"""tl-table: runs compared. Without torch, to start at once."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from translearn.errors import ConfigError
from translearn.report.grid import aggregate, comma_separated, markdown
from translearn.report.pages import drawn, keep
from translearn.report.table import found_runs, print_grid, write
from translearn.system import command
from translearn.system.reading import text
from translearn.system.replacing import add_force, refuse_existing


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``tl-table`` command.

    Returns:
        0, or 2 where there is nothing to show, or 7 where a file cannot be written.
    """
    return command.run(lambda: show(arguments), alone=arguments is None)


def show(arguments: Sequence[str] | None) -> int:
    """What ``tl-table`` does with these arguments; returns and raises as it ends."""
    parser = argparse.ArgumentParser(
        prog="tl-table", description="Compare runs: mean and standard deviation over seeds."
    )
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="where runs lie (outputs)")
    parser.add_argument(
        "--csv", metavar="FILE", help="write a line a run with every metric (-: print)"
    )
    parser.add_argument("--markdown", metavar="FILE", help="write the table as Markdown (-: print)")
    parser.add_argument("--latex", metavar="FILE", help="write methods x data for LaTeX (-: print)")
    parser.add_argument("--keep", metavar="FOLDER", help="keep trimmed results for a page's table")
    parser.add_argument(
        "--page", metavar="FILE", help="draw the tables in a page from the results kept beside it"
    )
    parser.add_argument("--html", metavar="FILE", help="write a report with figures in one file")
    parser.add_argument(
        "--metric", metavar="NAME", help="show this metric, such as target/val/accuracy"
    )
    parser.add_argument(
        "--rules", action="store_true", help="what each rule of selection would have chosen"
    )
    add_force(parser)
    given = parser.parse_args(arguments)
    for option in ("csv", "markdown", "latex", "html"):
        if getattr(given, option):
            refuse_existing(f"--{option}", Path(getattr(given, option)), given.force)
    if given.page:
        draw_page(Path(given.page))
    else:
        compare_runs(given)
    return 0


def draw_page(page: Path) -> None:
    """Draw the tables of a page anew.

    Raises:
        ConfigError: it cannot be read, or has no place for a table.
        DiskError: it cannot be written.
    """
    try:
        content = text(page)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--page {page} cannot be read: {error}") from error
    write(str(page), drawn(content, page.parent))


def compare_runs(given: argparse.Namespace) -> None:
    """Show, write or keep the runs in the folders, as the options ask.

    Raises:
        ConfigError: there is nothing to show.
        DiskError: a file cannot be written.
    """
    runs = found_runs([Path(folder) for folder in given.folders or ["outputs"]], given.metric)
    if given.keep:
        for folder in keep(runs, Path(given.keep)):
            print(folder)
        return
    if given.rules:
        from translearn.report.choices import rule_grids  # with hydra, which takes a moment too

        grids = rule_grids(runs)
    else:
        grids = [aggregate(runs, given.metric)]
    if "-" not in (given.csv, given.markdown, given.latex, given.html):
        for grid in grids:
            print_grid(grid)
    if given.csv:
        write(given.csv, comma_separated(runs))
    if given.markdown:
        write(given.markdown, "\n".join(map(markdown, grids)))
    if given.latex:
        from translearn.report.compare import compare, latex  # scipy takes a second to import

        write(given.latex, latex(compare(runs, given.metric)))
    if given.html:
        from translearn.report.html import report  # and matplotlib another

        write(given.html, report(runs, given.metric))


if __name__ == "__main__":
    sys.exit(main())
