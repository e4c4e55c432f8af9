"""What lies under nothing that learns is computed once for every sample.

Where a method never changes its backbone, the samples that it gets are the backbone's features. It
trains, is scored and predicts as ever: a backbone hands features on as they are.
"""

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from translearn.backbones.base import Backbone
from translearn.backbones.folding import folded
from translearn.data.pipeline.loaders import in_order
from translearn.data.pipeline.preparation import Preparation
from translearn.data.samples import samples_of, with_features
from translearn.data.types import Images, Shape, TaskSet
from translearn.engine import feature_cache
from translearn.runtime import Runtime

log = logging.getLogger(__name__)


TOLD_FROM = 5.0  # seconds: what takes longer is told beforehand


@dataclass
class Extraction:
    """How features are computed.

    Attributes:
        prepare: task -> the preprocessing, as for a test.
        runtime: device and ranks; each rank computes its share.
        at_once: samples in a batch.
        workers: decoding processes, for samples that are files.
        keep: whether features are kept between runs, and taken from earlier ones.
        rehearsed: whether the first batch of a set stands for all of it, as a dry run wants it.
        seconds: what they take on this rank, as far as it was foreseen.
    """

    prepare: Mapping[str, Preparation]
    runtime: Runtime
    at_once: int
    workers: int
    keep: bool = False
    rehearsed: bool = False
    seconds: float = 0.0

    def of(self, tasks: TaskSet, backbone: Backbone) -> TaskSet:
        """The tasks with features (N, out_dim) in the place of their samples."""
        net = fast(backbone.eval(), tasks.input_shape, self.runtime)
        sets = {
            id(images): (task, images)  # splits of the same samples share their features
            for task, domain in tasks.tasks.items()
            for images in samples_of(domain)
        }
        files = self.files(net, sets)
        found = {
            key: known.to(self.runtime.device)
            for key, path in files.items()
            if (known := feature_cache.read(path, (len(sets[key][1]), backbone.out_dim)))
            is not None
        }
        missing = {key: one for key, one in sets.items() if key not in found}
        if missing:
            self.foresee(net, missing)
        for key, (task, images) in missing.items():
            found[key] = self.features(net, task, images, backbone.out_dim)
            if key in files and not self.rehearsed:
                feature_cache.keep(files[key], found[key])
        shape = (backbone.out_dim,)
        domains = {task: with_features(one, found, shape) for task, one in tasks.tasks.items()}
        return replace(tasks, tasks=domains, input_shape=shape)

    def files(self, net: nn.Module, sets: Mapping[int, tuple[str, Images]]) -> dict[int, Path]:
        """Where features are kept: of samples in memory, that one process computes alone."""
        if not self.keep or self.runtime.world > 1:
            return {}
        known = {
            task: feature_cache.digest_of(net, self.prepare[task], self.runtime, self.at_once)
            for task in {task for task, _ in sets.values()}
        }
        return {
            key: feature_cache.file_of(known[task], images)
            for key, (task, images) in sets.items()
            if isinstance(images, Tensor)
        }

    def foresee(self, net: nn.Module, sets: Mapping[int, tuple[str, Images]]) -> None:
        """Measure a batch, and tell how long all take."""
        count = sum(len(images) for _, images in sets.values())
        task, images = max(sets.values(), key=lambda one: len(one[1]))
        x = next(in_order(part(images, 0, self.at_once), self.at_once, 0))
        for _ in range(2):  # the first pass takes longer
            start = time.monotonic()
            self.passed(net, task, x).sum().item()
        seconds = (time.monotonic() - start) / len(x)
        self.seconds = seconds * count / self.runtime.world
        if self.seconds > TOLD_FROM and self.runtime.rank == 0:
            log.info("features of %d samples, computed once: about %.0f s", count, self.seconds)

    def features(self, net: nn.Module, task: str, images: Images, width: int) -> Tensor:
        """Features (N, width) of the samples of a set, float32, on the device, on all ranks."""
        size = len(images)
        if not size:  # as where all classes of a split are known by name alone
            return torch.zeros(0, width, device=self.runtime.device)
        count = min(size, self.at_once) if self.rehearsed else size
        rows = self.runtime.rows(count)
        own = part(images, rows.start, rows.stop)
        starts = range(rows.start, rows.stop, self.at_once)
        everything = torch.zeros(count, width, device=self.runtime.device)
        for start, x in zip(starts, self.batches(own, task), strict=True):
            everything[start : start + len(x)] = self.passed(net, task, x)
        everything = self.runtime.sum(everything)  # puts the parts of the ranks together
        return everything[torch.arange(size) % count] if count < size else everything

    def passed(self, net: nn.Module, task: str, x: Tensor) -> Tensor:
        """Features (B, D) of a batch of stored samples."""
        with torch.no_grad(), self.runtime.autocast():
            features: Tensor = net(self.prepare[task](x))
        return features.float()

    def batches(self, images: Images, task: str) -> Iterator[Tensor]:
        """Stored samples in their order, with a bar where it takes longer than a moment."""
        with tqdm(
            total=len(images),
            desc=f"features of {task}",
            unit="sample",
            disable=self.runtime.rank > 0,
            delay=1.0,
            mininterval=0.1 if sys.stderr.isatty() else 10.0,
            dynamic_ncols=True,
        ) as bar:
            for x in in_order(images, self.at_once, self.workers):
                yield x
                bar.update(len(x))


def fast(net: nn.Module, shape: Shape, runtime: Runtime) -> nn.Module:
    """A network in evaluation mode, to be passed without gradients: its batch norm folded.

    In bf16 it is left as it is: rounding is coarser there than what ``folded`` allows.
    """
    return net if runtime.bf16 else folded(net, shape)


def part(images: Images, start: int, stop: int) -> Images:
    """Some samples of a set; no pixel is copied."""
    stop = min(stop, len(images))
    return images[start:stop] if isinstance(images, Tensor) else images[range(start, stop)]
