"""Spoken digits: tiny recordings in the real layout, and the real ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from real_formats import real_root, write_fsdd
from scipy.io import wavfile

from translearn.data.arrangements.speakers import SpeakerPair
from translearn.data.sets.catalog import FSDD
from translearn.data.sets.fsdd import fit_length, read_wav
from translearn.data.types import Kind
from translearn.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("speech")
    write_fsdd(root)
    return root


def spoken(root, **options):
    options = {"target_speaker": "bob", "download": False, **options}
    return SpeakerPair(str(root), **options)


def test_speakers_make_the_domains_and_the_published_indices_the_test(root):
    tasks = spoken(root, length=4000, mels=32).load()
    assert tasks.name == "fsdd:others->bob" and tasks.protocol == "published"
    assert tasks.input_shape == tasks.shape("target") == (1, 32, 32)
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert source.kind is target.kind is Kind.waveform
    assert (source.name, target.name) == ("fsdd:ann+cleo", "fsdd:bob")
    assert [len(s) for s in (source.train, source.val, source.test)] == [36, 4, 100]
    assert [len(s) for s in (target.train, target.val, target.test)] == [18, 2, 50]
    folder = root / FSDD.resources[0].path
    wanted = [fit_length(read_wav(folder / f"3_bob_{i}.wav"), 4000) for i in range(5)]
    assert target.test.x.dtype == torch.int16
    assert torch.equal(target.test.x[target.test.y == 3], torch.stack(wanted))


def test_the_seed_moves_validation_alone(root):
    first, second = (spoken(root, split_seed=seed).load().tasks["source"] for seed in (0, 1))
    assert torch.equal(first.test.x, second.test.x)
    assert not torch.equal(first.val.x, second.val.x)
    rows = [{tuple(x.tolist()) for x in torch.cat([d.train.x, d.val.x])} for d in (first, second)]
    assert rows[0] == rows[1]


def test_chosen_speakers_and_a_label_budget(root):
    tasks = spoken(
        root, source_speakers=["cleo"], val_fraction=0.0, target_labels_per_class=1
    ).load()
    assert tasks.name == "fsdd:cleo->bob"
    assert len(tasks.tasks["source"].test) == 50
    assert torch.bincount(tasks.tasks["target"].train.y).tolist() == [1] * 10
    assert tasks.tasks["target"].kind is Kind.waveform
    assert len(tasks.tasks["target"].unlabelled) == 10


def test_recordings_are_cut_or_padded_on_both_sides():
    short = fit_length(torch.tensor([1, 2, 3], dtype=torch.int16), 6)
    assert short.tolist() == [0, 1, 2, 3, 0, 0] and short.dtype == torch.int16
    assert fit_length(torch.arange(7), 4).tolist() == [2, 3, 4, 5]
    assert fit_length(torch.arange(4), 4).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"target_speaker": "bop"},
            r"target_speaker: no recordings of bop; did you mean bob",
        ),
        ({"source_speakers": ["kleo"]}, r"source_speakers: no .* kleo; did you mean cleo"),
        ({"source_speakers": ["bob"]}, "name each speaker once"),
        ({"source_speakers": ["ann", "ann"]}, "name each speaker once"),
        ({"source_speakers": []}, "give a list"),
        ({"length": 10}, r"data\.length=10 must be at least 256"),
        ({"mels": 0}, r"data\.mels=0 must be at least 1"),
    ],
)
def test_wrong_options_are_told(options, message, root):
    with pytest.raises(ConfigError, match=message):
        spoken(root, **options).load()


def test_a_speaker_alone_is_no_pair(tmp_path):
    write_fsdd(tmp_path, speakers=("bob",), count=6)
    with pytest.raises(DataError, match="recordings of bob alone"):
        spoken(tmp_path).load()


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] = 0
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), r"4_ann_2\.wav is missing"),
        (lambda path: path.write_bytes(b"RIFF no wave"), r"cannot read .*4_ann_2\.wav"),
        (lambda path: path.write_bytes(b""), r"cannot read .*4_ann_2\.wav"),
        (lambda path: path.write_bytes(path.read_bytes()[:999]), r"cannot read .*_2\.wav: .*EOF"),
        (lambda path: path.write_bytes(path.read_bytes()[:30]), r"cannot read .*4_ann_2\.wav"),
        (lambda path: flip(path, 32), r"cannot read .*4_ann_2\.wav"),
        (lambda path: wavfile.write(path, 16000, np.ones(9, np.int16)),
         r"4_ann_2\.wav must be 8000 Hz, mono, 16 bit; it is 16000 Hz"),
        (lambda path: wavfile.write(path, 8000, np.ones((9, 2), np.int16)), r"shape \(9, 2\)"),
        (lambda path: wavfile.write(path, 8000, np.ones(9, np.float32)), "float32"),
    ],
)  # fmt: skip
def test_missing_broken_and_strange_files_are_named(damage, message, root, tmp_path):
    shutil.copytree(root, tmp_path / "copy")
    damage(tmp_path / "copy" / FSDD.resources[0].path / "4_ann_2.wav")
    with pytest.raises(DataError, match=message) as caught:
        spoken(tmp_path / "copy").load()
    assert len(str(caught.value).splitlines()) <= 6


def test_too_few_recordings_and_none_at_all(tmp_path):
    with pytest.raises(DataError, match=r"the data set fsdd is missing.*FSDD/recordings"):
        spoken(tmp_path).load()
    write_fsdd(tmp_path, count=5)
    with pytest.raises(DataError, match="at least 6 are needed"):
        spoken(tmp_path).load()


@pytest.mark.realdata
def test_the_published_recordings():
    root = real_root()
    (resource,) = FSDD.resources
    found = resource.find(Path(root))
    assert found == Path(root) / "FSDD/recordings" and resource.matches(found)
    tasks = SpeakerPair(root, "george").load()
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert [len(s) for s in (source.train, source.val, source.test)] == [2025, 225, 250]
    assert [len(s) for s in (target.train, target.val, target.test)] == [405, 45, 50]
    assert source.name == "fsdd:jackson+lucas+nicolas+theo+yweweler"
    assert torch.bincount(target.test.y).tolist() == [5] * 10
    assert (source.train.x != 0).any(dim=1).all()


@pytest.mark.parametrize("kept", [0, 20, 43])
def test_a_header_that_breaks_off_is_told_as_such(kept, root, tmp_path):
    path = tmp_path / "cut.wav"
    path.write_bytes((root / FSDD.resources[0].path / "3_bob_0.wav").read_bytes()[:kept])
    with pytest.raises(DataError, match=r"cut\.wav") as told:
        read_wav(path)
    assert "unpack" not in str(told.value)


@pytest.mark.parametrize("length", [400, 1600, 8000])
def test_recordings_that_lose_their_ends_are_told(length, root, caplog):
    caplog.set_level("INFO")
    spoken(root, length=length).load()
    told = [line for line in caplog.messages if "lose both ends" in line]
    assert len(told) == (0 if length == 8000 else 2)  # of the source, and of the target
    assert all(f"longer than {length / 8000:g} s" in line for line in told)
