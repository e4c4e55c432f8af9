"""Features of a frozen network, kept between runs: the same bits as if they were computed again.

A file is known by all that decides its bits: the pixels, what prepares them, the network and its
weights, the batch, precision, threads, versions and the type of the machine.
"""

import contextlib
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from translearn.artifacts.atomic import write_atomic
from translearn.artifacts.surroundings import installed_version, processor
from translearn.data.contents import add
from translearn.data.files.compared import cache_folder
from translearn.data.pipeline.preparation import Preparation
from translearn.runtime import Runtime

MOST_BYTES = 2**31  # of all files; those that were of use longest ago go first
PACKAGES = ("translearn", "torch", "torchvision", "timm")
PATHS = ("ONEDNN_", "DNNL_", "ATEN_", "MKL_")  # variables that choose other code for a processor


def digest_of(net: nn.Module, prepare: Preparation, runtime: Runtime, at_once: int) -> Any:
    """What decides the bits of features besides the samples, as an unfinished sha256.

    Args:
        net: in evaluation mode.
        prepare: the preprocessing.
        runtime: of the run.
        at_once: samples in a batch.
    """
    settings = {name: value for name, value in vars(prepare).items() if name != "runtime"}
    words = {name: value for name, value in settings.items() if not isinstance(value, Tensor)}
    known = (circumstances(runtime, at_once), type(prepare).__name__, words, net)
    digest = hashlib.sha256(repr(known).encode())
    for part in (prepare, net):  # whoever changes their code computes anew
        digest.update(Path(sys.modules[type(part).__module__].__file__ or "").read_bytes())
    for value in (*settings.values(), *net.state_dict().values()):
        if isinstance(value, Tensor):
            add(digest, value)
    return digest


def circumstances(runtime: Runtime, at_once: int) -> str:
    """The machine, the versions and the way of computing."""
    cuda = runtime.device.type == "cuda"
    facts = {
        "versions": {name: installed_version(name) for name in PACKAGES},
        "device": torch.cuda.get_device_name(runtime.device) if cuda else "cpu",
        "processor": [processor(), torch.backends.cpu.get_cpu_capability()],
        "paths": {k: v for k, v in sorted(os.environ.items()) if k.startswith(PATHS)},
        "threads": runtime.threads,
        "bf16": runtime.bf16,
        "at_once": at_once,
    }
    return json.dumps(facts)


def file_of(known: Any, samples: Tensor) -> Path:
    """Where the features of stored samples (N, ...) are kept, by what ``digest_of`` gave."""
    digest = known.copy()
    add(digest, samples)
    return cache_folder() / "features" / f"{digest.hexdigest()}.safetensors"


def read(path: Path, shape: tuple[int, int]) -> Tensor | None:
    """The features (N, D) of a file; None where there is none, or it is damaged."""
    try:
        found = load(path.read_bytes())["features"]
    except (OSError, SafetensorError, KeyError):
        return None
    if tuple(found.shape) != shape or found.dtype != torch.float32:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # it was of use
    return found


def keep(path: Path, features: Tensor) -> None:
    """Write features (N, D) as far as the disk takes them, and make room for them."""
    content = save({"features": features.cpu().contiguous()})
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        make_room(path.parent, MOST_BYTES - len(content))
        write_atomic(path, content)


def make_room(folder: Path, most: int) -> None:
    """Remove the files that were of use longest ago, until the others take ``most`` bytes."""
    files = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in files)
    while files and total > most:
        oldest = files.pop(0)
        total -= oldest.stat().st_size
        oldest.unlink()
