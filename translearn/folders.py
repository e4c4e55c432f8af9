"""Run folders: made, locked, found again. Imports no torch, so that tl-run decides them at once."""

import json
from datetime import datetime
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from translearn.config import Config, differences, plain
from translearn.errors import CheckpointError, ConfigError

TAKEN: list[FileLock] = []  # a lock that nobody refers to is released


def run_lock(folder: Path) -> FileLock:
    """The lock of a run folder; the system frees it when the process dies.

    One object a folder and process, so that whoever holds it may take it again.
    """
    return FileLock(folder.resolve() / ".lock", timeout=0, is_singleton=True)


def fresh_folder(root: Path, stamp: str) -> Path:
    """Make a folder named by the time to the microsecond; mkdir settles who owns it.

    Raises:
        ConfigError: ``root`` is not writable.
    """
    while True:
        folder = root / datetime.now().strftime(stamp)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            if not folder.exists():
                folder.mkdir()
                return folder
        except FileExistsError as error:
            if not folder.parent.is_dir():
                raise ConfigError(f"{root} is no folder; set output_root=<folder>") from error
        except OSError as error:
            raise ConfigError(
                f"cannot write to {root}: {error}; set output_root=<folder>"
            ) from error


def resumed_folder(resume: str, root: Path, job: DictConfig) -> Path | None:
    """The folder to continue in: the one named, or for ``auto`` the newest unfinished like this.

    A folder found by ``auto`` is locked, so that two commands never continue the same run.

    Raises:
        CheckpointError: the named folder holds no run.
    """
    if resume != "auto":
        folder = Path(resume)
        if not (folder / ".hydra" / "config.yaml").exists():
            raise CheckpointError(
                f"run.resume={resume}: no run there (.hydra/config.yaml is missing)"
            )
        return folder
    current = plain(job)
    for config in sorted(root.glob("*/*/.hydra/config.yaml"), reverse=True):
        folder = config.parent.parent
        if folder.parent.name != "sweeps" and not done(folder) and same(folder, current):
            try:
                lock = run_lock(folder)
                lock.acquire()
            except (Timeout, OSError):
                continue
            TAKEN.append(lock)
            return folder
    return None


def done(folder: Path) -> bool:
    """Whether the run there came to its end."""
    try:
        result = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(result, dict) and result.get("status") == "done"


def stored_config(folder: Path) -> Config:
    """The config that a run folder was started with.

    Raises:
        CheckpointError: it cannot be read.
    """
    path = folder / ".hydra" / "config.yaml"
    try:
        return plain(OmegaConf.load(path))
    except (OSError, ValueError, AssertionError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def same(folder: Path, current: Config) -> bool:
    """Whether the run there had this config; a seed that is left open fits every seed."""
    try:
        stored = stored_config(folder)
    except CheckpointError:
        return False
    seed = stored["seed"] if current["seed"] is None else current["seed"]
    return not differences(stored, {**current, "seed": seed})


def refuse_differences(folder: Path, changed: list[str]) -> None:
    """Refuse to continue a run when something that decides its result has changed.

    Raises:
        CheckpointError: ``changed`` is not empty; the message names three of the differences.
    """
    if not changed:
        return
    shown = "\n".join(f"  {line}" for line in changed[:3])
    more = f" (and {len(changed) - 3} more)" if len(changed) > 3 else ""
    raise CheckpointError(
        f"{folder} cannot be continued: it was made with another configuration{more}\n{shown}\n"
        "give the same options, or start a new run without run.resume"
    )
