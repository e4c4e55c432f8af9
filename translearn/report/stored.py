"""What tells runs apart that were given the same options: the configs that they stored, their data.

A file of ``conf`` or a folder of images may have been changed between two of them, or moved.
Imports no torch.
"""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from translearn.artifacts.folder import unfilled_config
from translearn.settings import decides, flatten

TOLD = ("needs", "title", "about")  # what a data set says of itself


def stored_settings(folder: Path, unshown: Set[str]) -> Mapping[str, Any] | None:
    """Key -> value of what decides a result, as it was written; None where nothing can be read.

    Variables stay as they are: what follows the seed is no difference between seeds.

    Args:
        folder: of a run.
        unshown: keys that have columns of their own, or none.
    """
    try:
        config = unfilled_config(folder)
    except (OSError, ValueError):
        return None
    return {
        key: value
        for key, value in flatten(config).items()
        if decides(key) and key not in unshown and key.rpartition(".")[2] not in TOLD
    }


def told_apart(folders: Sequence[Path], unshown: Set[str]) -> dict[Path, tuple[str, ...]]:
    """The settings by which the stored configs of runs differ, for each of them.

    Nothing for a run that stored none, such as a result that was kept alone.
    """
    stored = {folder: stored_settings(folder, unshown) for folder in folders}
    known = [settings for settings in stored.values() if settings is not None]
    keys = {key for settings in known for key in settings}
    moved = sorted(k for k in keys if any(s.get(k) != known[0].get(k) for s in known))
    return {
        folder: () if settings is None else tuple(f"{key}={settings.get(key)}" for key in moved)
        for folder, settings in stored.items()
    }


def names_of_places(found: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str], str]:
    """(key, sha256) -> a name for each state of a place; one for the same content elsewhere.

    Args:
        found: key of ``data``, sha256 of what it held, and the path as it was given, of each run
            in turn. The first path of a content names it; where that names another one already,
            the beginning of the sha256 follows.
    """
    names: dict[tuple[str, str], str] = {}
    for key, sha256, path in found:
        taken = {name for (other, _), name in names.items() if other == key}
        names.setdefault((key, sha256), f"{path}@{sha256[:6]}" if path in taken else path)
    return names
