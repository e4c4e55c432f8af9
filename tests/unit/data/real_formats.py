"""Writes tiny data sets in their real formats, and finds the real ones."""

import bz2
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from scipy.io import wavfile


def real_root() -> str:
    """The data root of ``realdata`` tests; skips where there is none."""
    root = os.environ.get("TRANSLEARN_DATA")
    if not root:
        pytest.skip("TRANSLEARN_DATA is not set")
    return root


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def digits(count: int, edge: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, edge, edge)) * (
        random.random((count, edge, edge)) > 0.6
    )
    return images.astype(np.uint8), np.arange(count) % 10


def write_mnist(root: Path, train: int = 40, test: int = 20, packed: bool = False) -> None:
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for split, count in (("train", train), ("t10k", test)):
        images, labels = digits(count, 28, seed=count)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = folder / f"{split}-{name}-ubyte"
            if packed:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(idx(array)))
            else:
                path.write_bytes(idx(array))


def usps_text(values: np.ndarray, labels: np.ndarray) -> str:
    rows = (" ".join(f"{i + 1}:{v:g}" for i, v in enumerate(row)) for row in values)
    return "".join(f"{label + 1} {row}\n" for label, row in zip(labels, rows, strict=True))


def write_usps(root: Path, train: int = 40, test: int = 20) -> None:
    folder = root / "USPS"
    folder.mkdir(parents=True)
    for name, count in (("usps.bz2", train), ("usps.t.bz2", test)):
        images, labels = digits(count, 16, seed=count)
        text = usps_text(images.reshape(count, -1) / 127.5 - 1, labels)
        (folder / name).write_bytes(bz2.compress(text.encode()))


def write_svhn(root: Path, train: int = 40, test: int = 20) -> dict[str, np.ndarray]:
    folder = root / "SVHN"
    folder.mkdir(parents=True)
    written = {}
    for name, count in (("train", train), ("test", test)):
        images = np.random.default_rng(count).integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        labels = (np.arange(count) % 10 + 1).astype(np.uint8)[:, None]  # 1 to 10, where 10 is 0
        scipy.io.savemat(folder / f"{name}_32x32.mat", {"X": images, "y": labels})
        written[name] = images
    return written


def write_image(path: Path, seed: int = 0, edge: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (edge, edge, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_classes(folder: Path, counts: dict[str, int], suffix: str = ".jpg") -> None:
    for name, count in counts.items():
        for number in range(count):
            write_image(folder / name / f"image_{number:03}{suffix}", seed=number)


def write_fsdd(root: Path, speakers=("ann", "bob", "cleo"), count: int = 7, rate: int = 8000):
    """Recordings as FSDD has them: a digit is two tones, shifted a little by the speaker."""
    folder = root / "FSDD" / "recordings"
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for place, speaker in enumerate(speakers):
        for digit in range(10):
            for index in range(count):
                time = np.arange(1500 + 100 * digit + random.integers(300)) / rate
                low, high = 250 + 60 * (digit % 5) + 15 * place, 1100 + 500 * (digit // 5)
                wave = np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)
                noisy = 6000 * wave + random.normal(0, 60, len(time))
                path = folder / f"{digit}_{speaker}_{index}.wav"
                wavfile.write(path, rate, noisy.astype(np.int16))
    return folder
