"""Pairs of published digit sets."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from translearn.data.access import limit_labels
from translearn.data.sets.mnist import Arrays, load_mnist
from translearn.data.sets.mnist_m import load_mnist_m
from translearn.data.sets.svhn import load_svhn
from translearn.data.sets.usps import load_usps
from translearn.data.types import DataSource, Split, TaskSet, cut_domain
from translearn.errors import ConfigError, nearest

CLASSES = tuple(str(digit) for digit in range(10))


SIZES = (28, 32)


class DigitPair(DataSource):
    """Two of MNIST, MNIST-M, USPS and SVHN, each with its published training and test split.

    Images come at the pair's common size. MNIST is padded from 28 to 32 and MNIST-M, whose digits
    have the same margin, is cropped from 32 to 28; USPS (16) and SVHN (32) are resized.

    Args:
        root: the data root folder.
        source: mnist, mnistm, usps or svhn.
        target: another of them.
        size: edge of the images, 28 or 32.
        val_fraction: share of each training split cut off for validation.
        split_seed: decides that cut.
        target_labels_per_class: keep only so many target labels of each class, or None.
        download: whether missing files are downloaded.
    """

    def __init__(
        self,
        root: str,
        source: str,
        target: str,
        size: int = 28,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        target_labels_per_class: int | None = None,
        download: bool = True,
    ) -> None:
        for key, name in (("source", source), ("target", target)):
            if name not in LOADERS:
                raise ConfigError(f"data.{key}={name} does not exist{nearest(str(name), LOADERS)}")
        if source == target:
            raise ConfigError(f"data.source and data.target are both {source}; choose another one")
        if size not in SIZES:
            raise ConfigError(f"data.size={size}: choose 28 or 32")
        self.root, self.source, self.target, self.size = root, source, target, size
        self.val_fraction, self.split_seed = val_fraction, split_seed
        self.target_labels_per_class, self.download = target_labels_per_class, download

    def load(self) -> TaskSet:
        """Read both sets; ``protocol`` is ``rebuilt`` where MNIST-M is not the published one.

        Raises:
            DataError: files are missing or broken.
        """
        domains = {}
        protocol = "published"
        for task, name in (("source", self.source), ("target", self.target)):
            train, test, published = LOADERS[name](self.root, self.size, self.download)
            domains[task] = cut_domain(
                name, CLASSES, train, test, self.val_fraction, self.split_seed
            )
            if not published:
                protocol = "rebuilt"
        channels = max(s.shape[1] for d in domains.values() if isinstance(s := d.train.x, Tensor))
        name = f"{self.source}_{self.target}"
        tasks = TaskSet(name, domains, (channels, self.size, self.size), protocol)
        return limit_labels(tasks, self.target_labels_per_class, self.split_seed)


Loaded = tuple[Split, Split, bool]  # train, test, whether they are the published images


def mnist(root: str, size: int, download: bool) -> Loaded:
    """MNIST as uint8 (N, 1, size, size), padded with black."""
    margin = (size - 28) // 2
    train, test = load_mnist(root, download)
    return pad(as_tensors(train), margin), pad(as_tensors(test), margin), True


def mnist_m(root: str, size: int, download: bool) -> Loaded:
    """MNIST-M as uint8 (N, 3, size, size), cropped."""
    margin = (32 - size) // 2
    train, test, published = load_mnist_m(root, download)
    return pad(as_tensors(train), -margin), pad(as_tensors(test), -margin), published


def usps(root: str, size: int, download: bool) -> Loaded:
    """USPS as uint8 (N, 1, size, size), enlarged."""
    train, test = load_usps(root, download)
    return resize(as_tensors(train), size), resize(as_tensors(test), size), True


def svhn(root: str, size: int, download: bool) -> Loaded:
    """SVHN as uint8 (N, 3, size, size)."""
    train, test = load_svhn(root, download)
    return resize(as_tensors(train), size), resize(as_tensors(test), size), True


LOADERS: dict[str, Callable[[str, int, bool], Loaded]] = {
    "mnist": mnist,
    "mnistm": mnist_m,
    "usps": usps,
    "svhn": svhn,
}


def as_tensors(arrays: Arrays) -> tuple[Tensor, Tensor]:
    """Arrays (N, H, W) or (N, H, W, 3) as tensors (N, C, H, W), with their labels."""
    images, labels = arrays
    channels_first = images[:, None] if images.ndim == 3 else np.moveaxis(images, -1, 1)
    return torch.from_numpy(np.array(channels_first, order="C")), torch.from_numpy(labels)


def pad(arrays: tuple[Tensor, Tensor], margin: int) -> Split:
    """Images with a black margin; a negative one crops."""
    return Split(F.pad(arrays[0], (margin,) * 4).contiguous(), arrays[1])


def resize(arrays: tuple[Tensor, Tensor], size: int) -> Split:
    """Images resized to ``size`` x ``size``, bilinear with antialiasing."""
    images, labels = arrays
    if images.shape[-1] == size:
        return Split(images, labels)
    parts = []
    for start in range(0, len(images), 8192):  # a whole set as float would be four times as large
        part = images[start : start + 8192].float()
        large = F.interpolate(part, (size, size), mode="bilinear", antialias=True)
        parts.append(large.round().to(torch.uint8))
    return Split(torch.cat(parts), labels)
