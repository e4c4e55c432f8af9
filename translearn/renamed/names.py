"""The table of names that earlier releases had, and what they are called now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Renamed:
    """What was renamed since 0.1, old to new.

    Attributes:
        targets: modules and classes that a ``_target_`` names; the longest name that fits counts.
        options: old target -> the options that its new place needs to mean the same; those that a
            configuration has go before.
        keys: method -> its options that a part of it has now: ``neighbours`` is
            ``cluster.neighbours``.
        parts: class -> its parts, with the class of each and the options that it has now, old to
            new: ``sigma`` is ``blur.sigma``.
        choices: method -> its options whose value is a choice of a group now: ``cluster=scan`` is
            ``method/cluster=scan``.
        weights: method -> its parameters and buffers by the beginning of their names.
        metrics: names of figures in results.
        data: data configs by name, on command lines and in what runs left.
        run: keys of ``run``, with what is to be known about each.
    """

    targets: Mapping[str, str]
    options: Mapping[str, Mapping[str, Any]]
    keys: Mapping[str, Mapping[str, str]]
    parts: Mapping[str, Mapping[str, tuple[str, Mapping[str, str]]]]
    choices: Mapping[str, Sequence[str]]
    weights: Mapping[str, Mapping[str, str]]
    metrics: Mapping[str, str]
    data: Mapping[str, str]
    run: Mapping[str, tuple[str, str]]


ARRANGEMENTS = "translearn.data.arrangements"
VIEWS = "translearn.data.pipeline.views"


def into(part: str, *options: str) -> dict[str, str]:
    """Options that kept their name."""
    return {option: f"{part}.{option}" for option in options}


PRETEXT = {
    **into("pretext", "projector", "temperature", "noise", "atoms", "sparsity"),
    "vicreg_weights": "pretext.weights",
}

COLORS = ("brightness", "contrast", "saturation", "recolor", "grey")


RENAMED = Renamed(
    targets={
        "translearn.data.augment": "translearn.data.pipeline.augment",
        "translearn.data.speech": "translearn.data.pipeline.speech",
        "translearn.data.views": "translearn.data.pipeline.views",
        "translearn.data.pairs.DigitPair": f"{ARRANGEMENTS}.pair.Pair",
        "translearn.data.digits.Digits": f"{ARRANGEMENTS}.pair.Pair",
        "translearn.data.office31.Office31": f"{ARRANGEMENTS}.pair.Pair",
        "translearn.data.folder.Folder": f"{ARRANGEMENTS}.folders.FolderPair",
        "translearn.data.fsdd.SpokenDigits": f"{ARRANGEMENTS}.speakers.SpeakerPair",
        "translearn.data.digit_tasks.DigitTasks": f"{ARRANGEMENTS}.tasks.SeveralTasks",
        "translearn.data.digit_tasks.DigitsParity": f"{ARRANGEMENTS}.tasks.SeveralTasks",
        **{
            f"translearn.data.class_splits.{name}": f"{ARRANGEMENTS}.other_classes.OtherClasses"
            for name in ("DigitsSplit", "MnistSplit", "Office31Classes")
        },
        **{
            f"translearn.data.{name}": f"{ARRANGEMENTS}.unseen.Unseen"
            for name in (
                "unseen.DigitsAttributes",
                "unseen.MnistAttributes",
                "unseen_photos.PhotoFolder",
                "unseen_photos.Office31ZeroShot",
                "gbu.GbuFeatures",
                "gbu_photos.GbuPhotos",
            )
        },
        "translearn.methods.zeroshot.ZeroShot": "translearn.methods.zeroshot.zeroshot.ZeroShot",
    },
    options={
        "translearn.data.digits.Digits": {
            "title": "digits_photos",
            "source": "digits",
            "target": "digits_photos",
        },
        "translearn.data.office31.Office31": {
            "title": "office31:{source}->{target}",
            "source": "amazon",
            "target": "webcam",
            "protocol": "transductive",
        },
        "translearn.data.digit_tasks.DigitsParity": {
            "title": "digits_parity",
            "tasks": ["digits", "digits_photos", "digits_8x8"],
            "names": ["source", "target", "parity"],
        },
        "translearn.data.class_splits.DigitsSplit": {"title": "digits_split", "set": "digits"},
        "translearn.data.class_splits.MnistSplit": {"title": "mnist_split", "set": "mnist"},
        "translearn.data.class_splits.Office31Classes": {
            "title": "office31_classes:{set}",
            "set": "office31",
            "source_classes": 16,
            "class_seed": 7,
        },
        "translearn.data.unseen.DigitsAttributes": {
            "title": "digits_attributes",
            "set": "digits",
            "unseen": 3,
        },
        "translearn.data.unseen.MnistAttributes": {
            "title": "mnist_attributes",
            "set": "mnist",
            "unseen": 3,
        },
        "translearn.data.unseen_photos.PhotoFolder": {
            "title": "folder_zeroshot:{set}",
            "set": "folder",
            "unseen": 2,
        },
        "translearn.data.unseen_photos.Office31ZeroShot": {
            "title": "office31_zeroshot:{set}",
            "set": "office31",
            "unseen": 10,
        },
        "translearn.data.gbu.GbuFeatures": {"set": "AWA2", "val_fraction": 0.0},
        "translearn.data.gbu_photos.GbuPhotos": {"set": "AwA2"},
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
    parts={
        f"{VIEWS}.Views": {
            "colors": (f"{VIEWS}.Colors", {name: name for name in COLORS}),
            "blur": (f"{VIEWS}.Blur", {"blur": "probability", "sigma": "sigma"}),
        }
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
    data={"digits": "digits_photos"},
    run={
        "samples": (
            "source_samples",
            "it counted the images of all streams, and counts those of one now: for a method with "
            "a source and a target stream, half of what it was",
        )
    },
)
