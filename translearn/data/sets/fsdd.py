"""Spoken digits: the Free Spoken Digit Dataset, 3000 recordings of six speakers."""

import logging
import struct
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.io import wavfile
from torch import Tensor
from torch.nn import functional as F

from translearn.data.files.download import data_root, require
from translearn.data.files.listing import few, list_files, refuse_special
from translearn.data.pipeline.speech import RATE, WINDOW, spectrogram_shape
from translearn.data.sets.catalog import FSDD
from translearn.data.sets.digit_images import CLASSES
from translearn.data.types import Kind, Reader, Samples, Split
from translearn.errors import ConfigError, DataError, nearest
from translearn.ranges import Count, Width

log = logging.getLogger(__name__)


TEST_RECORDINGS = 5  # of each digit by each speaker: indices 0 to 4, as published


Recordings = Mapping[str, Mapping[str, int]]  # speaker -> digit -> how many, numbered from 0


class SpokenDigits(Reader):
    """Ten spoken digits: ``FSDD/recordings/{digit}_{speaker}_{index}.wav``, 8 kHz mono 16 bit.

    The recordings of index 0 to 4 are the test split, as published. Speakers are those whose files
    lie there: your own recordings may stand beside the published ones.

    Args:
        root: the data root folder.
        speakers: whose recordings are read; None: those of all speakers but ``without``.
        without: a speaker who is left out, or None.
        length: samples of every waveform; shorter recordings get silence on both sides, longer
            ones lose both ends.
        mels: bands of a spectrogram.
        download: whether missing files are downloaded.
        option: what messages call ``speakers``.

    Raises:
        ConfigError: a value is out of range.
    """

    needs = (FSDD,)

    def __init__(
        self,
        root: str,
        speakers: Sequence[str] | None = None,
        without: str | None = None,
        length: Count = 8000,
        mels: Width = 40,
        download: bool = True,
        option: str = "speakers",
    ) -> None:
        for key, value, least in (("length", length, WINDOW), ("mels", mels, 1)):
            if value < least:
                raise ConfigError(f"data.{key}={value} must be at least {least}")
        self.root, self.speakers, self.without, self.option = root, speakers, without, option
        self.length, self.mels, self.download = length, mels, download

    def read(self) -> Samples:
        """Read the recordings of the chosen speakers.

        Raises:
            ConfigError: a speaker does not exist.
            DataError: files are missing or broken.
        """
        folder = fsdd_folder(self.root, self.download)
        listing = list_files(folder, why_not_named)
        listing = listing.without("in a folder below", [n for n in listing.files if "/" in n])
        found = recordings(listing.files)
        others = [speaker for speaker in found if speaker != self.without]
        speakers = others if self.speakers is None else list(self.speakers)
        for name in speakers:
            if name not in found:
                known = nearest(str(name), found)
                raise ConfigError(f"data.{self.option}: no recordings of {name}{known}")
        if not speakers:
            raise DataError(f"{folder} holds recordings of {self.without} alone")
        train, test = read_speakers(folder, found, speakers, self.length)
        unused = [name for name in listing.files if named_parts(name)[1] not in speakers]
        everybody = self.speakers is None and self.without is None
        name = "fsdd" if everybody else f"fsdd:{'+'.join(speakers)}"
        shape = spectrogram_shape(self.mels, self.length)
        return Samples(name, CLASSES, train, test, Kind.waveform, shape, "published",
                       listing=listing.without("of other speakers", unused))  # fmt: skip


def fsdd_folder(root: str, download: bool) -> Path:
    """The folder of recordings, downloaded if it is missing.

    Raises:
        DataError: it is missing.
    """
    folder = data_root(root) / FSDD.resources[0].path
    if not any(folder.glob("*.wav")):
        (folder,) = require(FSDD, root, download)
    return folder


def read_speakers(
    folder: Path, found: Recordings, speakers: Sequence[str], length: int
) -> tuple[Split, Split]:
    """The training and the test recordings of some speakers, as int16 (N, length).

    Raises:
        DataError: a file is missing or broken.
    """
    train: list[tuple[Tensor, int]] = []
    test: list[tuple[Tensor, int]] = []
    cut: list[Path] = []
    for speaker in speakers:
        for label, digit in enumerate(CLASSES):
            for index in range(checked_count(folder, found, speaker, digit)):
                path = folder / f"{digit}_{speaker}_{index}.wav"
                waveform = read_wav(path)
                if len(waveform) > length:
                    cut.append(path)
                kept = (fit_length(waveform, length), label)
                (test if index < TEST_RECORDINGS else train).append(kept)
    if cut:
        log.info("%s", told_cut(cut, length))
    return as_split(train), as_split(test)


