"""Run folders on the disk: lock, config, result, and pointers to others. Imports no torch."""

import os
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from filelock import Timeout
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from translearn.artifacts.result import read_result
from translearn.config import Config, differences, plain
from translearn.errors import CheckpointError
from translearn.renamed import present
from translearn.system.locks import Lock


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
    return present(written_config(folder))


def refuse_older(folder: Path) -> None:
    """Refuse to continue a run of an earlier release, whose options had other names.

    Raises:
        CheckpointError: it is one, or its config cannot be read.
    """
    written = written_config(folder)
    if written != present(written):
        raise CheckpointError(
            f"{folder} was made by an earlier release of translearn, and cannot be continued: "
            "its results and its model can still be read\n"
            "start a new run, or continue it with the release that began it"
        )


def written_config(folder: Path) -> Config:
    """The config as it stands in a run folder.

    Raises:
        CheckpointError: it cannot be read.
    """
    path = folder / ".hydra" / "config.yaml"
    try:
        config = plain(OmegaConf.load(path))
    except (OSError, ValueError, AssertionError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not config:
        raise CheckpointError(
            f"{path} is empty: the run was killed before it began\nstart it again"
        )
    return config


def same(folder: Path, current: Config) -> bool:
    """Whether the run there is of this release and config; an open seed fits every seed."""
    try:
        refuse_older(folder)
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


POINTER = "run_folder.txt"  # in a job's folder: where the run is that stands for it


def point_to(folder: Path, run: Path) -> None:
    """Note in a job's folder that another folder holds its run."""
    if run.resolve() != folder.resolve():
        path = os.path.relpath(run.resolve(), folder.resolve())
        (folder / POINTER).write_text(path + "\n", encoding="utf-8")


def pointed(folder: Path) -> Path:
    """The folder of the run that stands for a job."""
    return Path(os.path.normpath(folder / (folder / POINTER).read_text(encoding="utf-8").strip()))


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
