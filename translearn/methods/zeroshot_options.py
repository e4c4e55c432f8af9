"""What ``zeroshot`` refuses, and which unseen classes are no news to ImageNet."""

from collections.abc import Mapping, Sequence

from translearn.backbones.imagenet import imagenet_classes
from translearn.config import nearest
from translearn.errors import ConfigError
from translearn.semantics.base import Semantics, compact

VARIANTS = ("embedding", "dap", "eszsl", "sae", "conse")


def check_options(
    variant: str,
    classifier: str,
    init: str | None,
    seen: Sequence[str],
    unseen: Sequence[str],
    semantics: Semantics | None,
) -> None:
    """Refuse what cannot go together.

    Raises:
        ConfigError: as said.
    """
    if variant not in VARIANTS:
        raise ConfigError(f"method.variant={variant} does not exist{nearest(variant, VARIANTS)}")
    if classifier not in ("source", "imagenet"):
        raise ConfigError(f"method.classifier={classifier}: choose source or imagenet")
    if set(seen) & set(unseen):
        raise ConfigError(
            "zeroshot needs unseen classes, and source and target share theirs here\n"
            "choose data=digits_attributes or another data set with data.unseen"
        )
    if semantics is None:
        raise ConfigError("zeroshot needs class descriptions: add semantics=glove, npz, ...")
    if not seen and not (variant == "conse" and classifier == "imagenet"):
        raise ConfigError(
            "all classes are unseen here, so there is nothing to learn from\n"
            "lower data.unseen, or use method.variant=conse method.classifier=imagenet"
        )
    if init is not None and (variant in ("embedding", "dap") or classifier == "imagenet"):
        raise ConfigError(
            "method.init brings a classifier of the seen classes: it is for the variants eszsl, "
            "sae and conse with method.classifier=source"
        )


def imagenet_has(classes: Sequence[str], names: Mapping[str, str]) -> list[int]:
    """The places of the classes that ImageNet has, by name or as ``names`` says.

    Raises:
        ConfigError: ``names`` gives one that ImageNet lacks.
    """
    known = {compact(name) for name in imagenet_classes()}
    for name in names.values():
        if compact(name) not in known:
            raise ConfigError(f"semantics.imagenet_names: ImageNet has no class {name!r}")
    return [i for i, name in enumerate(classes) if compact(names.get(name, name)) in known]
