"""Every reader of files: what comes of a file is the right data, or one clear error that names it.

The readers are found by a rule (``readers.py``); a new one stands in ``READERS`` here, or in
``ELSEWHERE`` with the reason why not.
"""

import bz2
import gzip
import hashlib
import io
import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data.real_formats import idx, usps_text
from PIL import Image
from readers import readers
from safetensors.torch import save
from scipy.io import savemat, wavfile

from translearn.artifacts import checkpoint
from translearn.artifacts.folder import moved_words, stored_config, stored_sources, stored_words
from translearn.artifacts.model import read_model
from translearn.artifacts.pointers import POINTER, pointed
from translearn.artifacts.result import load_result
from translearn.data.files.arrays import matrix, read_npz, whole_numbers
from translearn.data.files.images import decode_image
from translearn.data.files.label_table import table_rows
from translearn.data.files.matlab import cell_strings, read_mat
from translearn.data.files.number_files import read_numbers
from translearn.data.files.texts import text_lines
from translearn.data.identity import PARTS, places
from translearn.data.sets import svhn
from translearn.data.sets.fsdd import read_wav
from translearn.data.sets.mnist import read_idx
from translearn.data.sets.mnist_m import read_photo
from translearn.data.sets.numbers import together
from translearn.data.sets.usps import read_usps
from translearn.errors import CheckpointError, DataError
from translearn.report.html import pictures, read_log
from translearn.semantics.attribute_files import AttributeFiles
from translearn.semantics.word_files import word_vectors


@dataclass(frozen=True)
class Reader:
    """A reader under test.

    Attributes:
        covers: the functions that open the file, as the rule names them.
        file: where it lies below a folder.
        good: its content.
        read: what comes of it, given the folder; compared by its representation.
        raises: the errors that may come instead.
    """

    covers: tuple[str, ...]
    file: str
    good: bytes
    read: Callable[[Path], Any]
    raises: tuple[type[Exception], ...] = (DataError,)


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


NAMES = np.array([["desk"], ["lamp"]], dtype=object)
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
SOUND = (3000 * np.sin(np.arange(2000) / 5)).astype(np.int16)
STATE = written(lambda f: torch.save({"method": {"w": torch.ones(3)}, "progress": {"step": 1}}, f))
CONFIG = b"method: {name: dann}\ndata: {}\nbackbone: {}\nrun: {lr: 0.1}\nseed: 0\nroot: ${seed}\n"
RESULT = json.dumps({"status": "done", "seed": 1, "metrics": {"a/test/accuracy": 0.5}}).encode()


def loaded(folder: Path) -> Any:
    """A checkpoint whose record says that it is whole, whatever it is."""
    content = (folder / "last.pt").read_bytes()
    (folder / "last.pt.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  last.pt\n")
    return checkpoint.load(folder)


def recorded(folder: Path) -> Any:
    """A checkpoint with any record."""
    (folder / "last.pt").write_bytes(STATE)
    return checkpoint.load(folder)


def attributes(folder: Path) -> Any:
    (folder / "c.txt").write_text("1 desk\n2 lamp\n")
    (folder / "a.txt").write_text("1 big\n2 red\n")
    return AttributeFiles("m.txt", "c.txt", "a.txt", root=str(folder)).table()


def of_mat(folder: Path) -> Any:
    content = read_mat(folder / "x.mat", ("att", "names", "loc"))
    path = str(folder / "x.mat")
    return (
        matrix(content["att"], path),
        cell_strings(content["names"], path),
        whole_numbers(content["loc"], path),
    )


def of_npz(folder: Path) -> Any:
    names, rows = read_npz(folder / "x.npz", ("names", "rows"))
    return names, matrix(rows, str(folder / "x.npz"))


def of_numbers(path: Path) -> Any:
    found = together({"file": read_numbers(path, None, None)})["file"]
    return found.x, found.y or (), found.columns


