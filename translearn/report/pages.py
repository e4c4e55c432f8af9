"""Tables of results in the pages of the documentation, drawn from results kept beside them.

A page holds ``<!-- table: FOLDER -->`` and ``<!-- end of table -->``, FOLDER as seen from the page;
what stands between is the table of the results in that folder. Imports no torch.
"""

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from translearn.artifacts.result import Result, write_result
from translearn.errors import ConfigError
from translearn.report.collect import Run, collect
from translearn.report.grid import aggregate, markdown
from translearn.report.rows import KEYS, Row, group, settings
from translearn.system.printing import markdown_code

BLOCK = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


# Of the environment; the rest tells of one machine only, or is long.
KEPT = ("translearn", "python", "processor", "device", "threads", "ranks", "packages", "git_commit")


# Options that say where and how fast a run computed, not what: they are no part of its command.
PLACES = ("data_root", "output_root", "run.device", "run.threads", "run.resume", "run.figures")


def keep(runs: Sequence[Run], table: Path) -> list[Path]:
    """Write the trimmed results of runs that are done to ``<table>/<method>-<setting>/<seed>``.

    A run of the same setting and seed replaces the one before; others stay, so that the rows of
    a table may arrive one by one.

    Returns:
        The folders.

    Raises:
        ConfigError: none of the runs is done.
        OSError: the disk is full or not writable.
    """
    folders = []
    for run in runs:
        if run.status == "done":
            setting = [*(str(getattr(run, key)) for key in KEYS), *sorted(settings(run))]
            digest = hashlib.sha256("\n".join(setting).encode()).hexdigest()[:8]
            folder = table / f"{run.method}-{digest}" / str(run.seed)
            folder.mkdir(parents=True, exist_ok=True)
            write_result(folder, trimmed(run))
            folders.append(folder)
    if not folders:
        raise ConfigError("--keep: none of these runs is done")
    return folders


def trimmed(run: Run) -> Result:
    """What a published table needs of a result, with the command that gives it."""
    whole = Result(**{f.name: getattr(run, f.name) for f in fields(Result)})
    overrides = [o for o in run.overrides if o.split("=", 1)[0] not in PLACES]
    environment = {key: run.environment[key] for key in KEPT if key in run.environment}
    return replace(
        whole,
        overrides=overrides,
        per_class={},
        cluster_sizes={},
        phases=[],
        files={},  # with the places where they lay
        splits={},
        environment={**environment, "command": shlex.join(["tl-run", *overrides])},
    )


def drawn(page: str, beside: Path) -> str:
    """The text of a page with every table in it drawn anew.

    Args:
        page: its text.
        beside: the folder that the page lies in.

    Raises:
        ConfigError: the page has no place for a table, or a folder holds no result.
    """
    if not BLOCK.search(page):
        raise ConfigError(
            "the page has no place for a table: add the two lines\n"
            "<!-- table: FOLDER OF RESULTS -->\n<!-- end of table -->"
        )
    return BLOCK.sub(lambda found: found[1] + table_of(beside / found[2]) + found[3], page)


def table_of(folder: Path) -> str:
    """The results in a folder as Markdown: a row a setting, and below it the command of each row.

    Raises:
        ConfigError: there are none.
    """
    runs = collect([folder])
    if not runs:
        raise ConfigError(f"no result at or below {folder}; keep one with tl-table RUN --keep")
    commands = "\n".join(f"- {markdown_code(command(row))}" for row in group(runs)[0])
    return f"\n{markdown(aggregate(runs))}\nThe commands of these rows:\n\n{commands}\n\n"


def command(row: Row) -> str:
    """The command that gives a row, all its seeds at once."""
    options = [o for o in row.runs[0].overrides if not o.startswith("seed=")]
    seeds = ",".join(str(run.seed) for run in row.runs)
    several = ["-m"] if len(row.runs) > 1 else []
    return " ".join(["tl-run", *several, *map(shlex.quote, options), f"seed={seeds}"])