def recordings(names: Iterable[str]) -> Recordings:
    """What files are, by their names: speaker -> digit -> one more than the largest index."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for name in names:
        digit, speaker, index = named_parts(name)
        found[speaker][digit] = max(found[speaker][digit], int(index) + 1)
    return {speaker: dict(counts) for speaker, counts in sorted(found.items())}


def named_parts(name: str) -> tuple[str, str, str]:
    """Digit, speaker and index in the name of a file."""
    digit, _, rest = name.removesuffix(".wav").partition("_")
    speaker, _, index = rest.rpartition("_")
    return digit, speaker, index


def why_not_named(path: Path) -> str:
    """Why a file is none of the recordings of digits; empty if it is one."""
    digit, speaker, index = named_parts(path.name)
    of_a_digit = digit in CLASSES and speaker and index.isdecimal()
    return "" if path.suffix == ".wav" and of_a_digit else "not named DIGIT_SPEAKER_INDEX.wav"


def checked_count(folder: Path, found: Recordings, speaker: str, digit: str) -> int:
    """How many recordings of a digit a speaker has: as many as of every other digit.

    Raises:
        DataError: they are too few to train and test on, or one is missing; it is named.
    """
    count = max(found[speaker].values())
    if count <= TEST_RECORDINGS:
        raise DataError(
            f"{folder} has {count} recordings of a digit by {speaker}; at least "
            f"{TEST_RECORDINGS + 1} are needed: index 0 to 4 for the test, the others for training"
        )
    for index in range(count):
        path = folder / f"{digit}_{speaker}_{index}.wav"
        if not path.is_file():
            raise DataError(
                f"the recording {path} is missing; {speaker} has up to {count} of each digit\n"
                "get it: tl-data prepare fsdd, or record it: 8 kHz, mono, 16 bit"
            )
    return count


def why_no_recording(path: Path) -> str:
    """Why a file is left out of the recordings; empty if it is named as one."""
    return (
        "" if path.suffix.lower() == ".wav" else f"of another kind ({path.suffix or 'no suffix'})"
    )


def read_wav(path: Path) -> Tensor:
    """The int16 samples (T,) of a file.

    Raises:
        DataError: it cannot be read, or is not 8 kHz mono 16 bit; the message names it.
    """
    try:
        refuse_special(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks of other programs
            # a file that breaks off would be read as a shorter one
            warnings.filterwarnings("error", "Reached EOF", wavfile.WavFileWarning)
            rate, samples = wavfile.read(path)
    except Exception as error:  # scipy raises a dozen types on a damaged header
        broken = isinstance(error, UnboundLocalError | struct.error)
        why = "its header is broken" if broken else f"{error}"
        raise DataError(
            f"cannot read the recording {path}: {why}\n"
            "delete it and run tl-data prepare fsdd, or replace it"
        ) from error
    if rate != RATE or samples.dtype != np.int16 or samples.ndim != 1 or not len(samples):
        kind = f"{rate} Hz, {samples.dtype}, shape {samples.shape}"
        raise DataError(
            f"the recording {path} must be {RATE} Hz, mono, 16 bit; it is {kind}\nconvert it first"
        )
    if len(samples) < WINDOW or not samples.any():
        what = "silence" if len(samples) >= WINDOW else f"{len(samples)} samples"
        raise DataError(f"the recording {path} holds no sound, but {what}\nreplace or delete it")
    return torch.from_numpy(np.array(samples))


def told_cut(paths: Sequence[Path], length: int) -> str:
    """What to say of recordings that lose both ends."""
    names = few([path.name for path in paths], 3)
    return f"{len(paths)} recordings longer than {length / RATE:g} s lose both ends: {names}"


def fit_length(waveform: Tensor, length: int) -> Tensor:
    """The middle ``length`` samples, or all of them in the middle of silence."""
    before = (length - len(waveform)) // 2
    return F.pad(waveform, (before, length - len(waveform) - before))


def as_split(samples: Sequence[tuple[Tensor, int]]) -> Split:
    """Waveforms with their labels: int16 (N, T) and int64 (N,)."""
    return Split(torch.stack([w for w, _ in samples]), torch.tensor([y for _, y in samples]))