READERS = {
    "npz": Reader(
        ("data.files.arrays.read_npz", "data.files.arrays.npz_names",
         "data.files.arrays.start_of"),
        "x.npz",
        written(lambda f: np.savez_compressed(f, names=["desk", "lamp"], rows=np.eye(2))),
        of_npz,
    ),
    "mat": Reader(
        ("data.files.matlab.read_mat",),
        "x.mat",
        written(lambda f: savemat(f, {"att": np.eye(3), "names": NAMES, "loc": [[1], [2]]})),
        of_mat,
    ),
    "packed mat": Reader(
        ("data.files.matlab.read_mat",),
        "x.mat",
        written(
            lambda f: savemat(
                f, {"att": np.eye(3), "names": NAMES, "loc": [[1]]}, do_compression=True
            )
        ),
        of_mat,
    ),
    "svhn": Reader(
        ("data.files.matlab.read_mat",),
        "x.mat",
        written(
            lambda f: savemat(
                f, {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [10]], np.uint8)}
            )
        ),
        lambda folder: svhn.read_mat(folder / "x.mat"),
    ),
    "idx": Reader(
        ("data.sets.mnist.read_idx", "data.files.checksums.unpacked",
         "data.files.checksums.open_content"),
        "images",
        idx(np.arange(2 * 28 * 28).reshape(2, 28, 28)),
        lambda folder: read_idx(folder / "images"),
    ),
    "usps": Reader(
        ("data.sets.usps.read_usps",),
        "usps.bz2",
        bz2.compress(usps_text(np.linspace(-1, 1, 512).reshape(2, 256), np.array([0, 9])).encode()),
        lambda folder: read_usps(folder / "usps.bz2"),
    ),
    "wav": Reader(
        ("data.sets.fsdd.read_wav",),
        "x.wav",
        written(lambda f: wavfile.write(f, 8000, SOUND)),
        lambda folder: read_wav(folder / "x.wav"),
    ),
    "words": Reader(
        ("semantics.word_files.lines_of", "semantics.word_files.what_it_is"),
        "glove.txt",
        b"the 1 2 3\ndesk 4 0 2\nlamp 0 6 2\n",
        lambda folder: word_vectors(folder / "glove.txt", {"desk", "lamp"}),
    ),
    "attributes": Reader(
        ("semantics.attribute_files.AttributeFiles.table",),
        "m.txt",
        b" 10.0  -1\n 20 30\n",
        attributes,
    ),
    "list": Reader(
        ("data.files.texts.text_lines",),
        "list.txt",
        b"antelope/1.jpg 1\nbat/2.jpg 2\n",
        lambda folder: text_lines(folder / "list.txt"),
    ),
    "npy": Reader(
        ("data.files.number_files.read_array",),
        "x.npy",
        written(lambda f: np.save(f, np.eye(3))),
        lambda folder: read_numbers(folder / "x.npy", None, None).x,
    ),
    "named arrays": Reader(
        ("data.files.arrays.read_npz", "data.files.arrays.npz_names"),
        "x.npz",
        written(lambda f: np.savez(f, x=np.eye(3), y=[0, 1, 0])),
        lambda folder: of_numbers(folder / "x.npz"),
    ),
    "svmlight": Reader(
        ("data.files.sparse_rows.read_sparse",),
        "x.svmlight",
        b"1 1:2 3:0.5\n-1 2:4\n",
        lambda folder: of_numbers(folder / "x.svmlight"),
    ),
    "number table": Reader(
        ("data.files.label_table.parted", "data.files.number_tables.table_lines"),
        "x.csv",
        b"a,b,label\n1,2,cat\n3,4,dog\n",
        lambda folder: of_numbers(folder / "x.csv"),
    ),
    "table": Reader(
        ("data.files.label_table.read_table",),
        "labels.csv",
        b"path,label\n0.png,cat\n2.png,dog\n",
        lambda folder: table_rows(folder / "labels.csv"),
    ),
    "photo": Reader(
        ("data.sets.mnist_m.read_photo",),
        "x.jpg",
        written(lambda f: Image.fromarray(PIXELS).save(f, "JPEG")),
        lambda folder: read_photo(folder / "x.jpg"),
    ),
    "image": Reader(
        ("data.files.images.look_at",),
        "x.png",
        written(lambda f: Image.fromarray(PIXELS).save(f, "PNG")),
        lambda folder: decode_image(folder / "x.png", 8),
    ),
    "model": Reader(
        ("artifacts.model.read_model",),
        "model.safetensors",
        save({"w": torch.ones(2)}, {"translearn": '{"tasks": {}}'}),
        lambda folder: read_model(folder / "model.safetensors"),
        (CheckpointError,),
    ),
    "checkpoint": Reader(
        ("artifacts.checkpoint._state", "artifacts.checkpoint._content"),
        "last.pt",
        STATE,
        loaded,
        (CheckpointError,),
    ),
    "record of a checkpoint": Reader(
        ("artifacts.checkpoint._digests",),
        "last.pt.sha256",
        f"{hashlib.sha256(STATE).hexdigest()}  last.pt\n".encode(),
        recorded,
        (CheckpointError,),
    ),
    "config.yaml": Reader(
        ("artifacts.folder.unfilled_config",),
        ".hydra/config.yaml",
        CONFIG,
        stored_config,
        (CheckpointError,),
    ),
    "overrides.yaml": Reader(
        ("artifacts.folder.stored_words",),
        ".hydra/overrides.yaml",
        b"- seed=1\n- run.lr=0.1\n",
        stored_words,
        (ValueError,),
    ),
    "moved.yaml": Reader(
        ("artifacts.folder.moved_words",),
        ".hydra/moved.yaml",
        b'["data.source=/a", "data.target=/b"]',
        moved_words,
        (ValueError,),
    ),
    "data.json": Reader(
        ("data.identity.places", "engine.data_record.refuse_learned_test"),
        "data.json",
        json.dumps({"tasks": {}, "places": {"source": dict.fromkeys(PARTS, "0 a")}}).encode(),
        places,
        (CheckpointError,),
    ),
    "hydra.yaml": Reader(
        ("artifacts.folder.stored_sources",),
        ".hydra/hydra.yaml",
        b"hydra: {runtime: {config_sources: [{path: /a, provider: command-line}]}}\n",
        stored_sources,
        (ValueError,),
    ),
    "pointer": Reader(
        ("artifacts.pointers.pointed",), POINTER, b"../other\n", pointed, (ValueError,)
    ),
    "result.json": Reader(
        ("artifacts.result.load_result",), "result.json", RESULT, load_result, (ValueError,)
    ),
    "metrics.jsonl": Reader(
        ("report.html.read_log", "report.choices.points_of", "engine.pictures.gather"),
        "metrics.jsonl",
        b'{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n',
        lambda folder: read_log(folder / "metrics.jsonl"),
        (),
    ),
    "picture": Reader(
        ("report.html.pictures",),
        "figures/x.png",
        written(lambda f: Image.fromarray(PIXELS).save(f, "PNG")),
        pictures,
        (),
    ),
}  # fmt: skip


