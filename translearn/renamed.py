"""Names of earlier releases and what they are called now, so that what 0.1 wrote stays readable."""

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from translearn.config import Config, conf_dir, plain


@dataclass(frozen=True)
class Renamed:
    """What was renamed since 0.1, old to new.

    Attributes:
        targets: modules and classes that a ``_target_`` names; the longest name that fits counts.
        keys: method -> its options that a part of it has now: ``neighbours`` is
            ``cluster.neighbours``.
        choices: method -> its options whose value is a choice of a group now: ``cluster=scan`` is
            ``method/cluster=scan``.
        weights: method -> its parameters and buffers by the beginning of their names.
        metrics: names of figures in results.
    """

    targets: Mapping[str, str]
    keys: Mapping[str, Mapping[str, str]]
    choices: Mapping[str, Sequence[str]]
    weights: Mapping[str, Mapping[str, str]]
    metrics: Mapping[str, str]


def into(part: str, *options: str) -> dict[str, str]:
    """Options that kept their name."""
    return {option: f"{part}.{option}" for option in options}


PRETEXT = {
    **into("pretext", "projector", "temperature", "noise", "atoms", "sparsity"),
    "vicreg_weights": "pretext.weights",
}


RENAMED = Renamed(
    targets={
        "translearn.data.augment": "translearn.data.pipeline.augment",
        "translearn.data.speech": "translearn.data.pipeline.speech",
        "translearn.data.views": "translearn.data.pipeline.views",
        "translearn.data.class_splits": "translearn.data.arrangements.other_classes",
        "translearn.data.digit_tasks": "translearn.data.arrangements.tasks",
        "translearn.data.pairs": "translearn.data.arrangements.pairs",
        "translearn.data.unseen": "translearn.data.arrangements.unseen",
        "translearn.data.unseen_photos": "translearn.data.arrangements.unseen_photos",
        "translearn.data.digits": "translearn.data.sets.digits",
        "translearn.data.folder": "translearn.data.sets.folder",
        "translearn.data.fsdd": "translearn.data.sets.fsdd",
        "translearn.data.gbu": "translearn.data.sets.gbu",
        "translearn.data.gbu_photos": "translearn.data.sets.gbu_photos",
        "translearn.data.office31": "translearn.data.sets.office31",
        "translearn.methods.zeroshot.ZeroShot": "translearn.methods.zeroshot.zeroshot.ZeroShot",
    },
    keys={
        "zeroshot": {
            **into("variant", "loss", "margin", "scale", "cosine", "dim", "image_hidden"),
            **into("variant", "class_hidden", "feature_weight", "class_weight", "classifier"),
            **into("variant", "top"),
            "sae_weight": "variant.weight",
            "sae_direction": "variant.direction",
        },
        "finetune": {
            "output_weight": "closeness.output.weight",
            "temperature": "closeness.output.temperature",
            "alpha": "closeness.parameter.alpha",
            "beta": "closeness.parameter.beta",
            "feature_weight": "closeness.feature.weight",
            "bss_weight": "closeness.bss.weight",
            **into("layers", "frozen_statistics", "transferred_rate", "rate_decay", "gradual"),
        },
        "multitask": {
            "dwa_temperature": "weighting.temperature",
            "dwa_interval": "weighting.interval",
            "gradnorm_alpha": "weighting.alpha",
            "gradnorm_rate": "weighting.rate",
            "temperature": "sampling.temperature",
        },
        "selftaught": PRETEXT,
        "selfcluster": {
            **PRETEXT,
            **into("cluster", "neighbours", "entropy_weight", "selflabel_share", "confidence"),
        },
    },
    choices={
        "zeroshot": ["variant"],
        "finetune": ["closeness"],
        "multitask": ["weighting", "sampling"],
        "selftaught": ["pretext"],
        "selfcluster": ["pretext", "cluster"],
    },
    weights={
        "selfcluster": {
            "cluster_head.": "cluster.head.",
            "centroids": "cluster.centroids",
            "used": "cluster.used",
        }
    },
    metrics={},
)


def present_target(target: str) -> str:
    """What a ``_target_`` of any release is called now."""
    parts = target.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if name in RENAMED.targets:
            return ".".join([RENAMED.targets[name], *parts[end:]])
    return target


def present(config: Mapping[str, Any]) -> Config:
    """A stored configuration of any release, by the names of this one."""
    named = {key: _present_value(key, value) for key, value in config.items()}
    if isinstance(named.get("method"), Mapping):
        named["method"] = present_method(named["method"])
    return named


def _present_value(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _present_value(name, each) for name, each in value.items()}
    return present_target(value) if key == "_target_" else value


def present_method(method: Mapping[str, Any]) -> Config:
    """The config of a method, with its options where its parts have them now."""
    name = str(method.get("name"))
    groups, keys = RENAMED.choices.get(name, ()), RENAMED.keys.get(name, {})
    if all(isinstance(method.get(group), Mapping) for group in groups):
        return dict(method)
    parts = _inline_parts(name)
    for group in groups:
        parts[group] = _chosen_parts(group, method[group])
    for old, new in keys.items():
        *path, option = new.split(".")
        node: Any = parts
        for step in path:
            node = node.get(step, {})
        if old in method and option in node:  # else the part was not chosen
            node[option] = method[old]
    return {**{key: value for key, value in method.items() if key not in keys}, **parts}


def _inline_parts(name: str) -> Config:
    """The parts that stand in the method's own yaml."""
    node = plain(OmegaConf.load(Path(conf_dir()) / "method" / f"{name}.yaml"))
    parts = {key: part for key, part in node.items() if isinstance(part, dict)}
    return {key: part for key, part in parts.items() if "_target_" in part}


def _chosen_parts(group: str, chosen: str | Sequence[str]) -> Config:
    """The yaml of a part, or name -> the yaml of each where several may be chosen."""
    folder = Path(conf_dir()) / "method" / group
    if isinstance(chosen, str):
        return plain(OmegaConf.load(folder / f"{chosen}.yaml"))
    return {name: plain(OmegaConf.load(folder / f"{name}.yaml")) for name in chosen}


def moved(method: str, key: str, value: str) -> str | None:
    """How an option of 0.1 on a method's command line is written now; None: it is none."""
    option = key.removeprefix("method.")
    if option == key:
        return None
    if option in RENAMED.choices.get(method, ()):
        return f"method/{option}={value}"
    new = RENAMED.keys.get(method, {}).get(option)
    return None if new is None else f"method.{new}={value}"


def present_weight(method: str, name: str) -> str:
    """What a parameter or buffer of a method is called now."""
    for old, new in RENAMED.weights.get(method, {}).items():
        if name == old or (old.endswith(".") and name.startswith(old)):
            return new + name.removeprefix(old)
    return name


@functools.cache
def warn_once(old: str, new: str) -> None:
    """Tell, once a process, that a name is one of an earlier release."""
    print(f"warning: {old} is called {new} now; the old name still works", file=sys.stderr)
