"""The phase ``pretrain`` that self-taught methods share: pretext, streams, health, earlier runs."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from translearn.artifacts.folder import of_a_run, stored_config
from translearn.artifacts.model import below, finished_model, read_model
from translearn.backbones.base import Backbone
from translearn.components import resolve_class
from translearn.data.access import Batch
from translearn.errors import ConfigError
from translearn.methods.base import Method, Stream
from translearn.methods.parts.pretext import Pretext

PretrainOn = Literal["source", "target", "both"]


def pretrain_domains(pretrain_on: PretrainOn) -> tuple[str, ...]:
    """The tasks that ``method.pretrain_on`` means."""
    return ("source", "target") if pretrain_on == "both" else (pretrain_on,)


def pretrain_streams(domains: Sequence[str], pretext: Pretext) -> dict[str, Stream]:
    """A stream of each task, without labels; none where nothing is trained by steps."""
    if not pretext.trains:
        return {}
    return {task: Stream(task, views=pretext.views, unlabelled=True) for task in domains}


def together(batch: Mapping[str, Batch], stacked: bool) -> Tensor:
    """The images of all streams as one batch, view by view where they are ``stacked``."""
    images = [part.x for part in batch.values()]
    if not stacked:
        return torch.cat(images)
    views = [view for same in zip(*(x.unbind() for x in images), strict=True) for view in same]
    joined: Tensor = torch.cat(views).unflatten(0, (len(images[0]), -1))
    return joined


def spread(embeddings: Tensor | None) -> dict[str, float]:
    """Whether embeddings (B, D) have collapsed; nothing where there are none.

    Returns:
        ``feature_std``: deviation of the unit vectors' values, times sqrt(D): 1 where they point
        everywhere alike, 0 where all point one way. ``feature_rank``: e to the entropy of the
        normalised singular values (RankMe, Garrido et al. 2023): how many dimensions are in use.
    """
    if embeddings is None:
        return {}
    values = embeddings[:256].float()
    units = F.normalize(values, dim=1)
    singular = torch.linalg.svdvals(values - values.mean(dim=0))
    shares = singular / singular.sum().clamp_min(1e-12)
    rank = torch.exp(-torch.xlogy(shares, shares).sum())
    return {
        "feature_std": float(units.std(dim=0).mean()) * units.shape[1] ** 0.5,
        "feature_rank": float(rank),
    }


def collapse_advice(health: Mapping[str, float], pretext: Pretext) -> str | None:
    """What to change when ``spread`` says that the features have collapsed."""
    if health.get("feature_std", 1.0) > 0.1 and health.get("feature_rank", 9.0) > 2.0:
        return None
    return f"the features have collapsed to a point or a line: lower run.lr; {pretext.remedy}"


UNTOUCHED = ("kmeans", "spectral")  # rules of grouping that leave the backbone as it is


def read_pretraining(init: str, backbone: Backbone, pretext: Pretext) -> None:
    """Fill backbone and pretext with what an earlier run learned without labels.

    Args:
        init: its folder.
        backbone: filled.
        pretext: filled; it must be the same there.

    Raises:
        CheckpointError: there is no finished run, or its model is damaged.
        ConfigError: labels or SCAN have changed its backbone since, or it does not fit.
    """
    path = finished_model(init)
    method = stored_config(path.parent)["method"]
    with of_a_run(path.parent / ".hydra" / "config.yaml"):
        earlier = resolve_class(method["_target_"], Method)
        theirs = (
            resolve_class(method["pretext"]["_target_"], Pretext) if "pretext" in method else None
        )
        cluster = method.get("cluster", {}).get("name")
    saw_labels = earlier.access.source_labels or earlier.access.target_labels
    untouched = method.get("freeze") == "all" if saw_labels else cluster in UNTOUCHED
    if earlier.access.source_labels or not untouched:
        raise ConfigError(
            f"method.init={init}: its backbone is not what a pretext alone has made of it\n"
            "give a run of method=selftaught method.freeze=all, or method=selfcluster "
            "method/cluster=kmeans or spectral"
        )
    if theirs is not type(pretext):
        raise ConfigError(
            f"method.init={init} has the pretext {theirs and theirs.__name__}, and this run "
            f"a {type(pretext).__name__}\nchoose the same"
        )
    _, weights = read_model(path)
    try:
        backbone.load_state_dict(below("backbone.", weights))
        pretext.load_state_dict(below("pretext.", weights))
    except RuntimeError as error:
        raise ConfigError(
            f"method.init={init}: its model does not fit; choose the same backbone, data and "
            "settings of the pretext"
        ) from error
