"""Log-mel spectrograms against slow loops, scipy and librosa; the augmentation of speech."""

import math

import numpy as np
import pytest
import scipy.signal
import torch
from runs import checked
from torch import Tensor

from translearn.data.pipeline.augment import Draw
from translearn.data.pipeline.preparation import Preparation, WaveformPreparation
from translearn.data.pipeline.speech import (
    HOP,
    RANGE_DB,
    RATE,
    WINDOW,
    LogMel,
    Speech,
    mel_filterbank,
    spectrogram_shape,
)
from translearn.data.types import Kind
from translearn.errors import ConfigError
from translearn.runtime import Runtime

CPU = torch.device("cpu")


def runtime(bf16=False):
    return Runtime(CPU, 0, 1, bf16=bf16, threads=1)


def waveforms(count=3, length=4000, seed=0) -> Tensor:
    """Chirps in noise, each of another loudness."""
    random = np.random.default_rng(seed)
    time = np.arange(length) / RATE
    rows = [
        scipy.signal.chirp(time, 200 + 100 * i, time[-1], 3000) * 0.3 / (1 + i)
        + random.normal(0, 0.01, length)
        for i in range(count)
    ]
    return torch.from_numpy(np.stack(rows)).float()


def slow_filters(mels: int, bins: int) -> np.ndarray:
    def mel(hertz: float) -> float:
        return 2595.0 * math.log10(1.0 + hertz / 700.0)

    def hertz(value: float) -> float:
        return 700.0 * (10.0 ** (value / 2595.0) - 1.0)

    corners = [hertz(mel(RATE / 2) * i / (mels + 1)) for i in range(mels + 2)]
    filters = np.zeros((mels, bins))
    for m in range(mels):
        low, middle, high = corners[m : m + 3]
        for b in range(bins):
            f = b * RATE / 2 / (bins - 1)
            if low < f <= middle:
                filters[m, b] = (f - low) / (middle - low)
            elif middle < f < high:
                filters[m, b] = (high - f) / (high - middle)
    return filters


