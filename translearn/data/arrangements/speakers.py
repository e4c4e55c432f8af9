"""A pair of speakers of the spoken digits."""

from collections.abc import Sequence

from translearn.data.arrangements.pair import SamplesPair
from translearn.data.sets.fsdd import SpokenDigits
from translearn.errors import ConfigError
from translearn.ranges import Count, Part, Seed, Width


class SpeakerPair(SamplesPair):
    """Ten spoken digits; source and target are different speakers.

    Args:
        root: the data root folder.
        target_speaker: whose recordings are the target.
        source_speakers: whose recordings are the source; None: all the others.
        length: samples of every waveform, as in ``SpokenDigits``.
        mels: bands of a spectrogram.
        val_fraction: share of each training split cut off for validation.
        split_seed: decides that cut.
        target_labels_per_class: keep only so many target labels of each class, or None.
        download: whether missing files are downloaded.

    Raises:
        ConfigError: a value is out of range, or a speaker is named twice.
    """

    def __init__(
        self,
        root: str,
        target_speaker: str = "george",
        source_speakers: Sequence[str] | None = None,
        length: Count = 8000,
        mels: Width = 40,
        val_fraction: Part = 0.1,
        split_seed: Seed = 0,
        target_labels_per_class: Count | None = None,
        download: bool = True,
    ) -> None:
        if source_speakers is not None and not source_speakers:
            raise ConfigError("data.source_speakers=[]: give a list such as [george,lucas]")
        named = list(source_speakers or ())
        if len({*named, target_speaker}) <= len(named):
            raise ConfigError(
                f"data.source_speakers={named} and "
                f"data.target_speaker={target_speaker}: name each speaker once"
            )
        readers = {
            "source": SpokenDigits(
                root, source_speakers, target_speaker, length, mels, download, "source_speakers"
            ),
            "target": SpokenDigits(
                root, [target_speaker], None, length, mels, download, "target_speaker"
            ),
        }
        title = f"fsdd:{'+'.join(named) or 'others'}->{target_speaker}"
        super().__init__(title, readers, val_fraction, split_seed, target_labels_per_class)
