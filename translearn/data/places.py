"""Where what a run reads lies: by an option, below the data root, or in an installed package.

A place has a key that stays the same wherever it lies: the name of an option of ``data``, or a path
below ``data_root/`` or ``package/``. Imports no torch, and none of the packages.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from translearn.errors import ConfigError
from translearn.settings import flatten
from translearn.system.problems import expanded

ROOT, PACKAGE = "data_root/", "package/"


def is_option(key: str) -> bool:
    """Whether a place is named by an option of ``data``."""
    return not key.startswith((ROOT, PACKAGE))


def there(key: str, config: Mapping[str, Any]) -> Path | None:
    """Where a configuration says that a place is; None where it names none."""
    if key.startswith(PACKAGE):
        return packaged(key.removeprefix(PACKAGE))
    if key.startswith(ROOT):
        root = config.get("data_root")
        return expanded(root) / key.removeprefix(ROOT) if isinstance(root, str) else None
    value = flatten(config).get(f"data.{key}")
    return expanded(value) if isinstance(value, str) else None


def user_place(key: str, value: str | None, what: str) -> Path:
    """The absolute path of ``data.<key>``, which names ``what``.

    Raises:
        ConfigError: it is not set.
    """
    if not value:
        raise ConfigError(f"data.{key} is not set; add data.{key}=<{what}>")
    return expanded(value).resolve()


def packaged(name: str) -> Path | None:
    """A file of an installed package, by its name and the path in it; None without the package."""
    package, _, inside = name.partition("/")
    found = importlib.util.find_spec(package)
    folders = found.submodule_search_locations if found else None
    return Path(folders[0]) / inside if folders else None


def below_root(folder: Path, config: Mapping[str, Any]) -> str | None:
    """The key of a folder below the data root; None of another one."""
    root, real = there(ROOT, config), folder.resolve()
    if root is None or not real.is_relative_to(root.resolve()):
        return None
    return ROOT + real.relative_to(root.resolve()).as_posix()
