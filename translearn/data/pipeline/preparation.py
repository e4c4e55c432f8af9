"""From stored samples to network input: the one preprocessing of training, tests, prediction."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from translearn.data.pipeline.augment import Augment, Draw, center_crop
from translearn.data.pipeline.speech import FULL_SCALE, LogMel
from translearn.data.scaling import Scaling, over_sum
from translearn.data.types import Kind, Shape
from translearn.runtime import Runtime


class Preparation(ABC):
    """Makes network input of a batch of samples of one kind, on the device.

    Attributes:
        kind: of the samples.
    """

    kind: ClassVar[Kind]

    @abstractmethod
    def __call__(
        self, samples: Tensor, augment: Augment | None = None, draw: Draw | None = None
    ) -> Tensor:
        """Stored samples (B, ...) -> network input, augmented if asked to."""

    @staticmethod
    def of(
        kind: Kind,
        shape: Shape,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        runtime: Runtime,
        scaling: Scaling | None = None,
    ) -> "Preparation":
        """The preprocessing of a task whose prepared samples have ``shape``.

        Images are normalised by ``mean`` and ``std``, one value a channel; vectors and signals by
        ``scaling``.
        """
        if kind is Kind.vector:
            return VectorPreparation(runtime, scaling)
        if kind is Kind.signal:
            return SignalPreparation(runtime, scaling)
        if kind is Kind.waveform:
            return WaveformPreparation(shape, runtime)
        return ImagePreparation(shape, mean, std, runtime)


class ImagePreparation(Preparation):
    """Casts, augments, crops and normalises images.

    Args:
        input_shape: (C, H, W) of the network; a single grey channel is repeated to C.
        mean: per-channel mean.
        std: per-channel standard deviation, likewise.
        runtime: gives device and memory format.
    """

    kind = Kind.image

    def __init__(
        self,
        input_shape: Shape,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        runtime: Runtime,
    ) -> None:
        self.channels, self.size = input_shape[0], input_shape[1:]
        self.runtime = runtime
        # one fused multiply-add: (x - mean) / std = x * scale + shift
        scale = 1.0 / torch.tensor(std[: self.channels])
        shift = -torch.tensor(mean[: self.channels]) * scale
        self.scale = scale.view(1, -1, 1, 1).to(runtime.device)
        self.shift = shift.view(1, -1, 1, 1).to(runtime.device)

    def floats(self, images: Tensor) -> Tensor:
        """uint8 (B, c, H, W) -> float (B, C, H, W) in [0, 1] on the device."""
        x = images.to(self.runtime.device, non_blocking=True).float().mul_(1.0 / 255.0)
        if x.shape[1] == self.channels:
            return x
        return x.expand(-1, self.channels, -1, -1) if self.channels > 1 else x.mean(1, keepdim=True)

    def __call__(
        self, samples: Tensor, augment: Augment | None = None, draw: Draw | None = None
    ) -> Tensor:
        """uint8 images -> normalised input (B, C, H, W), augmented if asked to, else cropped."""
        x = self.floats(samples)
        if augment is not None and draw is not None:
            x = augment(x, draw)
        if x.shape[-2:] != self.size:
            x = center_crop(x, self.size[0])
        x = torch.addcmul(self.shift, x, self.scale)
        return x.contiguous(memory_format=self.runtime.memory_format)


class VectorPreparation(Preparation):
    """Vectors, scaled.

    Args:
        runtime: gives the device.
        scaling: None: they are as stored.
    """

    kind = Kind.vector

    def __init__(self, runtime: Runtime, scaling: Scaling | None = None) -> None:
        self.runtime = runtime
        self.by_sum = scaling is not None and scaling.by_sum
        parts = (None, None) if scaling is None else (scaling.shift, scaling.scale)
        self.shift, self.scale = (None if t is None else t.to(runtime.device) for t in parts)

    def __call__(
        self, samples: Tensor, augment: Augment | None = None, draw: Draw | None = None
    ) -> Tensor:
        """(B, ...) -> float (B, ...) on the device, augmented after that if asked to."""
        x = samples.to(self.runtime.device).float()
        if self.by_sum:
            x = over_sum(x)
        if self.shift is not None and self.scale is not None:
            x = (x - self.shift) * self.scale
        return x if augment is None or draw is None else augment(x, draw)


class SignalPreparation(VectorPreparation):
    """Signals (B, C, L), scaled by channel."""

    kind = Kind.signal


class WaveformPreparation(Preparation):
    """Log-mel spectrograms of speech.

    Args:
        input_shape: (1, mels, frames) of a spectrogram.
        runtime: gives device and memory format.
    """

    kind = Kind.waveform

    def __init__(self, input_shape: Shape, runtime: Runtime) -> None:
        self.runtime = runtime
        self.log_mel = LogMel(input_shape[1], runtime.device)

    def __call__(
        self, samples: Tensor, augment: Augment | None = None, draw: Draw | None = None
    ) -> Tensor:
        """int16 waveforms (B, T), augmented if asked to -> spectrograms (B, 1, mels, frames)."""
        x = samples.to(self.runtime.device, non_blocking=True).float().mul_(1.0 / FULL_SCALE)
        if augment is not None and draw is not None:
            x = augment(x, draw)
        return self.log_mel(x).contiguous(memory_format=self.runtime.memory_format)


class Preparer:
    """Makes the ``x`` of a batch: the samples prepared once, or several views of them.

    Args:
        prepare: the preprocessing.
        augments: of each view its augmentation, or None.
        stacked: whether ``x`` has a dimension for the views; else there is one view.
        batch_size: samples of the global batch.
        rows: this rank's part of it.
    """

    def __init__(
        self,
        prepare: Preparation,
        augments: Sequence[Augment | None],
        stacked: bool,
        batch_size: int,
        rows: slice,
    ) -> None:
        self.prepare, self.augments, self.stacked = prepare, augments, stacked
        self.batch_size, self.rows = batch_size, rows

    def __call__(
        self, samples: Tensor, partners: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """Stored samples (B, ...), and one partner for each, -> ``x`` as ``Stream`` describes it.

        The views are kept in the memory format of single images, so that ``x.flatten(0, 1)`` is a
        batch that costs no copy.
        """
        sources = [(samples, augment) for augment in self.augments]
        if partners is not None:
            sources.append((partners, self.augments[-1]))
        parts = [
            self.prepare(part, augment, Draw(generator, self.batch_size, self.rows))
            for part, augment in sources
        ]
        if not self.stacked and partners is None:
            return parts[0]
        stacked: Tensor = torch.cat(parts).unflatten(0, (len(parts), -1))
        return stacked
