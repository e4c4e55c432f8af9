"""Log-mel spectrograms of 8 kHz speech, in torch on the device, and the augmentation of speech."""

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from translearn.data.pipeline.augment import Augment, Draw
from translearn.data.types import Kind
from translearn.ranges import NonNegative, Share, Span

RATE = 8000  # samples a second


WINDOW, HOP = 256, 128  # samples: 32 ms, a frame every 16 ms


FULL_SCALE = 32768.0  # of int16


RANGE_DB = 80.0  # what lies further below the loudest cell of a spectrogram is silence


def spectrogram_shape(mels: int, length: int) -> tuple[int, int, int]:
    """(1, mels, frames) of a waveform of ``length`` samples; the frames are centred on the hops."""
    return 1, mels, 1 + length // HOP


def mel_filterbank(mels: int, bins: int = WINDOW // 2 + 1, rate: int = RATE) -> Tensor:
    """Triangular filters (mels, bins) of height 1 over the bins of a power spectrum.

    Their corners lie evenly from 0 Hz to half the rate on HTK's mel scale,
    mel = 2595 log10(1 + Hz / 700) (Young et al., The HTK Book, section 5.4).
    """
    highest = 2595.0 * math.log10(1.0 + rate / 2 / 700.0)
    steps = torch.linspace(0.0, highest, mels + 2, dtype=torch.float64)
    corners = 700.0 * (10.0 ** (steps / 2595.0) - 1.0)
    hertz = torch.linspace(0.0, rate / 2, bins, dtype=torch.float64)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    return torch.minimum(rising, falling).clamp(min=0.0).float()


class LogMel:
    """Waveforms to log-mel spectrograms, each normalised by itself.

    Power of a Hann-windowed STFT (the waveform continues with zeros at both ends), mel filters,
    decibels no lower than ``RANGE_DB`` under the loudest cell, then mean 0 and deviation 1 over the
    spectrogram: how loud a recording is does not show in it.

    Args:
        mels: filters.
        device: where the waveforms lie.
    """

    def __init__(self, mels: int, device: torch.device) -> None:
        self.filters = mel_filterbank(mels).to(device)
        self.window = torch.hann_window(WINDOW, device=device)

    def decibels(self, waveforms: Tensor) -> Tensor:
        """(B, T) in [-1, 1] -> (B, mels, frames) in dB of mel power, before the normalisation."""
        with torch.autocast(waveforms.device.type, enabled=False):
            spectra = torch.stft(
                waveforms.float(), WINDOW, HOP, window=self.window, center=True,
                pad_mode="constant", return_complex=True,
            )  # fmt: skip
            power = torch.view_as_real(spectra).square().sum(dim=-1)
            mel = self.filters @ power
            decibels = 10.0 * mel.clamp(min=1e-10).log10()
            loudest = decibels.amax(dim=(1, 2), keepdim=True)
            return torch.maximum(decibels, loudest - RANGE_DB)

    def __call__(self, waveforms: Tensor) -> Tensor:
        """(B, T) in [-1, 1] -> (B, 1, mels, frames), normalised."""
        decibels = self.decibels(waveforms)
        deviation, mean = torch.std_mean(decibels, dim=(1, 2), keepdim=True)
        return ((decibels - mean) / deviation.clamp(min=1e-3)).unsqueeze(1)


class Speech(Augment):
    """Random shift in time, gain and white noise, each utterance with draws of its own.

    A spectrogram is normalised by itself, so the gain shows only where the noise or the number
    format meets it.

    Args:
        shift: largest shift, early or late, as a part of the waveform; zeros come in.
        gain: largest gain, up or down, in dB.
        noise: least and largest level of the noise in dB against the utterance's own power.

    Raises:
        ConfigError: a value is out of its range.
    """

    kind: ClassVar[Kind] = Kind.waveform

    def __init__(
        self,
        shift: Share = 0.1,
        gain: NonNegative = 6.0,
        noise: Annotated[Sequence[float], Span()] = (-60.0, -20.0),
    ) -> None:
        super().__init__()
        self.shift, self.gain, self.noise = shift, gain, tuple(noise)

    def forward(self, x: Tensor, draw: Draw) -> Tensor:
        """Waveforms (B, T) in [-1, 1] -> the same, changed; values may leave [-1, 1]."""
        x = self._shifted(x, draw)
        power = x.square().mean(dim=1, keepdim=True)
        level = draw.uniform(1, low=self.noise[0], high=self.noise[1])
        strength = (power * 10.0 ** (level / 10.0)).sqrt()
        x = torch.addcmul(x, draw.normal(x.shape[1]), strength)
        return x * 10.0 ** (draw.uniform(1, low=-self.gain, high=self.gain) / 20.0)

    def _shifted(self, x: Tensor, draw: Draw) -> Tensor:
        length = x.shape[1]
        late = (draw.uniform(1, low=-1.0, high=1.0) * self.shift * length).round().long()
        source = torch.arange(length, device=x.device) - late
        inside = (source >= 0) & (source < length)
        return x.gather(1, source.clamp(0, length - 1)) * inside
