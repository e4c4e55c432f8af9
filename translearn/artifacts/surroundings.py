"""What figures depend on besides config and device: versions, processor, commit. No torch."""

import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from translearn import __version__
from translearn.processor import first_processor, read_cpuinfo

PACKAGES = ("torch", "torchvision", "numpy", "hydra-core", "omegaconf", "scikit-learn", "pillow")


def surroundings() -> dict[str, Any]:
    """Versions, the processor, the command, the code's commit."""
    return {
        "translearn": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "packages": {name: installed_version(name) for name in PACKAGES},
        "command": sys.argv,
        **git_state(),
    }


def processor() -> str:
    """The processor's model name."""
    return first_processor(read_cpuinfo()).get("model name") or platform.processor()


def git_state() -> dict[str, Any]:
    """Commit and dirty flag of the checkout that translearn runs from; empty when installed."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return {}
    try:
        commit = _git(here, "rev-parse", "HEAD")
        return {"git_commit": commit, "git_dirty": bool(_git(here, "status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return {}


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, check=True, timeout=10,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    return done.stdout.strip()


def installed_version(package: str) -> str | None:
    """None of a package that is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
