"""Runs that are done: never touched again, and what a new run may start from. Imports no torch."""

import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from translearn.artifacts.folder import done, refuse_older, stored_config
from translearn.artifacts.result import read_result
from translearn.config import Config, plain
from translearn.errors import CheckpointError, ConfigError
from translearn.launch.arguments import (
    compose_jobs,
    given_values,
    parted,
    stored_flags,
    stored_overrides,
    unquoted,
)
from translearn.report.grid import amount, is_percent
from translearn.settings import differences, flatten
from translearn.system.quoting import in_quotes, quoted, tl_run

LIKE = "run.like"
SETTINGS_OF_ITS_OWN = ("output_root", "run.resume", "run.skip_done", "run.job_minutes")


def told_done(folder: Path) -> str | None:
    """What to say of a run that is done, instead of training it again; None if it is not."""
    if not done(folder):
        return None
    result = read_result(folder)
    assert result is not None
    name = result.headline or ""
    ended = ""
    if name in result.metrics:
        unit = " %" if is_percent(name) else ""
        ended = f": {name.replace('/', ' ')} {amount(name, result.metrics[name])}{unit}"
    return (
        f"{folder} is done{ended}; nothing was changed\n"
        f"another seed: {tl_run(f'{LIKE}={quoted(folder)}', 'seed=1')}"
    )


def expand_like(words: Sequence[str]) -> list[str]:
    """``run.like=RUN`` replaced by the options of that run, as far as no other word changes them.

    The new run starts from the configuration that RUN stored, even where a file of ``conf`` has
    changed since; what differs from it is printed.

    Raises:
        CheckpointError: there is no run, or one of an earlier release.
        ConfigError: RUN is named together with ``run.resume``.
    """
    given = given_values(words)
    if LIKE not in given:
        return list(words)
    if "run.resume" in given:
        raise ConfigError(f"{LIKE} starts a new run and run.resume continues one: give one of them")
    folder = Path(unquoted(given[LIKE]))
    if not (folder / ".hydra" / "config.yaml").is_file():
        raise CheckpointError(f"{LIKE}={folder}: no run there (.hydra/config.yaml is missing)")
    refuse_older(folder)
    kept = [word for word in words if not word.startswith(f"{LIKE}=")]
    flags, own = parted(kept)
    flags += stored_flags(folder, kept)
    parts = tuple(f"{key}{sign}" for key in given for sign in "./")  # of a part chosen anew
    earlier = [
        word
        for word in stored_overrides([f"run.resume={quoted(folder)}", *own])
        if word.split("=", 1)[0] not in SETTINGS_OF_ITS_OWN
        and not word.lstrip("+~").startswith(parts)
    ]
    undone = since_then(folder, [*flags, *earlier], own)
    expanded = [*flags, *earlier, *undone, *own]
    told = {change for job in compose_jobs(expanded) for change in changes(folder, plain(job))}
    for line in sorted(told) or ["nothing: the same run again"]:
        print(f"changed from {folder}: {line}", file=sys.stderr)
    return expanded


def changes(folder: Path, config: Config) -> list[str]:
    """The keys that decide a result and differ from what a run stored."""
    return differences(stored_config(folder), config)


def since_then(folder: Path, earlier: Sequence[str], own: Sequence[str]) -> list[str]:
    """Options that undo what files of ``conf`` have changed since the run, where ``own`` do not.

    A key that the user's own words move is left to them.
    """
    stored = flatten(stored_config(folder))
    now = flatten(plain(compose_jobs(list(earlier))[0]))
    wanted = [flatten(plain(job)) for job in compose_jobs([*earlier, *own])]
    moved = {line.split(":", 1)[0] for line in differences(stored, now)}
    return [
        f"++{key}={literal(stored[key])}"
        for key in sorted(moved)
        if key in stored and all(job.get(key) == now.get(key) for job in wanted)
    ]


def literal(value: Any) -> str:
    """A value in Hydra's grammar of the command line."""
    if isinstance(value, str):
        return in_quotes(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(literal(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{literal(item)}' for key, item in value.items())}}}"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def refuse_record_as_config(words: Sequence[str]) -> None:
    """Refuse the record of a run as a folder of configuration, which Hydra would pass over.

    Raises:
        ConfigError: saying how to start from that run.
    """
    for before, after in itertools.pairwise(words):
        record = Path(after)
        given = before in ("--config-dir", "-cd", "--config-path", "-cp")
        if given and (record / "overrides.yaml").is_file() and (record / "hydra.yaml").is_file():
            raise ConfigError(
                f"{record} is the record of a run, which {before} would pass over\n"
                f"start from it: {tl_run(f'{LIKE}={quoted(record.parent)}', 'key=value')}"
            )
