"""What the figures of a run depend on besides its config: versions, device, threads, memory."""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from translearn import __version__
from translearn.processor import first_processor, read_cpuinfo
from translearn.runtime import Runtime

PACKAGES = ("torch", "torchvision", "numpy", "hydra-core", "omegaconf", "scikit-learn", "pillow")


def environment(runtime: Runtime | None) -> dict[str, Any]:
    """Versions, device, threads, the code's commit: what numbers depend on besides the config."""
    record: dict[str, Any] = {
        "translearn": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "packages": {name: _version(name) for name in PACKAGES},
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


def _version(package: str) -> str | None:
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
