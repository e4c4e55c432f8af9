"""What a run leaves behind: metrics.jsonl, result.json, model.safetensors, the environment."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_safetensors

from translearn import __version__
from translearn.checkpoint import write_atomic
from translearn.runtime import Runtime
from translearn.trackers import Guest

PACKAGES = ("torch", "torchvision", "numpy", "hydra-core", "omegaconf", "scikit-learn", "pillow")


class MetricsLog:
    """One JSON object a line, flushed at once; rank 0 alone writes.

    Args:
        path: the file; lines behind ``offset`` are cut off.
        offset: bytes to keep, as recorded in the checkpoint that the run continues from.
        active: whether this process writes.
        tracker: gets every line too.
    """

    def __init__(self, path: Path, offset: int, active: bool, tracker: Guest | None = None) -> None:
        self.path, self.active, self.offset, self.tracker = path, active, offset, tracker
        if active:
            with open(path, "ab") as file:
                file.truncate(offset)

    def write(self, **values: Any) -> None:
        """Append one line."""
        if not self.active:
            return
        line = (json.dumps(values) + "\n").encode()
        with open(self.path, "ab") as file:
            file.write(line)
        self.offset += len(line)
        if self.tracker is not None:
            self.tracker.log(values)


def write_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Write result.json, last of all."""
    write_atomic(folder / "result.json", (json.dumps(result, indent=2) + "\n").encode())


def read_result(folder: Path) -> dict[str, Any] | None:
    """result.json of a run folder, or None where it is missing or unreadable."""
    try:
        result = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) else None


def write_model(
    folder: Path,
    weights: Mapping[str, torch.Tensor],
    about: Mapping[str, Any],
) -> None:
    """Write the weights that ``metrics`` reports as model.safetensors.

    Its metadata holds one JSON object, ``translearn``: what prediction needs besides the config,
    ``about``: ``tasks`` (class names), ``input_shape`` (of the backbone), ``inputs`` (kind, shape
    and stored size of each task's samples; for images the edge that files are resized to before
    the centre crop) and ``main_task``.
    """
    metadata = {"translearn": json.dumps(about)}  # one key: safetensors writes several in any order
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    write_atomic(folder / "model.safetensors", to_safetensors(tensors, metadata))


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
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def git_state() -> dict[str, Any]:
    """Commit and dirty flag of the checkout that translearn runs from; empty when installed."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists():
        return {}
    try:
        commit = _git(here, "rev-parse", "HEAD")
        return {"git_commit": commit, "git_dirty": bool(_git(here, "status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return {}


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10
    )
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
