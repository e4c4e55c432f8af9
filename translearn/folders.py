"""Run folders: made, locked, found again. Imports no torch, so that tl-run decides them at once."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from translearn.config import Config, differences, fingerprint, plain
from translearn.errors import CheckpointError, ConfigError
from translearn.report.collect import POINTER, locked

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


def earlier_run(
    own: Path, sweep: Path, root: Path, config: Config
) -> tuple[Path, dict[str, Any] | None]:
    """Where the job of a sweep is to run: with ``run.skip_done``, beside its earlier self.

    Args:
        own: the folder of the job.
        sweep: the folder of its sweep.
        root: ``output_root``; runs and sweeps below it are looked at too, the newest first.
        config: of the job.

    Returns:
        The folder and the result of a run of this config that is done; else that of one that left
        a checkpoint and that nobody works on, and None; else ``own`` and None.
    """
    wanted, unfinished = fingerprint(config), None
    patterns = ((sweep, "**"), (root, "*/*"), (root, "sweeps/*/*"))
    folders = {
        path.parent.parent.resolve(): path.parent.parent
        for top, pattern in patterns
        for path in sorted(top.glob(f"{pattern}/.hydra/config.yaml"), reverse=True)
        if not (path.parent.parent / POINTER).exists()
    }
    for folder in [own, *folders.values()]:
        result = read_json(folder / "result.json")
        if result.get("fingerprint") == wanted and result.get("status") == "done":
            return folder, result
        if unfinished is None and (folder / "checkpoints").is_dir() and not locked(folder):
            fits = result.get("fingerprint") == wanted if result else same(folder, config)
            unfinished = folder if fits else None
    return unfinished or own, None


def refuse_other_runs(sweep: Path, jobs: list[DictConfig]) -> None:
    """Refuse a sweep folder in which the folder of a job holds the run of another config.

    Raises:
        ConfigError: naming the folder.
    """
    for number, job in enumerate(jobs):
        folder = sweep / str(number)
        if (folder / ".hydra" / "config.yaml").exists() and not same(folder, plain(job)):
            raise ConfigError(
                f"{folder} holds a run of other options\n"
                "leave out hydra.sweep.dir: run.skip_done=true finds finished runs by itself"
            )


def done(folder: Path) -> bool:
    """Whether the run there came to its end."""
    return bool(read_json(folder / "result.json").get("status") == "done")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where the file is missing or unreadable."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


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
