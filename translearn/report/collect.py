"""Run folders read from disk, as tables want them. Imports no torch."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from translearn.artifacts.folder import locked, stored_words, unfilled_config
from translearn.artifacts.pointers import POINTER, pointed
from translearn.artifacts.result import Result, load_result, started
from translearn.data.places import is_option
from translearn.report.stored import names_of_places

BROKEN = "broken"  # what cannot be read


@dataclass(frozen=True, kw_only=True)
class Run(Result):
    """One run folder: the result of its run, and for a run without one what its config says.

    Attributes:
        folder: where it lies.
        status: as in a result; without one ``running``, or ``killed`` where nobody works on it;
            ``broken`` where what lies there cannot be read.
        finished: when result.json was written, in seconds since 1970.
        told: its options; one that names a folder of images names what that held, so that it is
            the same for the same images and another for others.
    """

    folder: Path
    finished: float = 0.0
    told: tuple[str, ...] = ()

    @classmethod
    def at(cls, folder: Path, result: Result, finished: float = 0.0) -> "Run":
        """A result as that of the run in ``folder``."""
        told = tuple(result.overrides)
        return cls(folder=folder, finished=finished, told=told, **vars(result))


def collect(folders: Sequence[Path]) -> list[Run]:
    """Every run at or below the folders, each once, in the order of their paths."""
    found: dict[Path, Run] = {}
    for top in folders:
        for path, inside, files in os.walk(top):
            folder = Path(path)
            if POINTER in files:
                run = pointed_run(folder)
                found.setdefault(run.folder.resolve(), run)
            elif "result.json" in files or (folder / ".hydra" / "config.yaml").is_file():
                found.setdefault(folder.resolve(), read_run(folder))
            inside[:] = sorted(n for n in inside if n != "checkpoints" and not n.startswith("."))
    return by_contents(list(found.values()))


def by_contents(runs: Sequence[Run]) -> list[Run]:
    """The runs, with the folders of images in ``told`` and ``data`` called by what they held.

    What a set read below the data root or in a package is told where it is not what it was in the
    first run that read it.
    """
    given = {id(run): dict(o.split("=", 1) for o in run.overrides if "=" in o) for run in runs}
    found = [
        (key, sha256, given[id(run)].get(f"data.{key}", "") if is_option(key) else "")
        for run in runs
        for key, sha256 in run.data_places.items()
    ]
    names, titles = names_of_places(found), dict[tuple[tuple[str, str], ...], str | None]()
    named = []
    for run in runs:
        chosen = {key: sha256 for key, sha256 in run.data_places.items() if is_option(key)}
        called = {
            f"data.{key if key in chosen else key.partition('/')[2]}": names[key, sha256]
            for key, sha256 in run.data_places.items()
            if key in chosen or names[key, sha256]
        }
        told = [o for o in run.overrides if o.split("=", 1)[0] not in called]
        told += [f"{key}={name}" for key, name in called.items()]
        title = titles.setdefault(tuple(sorted(chosen.items())), run.data) if chosen else run.data
        named.append(replace(run, told=tuple(told), data=title))
    return named


def pointed_run(folder: Path) -> Run:
    """The run that stands for a job."""
    try:
        run = read_run(pointed(folder))
        run.folder.resolve()
        return run
    except (OSError, ValueError, RuntimeError) as error:  # a circle of links is a RuntimeError
        return Run.at(folder, begun(folder, BROKEN, f"{POINTER} cannot be read: {error}"))


def read_run(folder: Path) -> Run:
    """One run folder, however its run ended."""
    try:
        finished = (folder / "result.json").stat().st_mtime
        return Run.at(folder, load_result(folder), finished)
    except FileNotFoundError:
        if locked(folder):
            return Run.at(folder, begun(folder, "running", ""))
        reason = "it left no result.json: killed, or the machine went down"
        return Run.at(folder, begun(folder, "killed", reason))
    except (OSError, ValueError) as error:
        return Run.at(folder, begun(folder, BROKEN, f"result.json cannot be read: {error}"))


def begun(folder: Path, status: str, reason: str) -> Result:
    """What the config says of a run without a result; little where that cannot be read either."""
    config: dict[str, Any] = {}
    try:
        # Not filled in: variables of the environment and times of that start are gone.
        config = unfilled_config(folder)
    except FileNotFoundError:  # a result that was kept alone
        pass
    except (OSError, ValueError) as error:
        reason = f"{reason}; .hydra/config.yaml cannot be read: {error}".removeprefix("; ")
    with contextlib.suppress(OSError, ValueError):
        config["overrides"] = stored_words(folder)
    return replace(started(config, status), reason=reason, fingerprint=None)
