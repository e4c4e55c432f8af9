"""Run folders on the disk: their lock, and the config they were started with. Imports no torch."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import Timeout

from translearn.artifacts.atomic import write_atomic
from translearn.artifacts.result import read_result
from translearn.artifacts.variables import filled_in
from translearn.config import Config
from translearn.errors import CheckpointError, TranslearnError
from translearn.renamed import present
from translearn.system import reading
from translearn.system.locks import Lock
from translearn.system.quoting import in_quotes

PARTS = ("method", "data", "backbone", "augment", "run")  # of a config, each with its options


RECORD = ".hydra"
MOVED = "moved.yaml"  # beside what Hydra wrote


def run_lock(folder: Path) -> Lock:
    """The lock of a run folder; the system frees it when the process dies.

    One object a folder and process, so that whoever holds it may take it again.
    """
    return Lock(folder.resolve() / ".lock", timeout=0, shared=True)


def done(folder: Path) -> bool:
    """Whether the run there came to its end."""
    result = read_result(folder)
    return result is not None and result.status == "done"


def stored_config(folder: Path) -> Config:
    """The config that a run folder of any release was started with, by the names of today.

    Raises:
        CheckpointError: it cannot be read.
    """
    written = written_config(folder)
    with of_a_run(_config_of(folder)):
        return present(written)


def refuse_older(folder: Path) -> None:
    """Refuse to continue a run of an earlier release, whose options had other names.

    Raises:
        CheckpointError: it is one, or its config cannot be read.
    """
    if written_config(folder) != stored_config(folder):
        raise CheckpointError(
            f"{folder} was made by an earlier release of translearn, and cannot be continued: "
            "its results and its model can still be read\n"
            "start a new run, or continue it with the release that began it"
        )


def written_config(folder: Path) -> Config:
    """The config as it stands in a run folder, with its variables filled in.

    Raises:
        CheckpointError: it cannot be read, or is not that of a run.
    """
    path = _config_of(folder)
    try:
        config = unfilled_config(folder)
        if not config:
            raise CheckpointError(
                f"{path} is empty: the run was killed before it began\nstart it again"
            )
        parts = {part for part in PARTS if part in config} | {"method", "run"}
        lacking = [part for part in sorted(parts) if not isinstance(config.get(part), Mapping)]
        if lacking:
            raise ValueError(f"it has no options of {' and of '.join(lacking)}")
        if not isinstance(config.get("seed"), int | None):
            raise ValueError(f"its seed is {str(config['seed'])[:100]!r}")
        return filled_in(config)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {_why(error)}") from error


def unfilled_config(folder: Path) -> Config:
    """The config as it stands in a run folder, variables as they are; empty for an empty file.

    Raises:
        OSError: it is missing, or may not be read.
        ValueError: it is no mapping in yaml, or goes beyond all bounds.
    """
    config = reading.yaml_value(_config_of(folder))
    if not isinstance(config, dict | None):
        raise ValueError(f"it is a {type(config).__name__}, not a mapping of options")
    return {str(key): value for key, value in (config or {}).items()}


def recorded(folder: Path) -> bool:
    """Whether the record of a run is whole: Hydra writes the words last, and not at once."""
    words = folder / RECORD / "overrides.yaml"
    return words.is_file() and words.stat().st_size > 0


def stored_words(folder: Path) -> list[str]:
    """The options that a run was started with, as they stood on its command line.

    Raises:
        OSError: they are missing, or may not be read.
        ValueError: they are no list of texts in yaml.
    """
    words = reading.yaml_value(folder / RECORD / "overrides.yaml") or []
    if not isinstance(words, list) or not all(_is_option(word) for word in words):
        raise ValueError("it is no list of options")
    return words


def moved_words(folder: Path) -> list[str]:
    """The options that tell where the data of a run lie now, as a resume was last told.

    Raises:
        OSError: the record may not be read.
        ValueError: it is none.
    """
    path = folder / RECORD / MOVED
    if not path.is_file():
        return []
    words = reading.yaml_value(path)
    if not isinstance(words, list) or not all(_is_option(word) for word in words):
        raise ValueError("it is no list of options")
    return words


def remember_moves(folder: Path, places: Mapping[str, Path | None]) -> None:
    """Note for the next resume where data lie now: key -> path."""
    words = [f"{key}={in_quotes(str(path.absolute()))}" for key, path in places.items() if path]
    if words or (folder / RECORD / MOVED).is_file():  # else nothing has ever moved
        write_atomic(folder / RECORD / MOVED, json.dumps(words).encode())


def stored_sources(folder: Path) -> list[str]:
    """The folders of configuration that a run was given with ``--config-dir``.

    Raises:
        OSError: the record of it is missing, or may not be read.
        ValueError: it is no such record.
    """
    node: Any = reading.yaml_value(folder / RECORD / "hydra.yaml")
    for key in ("hydra", "runtime", "config_sources"):
        node = node.get(key) if isinstance(node, dict) else None
    sources = [source for source in node or [] if isinstance(source, dict)]
    return [str(s.get("path")) for s in sources if s.get("provider") == "command-line"]


def _is_option(word: object) -> bool:
    return isinstance(word, str) and not word.startswith("-")


def _config_of(folder: Path) -> Path:
    return folder / RECORD / "config.yaml"


def _why(error: Exception) -> str:
    """In a few lines at most, and without the path that stands before it."""
    reason = error.strerror if isinstance(error, OSError) else None
    return " ".join((reason or str(error)).split())[:300]


@contextlib.contextmanager
def of_a_run(path: Path) -> Iterator[None]:
    """Work with what a stored file says: whatever goes wrong then is the fault of the file.

    Raises:
        CheckpointError: naming it, in place of what no check has foreseen.
    """
    try:
        yield
    except (TranslearnError, OSError, MemoryError):
        raise
    except Exception as error:  # the parts of a run each have their own
        lines = str(error).splitlines() or [""]
        what = f"{type(error).__name__}: {lines[-1].strip()}"[:300]
        raise CheckpointError(
            f"{path} does not fit what a run of this release leaves: {what}"
        ) from error


CONTENTS = "data.json"  # what the data of a run are by their content


def refuse_differences(
    folder: Path,
    changed: list[str],
    why: str = "it was made with another configuration",
    way: str = "give the same options",
) -> None:
    """Refuse to continue a run when something that decides its result has changed.

    Args:
        folder: of the run.
        changed: the differences, a line each.
        why: they are a reason.
        way: to go on.

    Raises:
        CheckpointError: ``changed`` is not empty; the message names three of the differences.
    """
    if not changed:
        return
    shown = "\n".join(f"  {line}" for line in changed[:3])
    more = f" (and {len(changed) - 3} more)" if len(changed) > 3 else ""
    raise CheckpointError(
        f"{folder} cannot be continued: {why}{more}\n{shown}\n"
        f"{way}, or start a new run without run.resume"
    )


def locked(folder: Path) -> bool:
    """Whether a live process holds the folder's lock."""
    path = folder / ".lock"
    if not path.exists():
        return False
    try:
        # A lock object of our own, so that a run in this very process counts as well.
        with Lock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False
