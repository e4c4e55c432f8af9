"""Whether two runs are the same: the settings that they stored, and what their folders held.

A folder is known by what it holds, wherever it lies, and so are recordings and files of packages.
Imports no torch.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from translearn.artifacts.folder import CONTENTS, of_a_run, stored_config, written_config
from translearn.config import Config
from translearn.data.files.compared import digests
from translearn.data.files.listing import TWICE, Listing, list_files
from translearn.data.places import is_option, there
from translearn.errors import CheckpointError, DataError
from translearn.settings import differences
from translearn.system import reading

MOST_BYTES = 2**28  # of a record: a million files
BY_NAME = ("hidden", "thumbnails", TWICE)  # reasons that a walk has by itself, whoever asks

PARTS = ("sha256", "files", "others")


Held = Mapping[str, str]


def held(listing: Listing, place: Path) -> dict[str, str]:
    """What a run found in a place: the images that it may use and tables, and what lies beside.

    Neither the cut into splits nor a seed has a part in it.

    Args:
        listing: of the place.
        place: a folder, or a table of paths and labels.
    """
    beside = [
        name
        for reason, names in listing.left_out.items()
        for name in names
        if reason not in BY_NAME and not name.endswith("/")
    ]
    tables = [place.name] if place.is_file() else [n for n in beside if n.lower().endswith(".csv")]
    lines = with_digests(listing.folder, dict.fromkeys([*listing.files, *tables]))
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    others = sorted(set(beside) - set(tables))
    return {"sha256": digest, "files": "\0".join(lines), "others": "\0".join(others)}


def with_digests(folder: Path, names: Iterable[str]) -> list[str]:
    """``sha256 name`` of each file, sorted."""
    paths = {name: os.path.join(folder, name) for name in names}
    known = digests(list(paths.values()))
    return sorted(f"{known[path][1]} {name}" for name, path in paths.items())


def holds(place: Path, before: Held) -> bool:
    """Whether a place holds what ``held`` found in it or in another: the same files, no other."""
    lines = [line for line in before["files"].split("\0") if line]
    names = [line.partition(" ")[2] for line in lines]
    try:
        if place.is_file():
            return with_digests(place.parent, names) == lines
        present = set(list_files(place, lambda path: "").files)
    except (OSError, DataError):
        return False
    others = {name for name in before["others"].split("\0") if name}
    return present == {*names, *others} and with_digests(place, names) == lines


def places(folder: Path) -> dict[str, Held]:
    """Key of a place -> what the run in a folder found there; none of a run that wrote none.

    Raises:
        CheckpointError: the record is broken.
    """
    path = folder / CONTENTS
    if not path.is_file():
        return {}
    with of_a_run(path):
        found = reading.json_value(path, MOST_BYTES).get("places", {})
        return {
            str(key): {part: str(known[part]) for part in PARTS} for key, known in found.items()
        }


def but_moved(folder: Path, changed: list[str], config: Config) -> list[str]:
    """The differences of configuration but places that are elsewhere now: their content decides."""
    known = places(folder)
    paths = {f"data.{key}": there(key, config) for key in known}
    moved = [key for key, path in paths.items() if path is not None and path.exists()]
    return [line for line in changed if line.split(":", 1)[0] not in moved]


def same_settings(folder: Path, stored: Config, config: Config, training: bool = False) -> bool:
    """Whether two configurations differ in nothing but where the same data lie.

    Args:
        folder: of the run that stored the first.
        stored: by that run.
        config: of today.
        training: as for ``differences``.
    """
    changed = [line.split(":", 1)[0] for line in differences(stored, config, training)]
    if not all(key.startswith("data.") for key in changed):
        return False  # before any file is looked at
    known = {f"data.{key}": (key, before) for key, before in places(folder).items()}
    return all(key in known and in_place(*known[key], config) for key in changed)


def same(
    folder: Path,
    current: Config,
    tell: Callable[[str], None] | None = None,
    training: bool = False,
) -> bool:
    """Whether the run there is of this release and config; an open seed fits every seed.

    Args:
        folder: of the run.
        current: config.
        tell: is told of a folder whose config cannot be read, which is passed over.
        training: as for ``differences``.
    """
    try:
        written, stored = written_config(folder), stored_config(folder)
        seed = stored["seed"] if current["seed"] is None else current["seed"]
        now = {**current, "seed": seed}
        return written == stored and same_settings(folder, stored, now, training)
    except CheckpointError as error:
        if tell is not None:
            tell(f"passed over: {str(error).splitlines()[0]}")
        return False


def in_place(key: str, before: Held, config: Config) -> bool:
    """Whether a place of a configuration holds what a run found."""
    path = there(key, config)
    return path is not None and holds(path, before)


def changed_since(folder: Path, config: Config) -> list[str]:
    """The places of a configuration that no longer hold what the run in a folder found."""
    return [
        f"{'data.' * is_option(key)}{key}={there(key, config)}"
        for key, before in places(folder).items()
        if not in_place(key, before, config)
    ]
