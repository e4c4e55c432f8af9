"""Jobs of a sweep that ran before: found again for ``run.skip_done``. Imports no torch."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from translearn.artifacts.folder import done, locked
from translearn.artifacts.pointers import POINTER
from translearn.artifacts.result import Result, read_result
from translearn.config import Config, plain
from translearn.data.identity import changed_since, same
from translearn.data.places import is_option
from translearn.errors import ConfigError
from translearn.settings import fingerprint


def earlier_run(own: Path, sweep: Path, root: Path, config: Config) -> tuple[Path, Result | None]:
    """Where the job of a sweep is to run: with ``run.skip_done``, beside its earlier self.

    Args:
        own: the folder of the job.
        sweep: the folder of its sweep.
        root: ``output_root``; runs and sweeps below it are looked at too, the newest first.
        config: of the job.

    Returns:
        The folder and the result of a run of this config and data that is done; else that of one
        that left a checkpoint and that nobody works on, and None; else ``own`` and None.
    """
    unfinished = None
    patterns = ((sweep, "**"), (root, "*/*"), (root, "sweeps/*/*"))
    folders = {
        path.parent.parent.resolve(): path.parent.parent
        for top, pattern in patterns
        for path in sorted(top.glob(f"{pattern}/.hydra/config.yaml"), reverse=True)
        if not (path.parent.parent / POINTER).exists()
    }
    for folder in [own, *folders.values()]:
        result = read_result(folder)
        if not (made_by(folder, result, config) if result else same(folder, config)):
            continue
        if result and result.status == "done":
            if not changed_since(folder, config):
                return folder, result
        elif unfinished is None and (folder / "checkpoints").is_dir() and not locked(folder):
            unfinished = folder
    return unfinished or own, None


def made_by(folder: Path, result: Result, config: Config) -> bool:
    """Whether a result is that of this config, wherever the same data lie now."""
    if result.fingerprint == fingerprint(config):
        return True
    return any(map(is_option, result.data_places)) and same(folder, config)


def refuse_other_runs(sweep: Path, configs: Sequence[DictConfig]) -> None:
    """Refuse a sweep folder in which the folder of a job holds the run of another config or data.

    Raises:
        ConfigError: naming the folder.
    """
    for number, config in enumerate(configs):
        folder = sweep / str(number)
        if (folder / ".hydra" / "config.yaml").exists() and not same(folder, plain(config)):
            raise ConfigError(
                f"{folder} holds a run of other options\n"
                "leave out hydra.sweep.dir: run.skip_done=true finds finished runs by itself"
            )
        changed = changed_since(folder, plain(config)) if done(folder) else []
        if changed:
            raise ConfigError(
                f"{folder} is done, and its data have changed since: {', '.join(changed)}\n"
                "leave out hydra.sweep.dir, or name another folder, to train on what is there now"
            )
