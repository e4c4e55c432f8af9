"""The last model of a run, for the commands that label by it."""

from pathlib import Path
from typing import Any

from torch import Tensor

from translearn.artifacts.checkpoint import load as load_checkpoint
from translearn.artifacts.folder import of_a_run
from translearn.artifacts.model import read_model
from translearn.config import Config
from translearn.errors import CheckpointError
from translearn.system.quoting import continuing
from translearn.system.terminal import complain


def last_model(folder: Path) -> tuple[Path, dict[str, Any], dict[str, Tensor]]:
    """The model of a run: its file, the facts about its data, and the weights by name.

    Where the run did not come to its end: the averaged weights of its last checkpoint.

    Raises:
        CheckpointError: there is neither, or it is damaged.
    """
    path = folder / "model.safetensors"
    if path.is_file():
        return path, *read_model(path)
    state = load_checkpoint(folder / "checkpoints")
    finish = f"finish it with: {continuing(folder)}"
    if state is None or "about" not in state:
        raise CheckpointError(f"{path} is missing: the run did not come to its end\n{finish}")
    with of_a_run(folder / "checkpoints"):
        done, every = state["progress"]["steps"], state["total_steps"]
        weights = {**state["average"], **{name: state["method"][name] for name in state["buffers"]}}
    complain(f"{folder} was stopped at step {done} of {every}: its last weights label\n{finish}")
    return folder / "checkpoints" / "last.pt", state["about"], weights


def without_download(config: Config) -> Config:
    """The config with a backbone of random weights, since the run's own replace them anyway."""
    backbone = dict(config["backbone"])
    pretrained = bool(backbone.get("pretrained") or backbone.get("weights"))
    if "frozen_statistics" in backbone and backbone["frozen_statistics"] is None:
        backbone["frozen_statistics"] = pretrained
    # before the option all learned, but for zeroshot
    of_before = "learn" not in backbone and "train_backbone" in config.get("method", {})
    if pretrained and (of_before or ("learn" in backbone and backbone["learn"] is None)):
        backbone["learn"] = "none"
    for key, value in (("pretrained", False), ("weights", None)):
        if key in backbone:
            backbone[key] = value
    return {**config, "backbone": backbone}