def slow_decibels(waveform: np.ndarray, mels: int) -> np.ndarray:
    window = np.array([0.5 - 0.5 * math.cos(2 * math.pi * n / WINDOW) for n in range(WINDOW)])
    padded = np.concatenate([np.zeros(WINDOW // 2), waveform, np.zeros(WINDOW // 2)])
    frames = 1 + len(waveform) // HOP
    parts = [window * padded[t * HOP : t * HOP + WINDOW] for t in range(frames)]
    power = np.stack([np.abs(np.fft.rfft(part)) ** 2 for part in parts], axis=1)
    decibels = 10.0 * np.log10(np.maximum(slow_filters(mels, WINDOW // 2 + 1) @ power, 1e-10))
    return np.maximum(decibels, decibels.max() - RANGE_DB)


@pytest.mark.parametrize("mels", [13, 40])
def test_filters_are_those_of_a_slow_loop(mels):
    filters = mel_filterbank(mels)
    assert np.allclose(filters.numpy(), slow_filters(mels, WINDOW // 2 + 1), atol=1e-6)
    assert (filters.sum(dim=1) > 0).all()  # no band hears nothing
    inside = filters.sum(dim=0)[4:-4]  # neighbours share each frequency between their centres
    assert torch.allclose(inside[:100], torch.ones(100), atol=1e-5)


def test_the_spectrogram_is_that_of_a_slow_loop():
    x = waveforms()
    found = LogMel(40, CPU).decibels(x).numpy()
    assert found.shape == (3, *spectrogram_shape(40, 4000)[1:])
    for row, waveform in zip(found, x.numpy().astype(np.float64), strict=True):
        assert np.abs(row - slow_decibels(waveform, 40)).max() < 0.02


def test_the_spectrogram_is_that_of_scipy():
    x = waveforms(1)
    short = scipy.signal.ShortTimeFFT(
        scipy.signal.windows.hann(WINDOW, sym=False), HOP, RATE, fft_mode="onesided"
    )
    power = np.abs(short.stft(x[0].numpy().astype(np.float64), p0=0, p1=1 + 4000 // HOP)) ** 2
    expected = 10 * np.log10(slow_filters(40, WINDOW // 2 + 1) @ power)
    expected = np.maximum(expected, expected.max() - RANGE_DB)
    assert np.abs(LogMel(40, CPU).decibels(x)[0].numpy() - expected).max() < 0.02


def test_the_spectrogram_is_that_of_librosa():
    librosa = pytest.importorskip("librosa")
    x = waveforms()
    filters = librosa.filters.mel(sr=RATE, n_fft=WINDOW, n_mels=40, htk=True, norm=None)
    assert np.allclose(mel_filterbank(40).numpy(), filters, atol=1e-6)
    found = LogMel(40, CPU).decibels(x).numpy()
    for row, waveform in zip(found, x.numpy(), strict=True):
        mel = librosa.feature.melspectrogram(
            y=waveform, sr=RATE, n_fft=WINDOW, hop_length=HOP, n_mels=40, htk=True, norm=None,
            center=True, pad_mode="constant", power=2.0,
        )  # fmt: skip
        expected = librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=RANGE_DB)
        assert np.abs(row - expected).max() < 0.02


def test_loudness_does_not_show_and_silence_is_finite():
    log_mel, x = LogMel(40, CPU), waveforms()
    spectrograms = log_mel(x)
    assert torch.allclose(spectrograms.mean(dim=(1, 2, 3)), torch.zeros(3), atol=1e-4)
    assert torch.allclose(spectrograms.std(dim=(1, 2, 3)), torch.ones(3), atol=1e-4)
    assert torch.allclose(log_mel(x * 0.1), spectrograms, atol=1e-3)
    assert log_mel(torch.zeros(2, 4000)).eq(0).all()


def test_preparation_of_waveforms_is_exact_and_full_precision_under_autocast():
    shape = spectrogram_shape(40, 4000)
    prepare = Preparation.of(Kind.waveform, shape, (), (), runtime())
    assert isinstance(prepare, WaveformPreparation) and prepare.kind is Kind.waveform
    stored = (waveforms() * 32767).round().to(torch.int16)
    spectrograms = prepare(stored)
    assert spectrograms.shape == (3, *shape)
    assert torch.allclose(spectrograms, LogMel(40, CPU)(stored.float() / 32768), atol=1e-5)
    assert torch.equal(spectrograms, prepare(stored))
    assert torch.allclose(spectrograms[1:2], prepare(stored[1:2]), atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(prepare(stored), spectrograms)


def test_preparation_augments_the_waveform():
    shape = spectrogram_shape(40, 4000)
    prepare = WaveformPreparation(shape, runtime())
    stored = (waveforms() * 32767).round().to(torch.int16)
    augment = Speech()
    expected = LogMel(40, CPU)(augment(stored.float() / 32768, whole(3)))
    assert torch.allclose(prepare(stored, augment, whole(3)), expected, atol=1e-5)
    assert not torch.allclose(prepare(stored), expected, atol=0.1)


def whole(count: int, seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed), count, slice(0, count))


def test_augmentation_draws_for_every_utterance_the_same_for_two_ranks():
    augment, x = Speech(), waveforms(1).expand(6, -1)
    once = augment(x, whole(6))
    assert torch.equal(once, augment(x, whole(6)))
    halves = [
        augment(x[rows], Draw(torch.Generator().manual_seed(0), 6, rows))
        for rows in (slice(0, 3), slice(3, 6))
    ]
    assert torch.allclose(torch.cat(halves), once, atol=1e-6)
    assert all(not torch.allclose(once[i], once[j]) for i in range(6) for j in range(i))


def test_augmentation_without_strength_changes_nothing():
    x = waveforms()
    augment = Speech(shift=0.0, gain=0.0, noise=[-300.0, -300.0])
    assert torch.allclose(augment(x, whole(3)), x, atol=1e-6)


def test_shift_moves_and_fills_with_silence():
    x = torch.arange(1.0, 101.0).expand(64, -1)
    shifted = Speech(shift=0.2, gain=0.0, noise=[-300.0, -300.0])(x, whole(64))
    moves = set()
    for row in shifted.round().long().tolist():
        kept = [value for value in row if value]
        assert kept == list(range(kept[0], kept[0] + len(kept)))
        zeros = len(row) - len(kept)
        late = zeros if row[0] == 0 else -zeros
        expected = [0] * late + list(range(1, 101 - late)) if late >= 0 else [
            *range(1 - late, 101), *([0] * -late)]  # fmt: skip
        assert row == expected and abs(late) <= 20
        moves.add(late)
    assert min(moves) < -10 and max(moves) > 10


def test_gain_and_noise_stay_in_their_ranges():
    x = waveforms(1, 8000).expand(64, -1)
    louder = Speech(shift=0.0, gain=6.0, noise=[-300.0, -300.0])(x, whole(64))
    decibels = 10 * (louder.square().mean(dim=1) / x.square().mean(dim=1)).log10()
    assert decibels.abs().max() <= 6.01 and decibels.min() < -4 and decibels.max() > 4
    noise = Speech(shift=0.0, gain=0.0, noise=[-40.0, -10.0])(x, whole(64)) - x
    level = 10 * (noise.square().mean(dim=1) / x.square().mean(dim=1)).log10()
    assert level.min() > -40.5 and level.max() < -9.5 and level.std() > 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shift": 1.5}, r"shift=1\.5"),
        ({"gain": -1}, r"gain=-1"),
        ({"noise": [-20]}, r"noise=\[-20\]"),
        ({"noise": [-20, -40]}, "must be"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        checked(Speech, **options)