SYSTEM = "reads what the system says of itself"
OURS = "reads what this package or this process has written a moment ago"
CONF = "reads the files of the package, which come with it"
ELSEWHERE = {
    "artifacts.atomic.sync_folder": "opens a folder, not a file",
    "artifacts.trackers.MLflow.__init__": "an unknown name of a run ends the tracker alone",
    "system.network.reachable": "asks whether an address answers; nothing is read",
    "backbones.timm.efficientnet_lite0_weights": "reads weights that pip has installed",
    "commands.claims.read_claims": CONF,
    "commands.export._safetensors": "reads a model that read_model has read before",
    "commands.export._program": OURS,
    "commands.table.draw_page": "test_pages.py",
    "commands.verify.told": OURS,
    "engine.data_record.refuse_changed": "test_data_record.py, with broken records",
    "engine.feature_cache.read": "what is damaged is computed again: test_feature_cache",
    "engine.feature_cache.digest_of": OURS,
    "data.files.compared.digests": "a broken cache is written anew: test_data_record",
    "data.files.compared.sha256_of": "any bytes have a checksum",
    "data.files.compared.remembered": "compares; what differs is read again: test_data_compared",
    "data.files.checksums.content_sha256": "compares; whatever differs is told: test_data_download",
    "data.files.checksums.file_md5": "compares; whatever differs is told: test_data_download",
    "data.files.download.fetch": "test_data_download.py, test_download_bounds.py",
    "data.files.receiving.open_address.ask": "test_data_download.py, test_download_bounds.py",
    "data.files.receiving.urlopen": "test_data_download.py, test_download_bounds.py",
    "data.files.receiving.extract_samples": "test_data_download.py, test_download_bounds.py",
    "data.sets.catalog.data_needs": CONF,
    "data.sets.mnist_m.load_mnist_m": CONF,
    "launch.help.choices": CONF,
    "launch.help.parts": CONF,
    "launch.ranks.reported": OURS,
    "engine.number_pictures.draw_numbers": OURS,
    "launch.values.parsed": CONF,
    "processor.read_cpuinfo": SYSTEM,
    "system.memory._of_container": SYSTEM,
    "system.memory._of_machine": SYSTEM,
    "system.memory._of_process": SYSTEM,
    "system.memory._page_cache": SYSTEM,
    "data.files.images.begins_as_image": "asks what a file is; of all others it says no",
    "renamed.__init__._inline_parts": CONF,
    "renamed.__init__._chosen_parts": CONF,
    "system.locks.Lock._abandoned": "test_locks.py",
    "system.locks._began": SYSTEM,
    "system.terminal.guarded": "opens the null device",
}


