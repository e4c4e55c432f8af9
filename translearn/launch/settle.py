"""Run folders: made, locked, found again. Imports no torch, so that tl-run decides them at once."""

import random
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import DictConfig

from translearn.artifacts.folder import (
    POINTER,
    done,
    locked,
    read_json,
    refuse_differences,
    refuse_older,
    run_lock,
    same,
    stored_config,
)
from translearn.config import Config, differences, fingerprint, plain
from translearn.errors import CheckpointError, ConfigError
from translearn.launch.arguments import SWEEP_KEYS, positional

TAKEN: list[FileLock] = []  # a lock that nobody refers to is released


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


def settle(
    arguments: Sequence[str], jobs: list[DictConfig], sweep: bool, folders: list[Path]
) -> list[str]:
    """Decide the run folder (made here, so that it is nobody else's) and the seed.

    Returns:
        Overrides to append to the command line.
    """
    extra = []
    given = {o.split("=", 1)[0]: o.split("=", 1)[1] for o in positional(arguments) if "=" in o}
    key = "hydra.sweep.dir" if sweep else "hydra.run.dir"
    resume, skip_done = jobs[0].run.resume, jobs[0].run.skip_done
    root = Path(jobs[0].output_root)
    for name in SWEEP_KEYS:
        if name in given and not sweep:
            raise ConfigError(f"{name} is for sweeps: add -m, or leave it out")
    if key in given:
        folder = Path(given[key].strip("'\""))
        used = (folder / ".hydra").exists() or (folder / "result.json").exists()
        if used and not resume:
            raise ConfigError(
                f"{folder} already holds a run\nadd run.resume=auto to continue it, or choose "
                f"another {key}"
            )
        if sweep and not resume and any(folder.glob("*/.hydra")):
            if not skip_done:
                raise ConfigError(
                    f"{folder} already holds a sweep\nadd run.skip_done=true to run only what is "
                    f"missing, or choose another {key}"
                )
            refuse_other_runs(folder, jobs)
        folder.mkdir(parents=True, exist_ok=True)
    elif sweep:
        folder = fresh_folder(root / "sweeps", "%Y-%m-%d_%H-%M-%S-%f")
    else:
        found = resumed_folder(str(resume), root, jobs[0]) if resume else None
        folder = found or fresh_folder(root, "%Y-%m-%d/%H-%M-%S-%f")
    folders.append(folder)
    continued = resume and not sweep and (folder / ".hydra").exists()
    if jobs[0].seed is None:
        stored = stored_config(folder)["seed"] if continued else None
        seed = random.SystemRandom().randrange(2**31) if stored is None else stored
        print(f"seed={seed} (picked, since seed=null)", file=sys.stderr)
        extra.append(f"seed={seed}")
        for job in jobs:
            job.seed = seed
    if continued:
        refuse_older(folder)
        refuse_differences(folder, differences(stored_config(folder), plain(jobs[0])))
        extra.append("hydra.output_subdir=null")  # keeps the record of the first start
    if key not in given:
        quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
        extra.append(f"{key}='{quoted}'")
    return extra
