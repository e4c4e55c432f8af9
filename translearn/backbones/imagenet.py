"""The 1000 classes of ImageNet, in the order that all its classifiers have."""

from functools import cache

import torchvision


@cache
def imagenet_classes() -> tuple[str, ...]:
    """One name of each class, as torchvision's weights carry them; nothing is downloaded."""
    models = torchvision.models
    return tuple(models.EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])