def test_every_reader_is_tried_or_has_a_reason():
    tried = {place for reader in READERS.values() for place in reader.covers}
    found = {place for place in readers() if not place.startswith("system.reading.")}
    assert found - tried - set(ELSEWHERE) == set(), "add them to READERS, or say why not"
    assert (tried | set(ELSEWHERE)) - found == set(), "they open nothing any more"
    assert not tried & set(ELSEWHERE)


OF_NUMBERS = (
    "npy",
    "named arrays",
    "svmlight",
    "number table",
    "npz",
    "mat",
    "packed mat",
    "words",
    "attributes",
    "usps",
)


SAME: dict[str, Callable[[bytes], bytes]] = {  # the same data in another dress: right, or refused
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "gzip twice": lambda good: gzip.compress(gzip.compress(good)),
    "unpacked": lambda good: bz2.decompress(good) if good[:3] == b"BZh" else good,
    "a mark before it": lambda good: b"\xef\xbb\xbf" + good,
    "lines of Windows": lambda good: good.replace(b"\n", b"\r\n") if good.isascii() else good,
}


OTHER: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda good: b"",
    "a blank": lambda good: b"\n",
    "the first byte": lambda good: good[:1],
    "half": lambda good: good[: len(good) // 2],
    "all but a byte": lambda good: good[:-1],
    "zeros": lambda good: bytes(1000),
    "ones": lambda good: b"\xff" * 1000,
    "zeros behind its head": lambda good: good[:40] + bytes(len(good)),
    "a huge head": lambda good: b"\xff" * 8 + good[8:],
    "huge sizes": lambda good: good[:4] + b"\x7f" + b"\xff" * 11 + good[16:],
    "UTF-16": lambda good: good.decode("latin-1").encode("utf-16"),
    "other letters": lambda good: good + "straße ñandú".encode("latin-1"),
    "a page of errors": lambda good: b"<!DOCTYPE html><html><body>404</body></html>",
    "a pointer of LFS": lambda good: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "a zip": lambda good: b"PK\x03\x04" + bytes(100),
    "a pickle": lambda good: b"\x80\x04\x95" + bytes(100),
    "not a number": lambda good: good.replace(b"0", b"nan").replace(b"2", b"nan"),
    "infinite": lambda good: good.replace(b"0", b"1e999").replace(b"2", b"inf"),
    "words for numbers": lambda good: good.replace(b"0", b"two").replace(b"2", b"two"),
    "gzip cut off": lambda good: gzip.compress(good)[:-9],
    "a bomb": lambda good: gzip.compress(bytes(2**28), 1) if len(good) < 2**12 else b"",
    "no end of a line": lambda good: b"x " + b"1" * 300_000,
}


