"""What the figures of a run depend on besides its config: versions, device, threads, memory."""

import os
import sys
from collections.abc import Mapping
from typing import Any

import torch

from translearn import __version__
from translearn.artifacts.surroundings import surroundings
from translearn.runtime import Runtime

HERE = {"translearn": __version__, "torch": str(torch.__version__)}  # what bits depend on


def environment(runtime: Runtime) -> dict[str, Any]:
    """``surroundings``, device and threads: what numbers depend on besides the config."""
    return {
        **surroundings(),
        "device": device_name(runtime.device),
        "threads": runtime.threads,
        "ranks": runtime.world,
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY"),
        "cuda_visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }


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
