"""What the figures of a run depend on besides its config: versions, device, threads, memory."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from translearn import __version__
from translearn.processor import first_processor, read_cpuinfo
from translearn.runtime import Runtime

PACKAGES = ("torch", "torchvision", "numpy", "hydra-core", "omegaconf", "scikit-learn", "pillow")
HERE = {"translearn": __version__, "torch": str(torch.__version__)}  # what bits depend on


def environment(runtime: Runtime | None) -> dict[str, Any]:
    """Versions, device, threads, the code's commit: what numbers depend on besides the config."""
    record: dict[str, Any] = {
        "translearn": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "packages": {name: installed_version(name) for name in PACKAGES},
        "command": sys.argv,
        **git_state(),
    }
    if runtime is not None:
        record["device"] = device_name(runtime.device)
        record["threads"] = runtime.threads
        record["ranks"] = runtime.world
        record["omp_wait_policy"] = os.environ.get("OMP_WAIT_POLICY")
        record["cuda_visible_devices"] = os.environ.get("CUDA_VISIBLE_DEVICES")
    return record


def made_with(state: Mapping[str, Any]) -> dict[str, str]:
    """Package -> version that a checkpoint was saved with."""
    return {"translearn": str(state["version"]), "torch": str(state["torch"])}


def other_versions(made: Mapping[str, str]) -> dict[str, str]:
    """Package -> the version that something was made with, where another one is here."""
    return {name: known for name, known in made.items() if known != HERE[name]}


def told_versions(other: Mapping[str, str]) -> str:
    """``torch 2.10.0 (here 2.11.0)``, and so on."""
    return ", ".join(f"{name} {known} (here {HERE[name]})" for name, known in other.items())


def continued_with(other: Mapping[str, str]) -> str:
    """What the result of a run says that was continued with other versions."""
    return (
        f"continued with other versions than it began with: {told_versions(other)}; "
        "the bits may differ"
    )


def device_name(device: torch.device) -> str:
    """The marketing name of the GPU, or ``cpu``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


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


def peak_memory_mb(device: torch.device) -> float:
    """The most memory held: of the GPU, or of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
