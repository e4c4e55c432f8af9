"""model.safetensors: the weights that the metrics report, written and read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from translearn.artifacts.atomic import write_atomic
from translearn.errors import CheckpointError
from translearn.system.problems import expanded
from translearn.system.reading import parsed_json

MODEL = "model.safetensors"  # in a run folder


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
    write_atomic(folder / MODEL, to_safetensors(tensors, metadata))


def finished_model(init: str) -> Path:
    """The model of an earlier run.

    Raises:
        CheckpointError: there is none.
    """
    path = expanded(init) / MODEL
    if not path.is_file():
        raise CheckpointError(f"method.init={init}: no finished run there ({path.name} is missing)")
    return path


def read_model(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What stands in a model file: the facts about its data, and the weights by name.

    Raises:
        CheckpointError: it is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            about = parsed_json(file.metadata()["translearn"])
            if not isinstance(about, dict):
                raise ValueError("what it says of its data is no JSON object")
            return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path} is damaged: {why}") from error


def below(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of one part, under their names within it."""
    return {k.removeprefix(prefix): w for k, w in weights.items() if k.startswith(prefix)}