def flipped(good: bytes, seed: int) -> bytes:
    """A few bytes of it changed, taken out or put in."""
    draws, content = random.Random(seed), bytearray(good)
    for _ in range(draws.randint(1, 4)):
        place = draws.randrange(len(content))
        match draws.randrange(4):
            case 0:
                content[place] ^= 1 << draws.randrange(8)
            case 1:
                content[place] = draws.randrange(256)
            case 2:
                del content[place : place + draws.randint(1, 8)]
            case _:
                content[place:place] = draws.randbytes(draws.randint(1, 8))
        content = content or bytearray(1)
    return bytes(content)


def outcome(reader: Reader, content: bytes, folder: Path) -> str | None:
    """What comes of a file, as text; None where it was refused as it should be."""
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return read(reader, folder)


def read(reader: Reader, folder: Path) -> str | None:
    start = time.process_time()
    try:
        return shown(reader.read(folder))
    except reader.raises as error:
        told = str(error)
        assert told and len(told.splitlines()) <= 6 and len(told) < 1500, told
        assert reader.raises == (ValueError,) or str(folder) in told, told
        return None
    finally:
        assert time.process_time() - start < 5


def shown(value: Any) -> str:
    """A value as text that two equal ones share."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return f"{value.dtype}{tuple(value.shape)}{np.asarray(value).tolist()}"
    if isinstance(value, dict):
        return str({key: shown(one) for key, one in value.items()})
    return f"[{', '.join(map(shown, value))}]" if isinstance(value, list | tuple) else str(value)


@pytest.mark.parametrize("name", READERS)
def test_a_good_file_is_read(name, tmp_path):
    assert outcome(READERS[name], READERS[name].good, tmp_path)


@pytest.mark.parametrize("name", READERS)
def test_another_dress_is_right_or_refused(name, tmp_path):
    reader = READERS[name]
    good = outcome(reader, reader.good, tmp_path)
    for kind, change in SAME.items():
        assert outcome(reader, change(reader.good), tmp_path) in (good, None, "[]", "{}"), kind


@pytest.mark.parametrize("kind", [k for k in OTHER if k != "a bomb"])
@pytest.mark.filterwarnings("error")
def test_what_is_no_such_file_is_refused_or_read_as_what_it_is(kind, tmp_path):
    for name, reader in READERS.items():
        found = outcome(reader, OTHER[kind](reader.good), tmp_path / name)
        assert (
            name not in OF_NUMBERS or found is None or ("nan" not in found and "inf" not in found)
        )


@pytest.mark.full
@pytest.mark.parametrize("name", READERS)
def test_a_bomb_is_refused_in_time(name, tmp_path):
    outcome(READERS[name], OTHER["a bomb"](READERS[name].good), tmp_path)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "seeds", [range(5), pytest.param(range(5, 400), marks=pytest.mark.full)], ids=["few", "many"]
)
def test_a_changed_byte_is_refused_or_read_as_what_it_is(name, seeds, tmp_path):
    for seed in seeds:
        outcome(READERS[name], flipped(READERS[name].good, seed), tmp_path)


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_regular_file_is_not_waited_for(name, tmp_path):
    reader = READERS[name]
    path = tmp_path / reader.file
    if name in ("checkpoint", "wav", "photo", "image", "model"):
        return  # their callers ask first whether it is a file
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    assert read(reader, tmp_path) in (None, "[]", "{}")
    path.unlink()
    path.mkdir()
    try:
        assert read(reader, tmp_path) in (None, "[]", "{}")
    except OSError as error:
        assert str(path) in str(error)
