"""The source model that fine-tuning starts from: kept as it was, or read from a run folder."""

import copy
from collections.abc import Sequence

from torch import Tensor, nn

from translearn.artifacts.folder import of_a_run, stored_config
from translearn.artifacts.model import below, finished_model, read_model
from translearn.backbones.base import Backbone
from translearn.components import resolve_class
from translearn.errors import ConfigError
from translearn.methods.base import Method
from translearn.system.problems import expanded

HEADS = ("source_head.", "head.")  # of finetune, of the methods with one head


class SourceModel(nn.Module):
    """A frozen copy of backbone and source head, always in evaluation mode.

    Args:
        backbone: what is copied.
        head: likewise.
    """

    def __init__(self, backbone: Backbone, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = copy.deepcopy(backbone), copy.deepcopy(head)
        self.requires_grad_(False).eval()

    def take(self, backbone: Backbone, head: nn.Module) -> None:
        """Copy the weights as they are now."""
        self.backbone.load_state_dict(backbone.state_dict())
        self.head.load_state_dict(head.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, source classes)."""
        logits: Tensor = self.head(self.backbone(x))
        return logits

    def train(self, mode: bool = True) -> "SourceModel":
        """Stays in evaluation mode."""
        super().train(False)
        return self


def start_weights(backbone: Backbone, names: Sequence[str]) -> dict[str, Tensor]:
    """What the named groups start anew from: their weights now, or new ones if pretrained.

    The draw belongs to the building of the method, which a seed decides, so no checkpoint needs it.

    Raises:
        ConfigError: a pretrained group cannot be drawn anew.
    """
    if backbone.pretrained and names:
        backbone = copy.deepcopy(backbone)
        backbone.reset_groups(names)
    return {name: tensor.clone() for name, tensor in backbone.group_state(names).items()}


def check_same_cut(init: str, split_seed: int | None) -> None:
    """Refuse a source model whose training images may be among this run's test images.

    Raises:
        CheckpointError: there is no finished run.
        ConfigError: it cut its data by another seed.
    """
    finished_model(init)
    with of_a_run(expanded(init) / ".hydra" / "config.yaml"):
        theirs = stored_config(expanded(init))["data"].get("split_seed")
    if theirs != split_seed:
        raise ConfigError(
            f"method.init={init} was trained with data.split_seed={theirs}, this run has "
            f"{split_seed}:\nit may have seen the test images; use the same data.split_seed"
        )


def read_source_model(
    init: str, classes: Sequence[str], backbone: Backbone, head: nn.Module
) -> None:
    """Fill backbone and head with what an earlier run has learned.

    Args:
        init: its folder.
        classes: of the source, which must be the same there.
        backbone: filled.
        head: filled.

    Raises:
        CheckpointError: there is no finished run, or its model is damaged.
        ConfigError: it learned from target labels, or it does not fit.
    """
    path = finished_model(init)
    with of_a_run(path.parent / ".hydra" / "config.yaml"):
        earlier = resolve_class(stored_config(path.parent)["method"]["_target_"], Method)
    if earlier.access.target_labels or not earlier.access.source_labels:
        raise ConfigError(
            f"method.init={init}: a {earlier.__name__} run is no source model\n"
            "give a run that learned from source labels and no target labels (source_only)"
        )
    about, weights = read_model(path)
    with of_a_run(path):
        theirs = list(about["tasks"]["source"])
    if theirs != list(classes):
        raise ConfigError(f"method.init={init}: its source has other classes than this run's")
    try:
        backbone.load_state_dict(below("backbone.", weights))
        head.load_state_dict(next(part for key in HEADS if (part := below(key, weights))))
    except (RuntimeError, StopIteration) as error:
        raise ConfigError(
            f"method.init={init}: its model does not fit; choose the same backbone and "
            "method.head\nand a method without statistics per domain (source_only)"
        ) from error
