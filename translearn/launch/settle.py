"""Which folder and which seed a command gets. Imports no torch, so that tl-run decides at once."""

import random
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from filelock import Timeout
from omegaconf import DictConfig

from translearn.artifacts.folder import (
    done,
    recorded,
    refuse_differences,
    refuse_older,
    run_lock,
    stored_config,
)
from translearn.config import plain
from translearn.data.identity import but_moved, same
from translearn.errors import CheckpointError, ConfigError
from translearn.launch.again import refuse_other_runs
from translearn.launch.arguments import SWEEP_KEYS, given_values, unquoted
from translearn.settings import differences
from translearn.system.locks import Lock
from translearn.system.quoting import in_quotes
from translearn.system.terminal import complain

RUN_FOLDER, SWEEP_FOLDER = "hydra.run.dir", "hydra.sweep.dir"  # how a user names a folder


TAKEN: list[Lock] = []  # a lock that nobody refers to is released


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


def resumed_folder(resume: str, root: Path, config: DictConfig) -> Path | None:
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
    current = plain(config)
    for path in sorted(root.glob("*/*/.hydra/config.yaml"), reverse=True):
        folder = path.parent.parent
        if folder.parent.name == "sweeps" or done(folder):
            continue
        if same(folder, current, complain, training=True):
            try:
                lock = run_lock(folder)
                lock.acquire()
            except (Timeout, OSError):
                continue
            TAKEN.append(lock)
            return folder
    return None


def settle(
    words: Sequence[str], configs: Sequence[DictConfig], sweep: bool
) -> tuple[Path, list[str]]:
    """Decide the folder of a run or a sweep (made here, so that it is nobody else's) and the seed.

    Args:
        words: of the command line.
        configs: what they compose to, one a job.
        sweep: whether they are a sweep's.

    Returns:
        The folder, and overrides to append to the command line.

    Raises:
        ConfigError: an option does not suit the command, or the folder holds another run.
        CheckpointError: the run to continue is missing or had other options.
    """
    first, given = configs[0], given_values(words)
    key = SWEEP_FOLDER if sweep else RUN_FOLDER
    refuse_sweep_keys(given, sweep)
    overrides = []
    if key in given:
        folder = Path(unquoted(given[key]))
        refuse_used(folder, configs, key)
        folder.mkdir(parents=True, exist_ok=True)
    else:
        folder = sweep_folder(first) if sweep else run_folder(first)
        overrides.append(f"{key}={in_quotes(str(folder))}")
    continued = bool(first.run.resume) and not sweep and recorded(folder)
    seed = first.seed
    if seed is None:
        seed = picked_seed(folder, continued)
        overrides.append(f"seed={seed}")
    if continued:
        refuse_changed(folder, first, seed)
        overrides.append("hydra.output_subdir=null")  # keeps the record of the first start
    return folder, overrides


def refuse_sweep_keys(given: Mapping[str, str], sweep: bool) -> None:
    """Refuse the options that only sweeps have a use for.

    Raises:
        ConfigError: naming the option.
    """
    for name in SWEEP_KEYS:
        if name in given and not sweep:
            raise ConfigError(f"{name} is for sweeps: add -m, or leave it out")


def refuse_used(folder: Path, configs: Sequence[DictConfig], key: str) -> None:
    """Refuse a folder that was named by ``key`` and holds a run or a sweep that is not continued.

    Raises:
        ConfigError: saying how to continue it.
    """
    run = configs[0].run
    if run.resume:
        return
    if (folder / ".hydra").exists() or (folder / "result.json").exists():
        raise ConfigError(
            f"{folder} already holds a run\nadd run.resume=auto to continue it, or choose "
            f"another {key}"
        )
    if key == SWEEP_FOLDER and any(folder.glob("*/.hydra")):
        if not run.skip_done:
            raise ConfigError(
                f"{folder} already holds a sweep\nadd run.skip_done=true to run only what is "
                f"missing, or choose another {key}"
            )
        refuse_other_runs(folder, configs)


def sweep_folder(config: DictConfig) -> Path:
    """A new folder for a sweep."""
    return fresh_folder(Path(config.output_root) / "sweeps", "%Y-%m-%d_%H-%M-%S-%f")


def run_folder(config: DictConfig) -> Path:
    """The folder of the run that ``run.resume`` continues, else a new one."""
    root, resume = Path(config.output_root), config.run.resume
    found = resumed_folder(str(resume), root, config) if resume else None
    return found or fresh_folder(root, "%Y-%m-%d/%H-%M-%S-%f")


def picked_seed(folder: Path, continued: bool) -> int:
    """The seed where ``seed=null`` leaves it open: that of the run to continue, else any."""
    stored = stored_config(folder)["seed"] if continued else None
    seed = random.SystemRandom().randrange(2**31) if stored is None else int(stored)
    print(f"seed={seed} (picked, since seed=null)", file=sys.stderr)
    return seed


def refuse_changed(folder: Path, config: DictConfig, seed: int) -> None:
    """Refuse to continue a run by other options than it was started with.

    Raises:
        CheckpointError: naming the differences.
    """
    refuse_older(folder)
    seeded = config.copy()
    seeded.seed = seed
    now = plain(seeded)
    changed = differences(stored_config(folder), now, training=True)
    refuse_differences(folder, but_moved(folder, changed, now))
