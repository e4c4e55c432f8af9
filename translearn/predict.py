"""tl-predict: labels images or recordings with a trained run."""

import argparse
import csv
import io
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as tl-run, before torch is imported

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.data import DataLoader

from translearn.config import Config, Device, Precision, RunConfig
from translearn.data.domain import Kind
from translearn.data.files import SUFFIXES, FileImages
from translearn.data.folder import visible_files
from translearn.data.fsdd import fit_length, read_wav
from translearn.data.loaders import ImageDataset, decoded
from translearn.data.preparation import Preparation
from translearn.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    DiskError,
    TranslearnError,
    reader_left,
)
from translearn.folders import stored_config
from translearn.methods.base import Method
from translearn.report.labelled import MOST_IN_GRID, Line, draw_grid, write_json
from translearn.runtime import Runtime, loses_in_bf16
from translearn.semantics.base import Restored
from translearn.work import build_method

FILES = {Kind.image: ("images", SUFFIXES), Kind.waveform: ("recordings (.wav)", (".wav",))}


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``tl-predict`` command.

    Returns:
        0, or the exit code of the error that it printed.
    """
    parser = argparse.ArgumentParser(
        prog="tl-predict",
        description="Label images or recordings with a trained run: CSV, a line a file.",
    )
    parser.add_argument("run", metavar="RUN", help="run folder")
    parser.add_argument(
        "files", metavar="FOLDER|FILE", help="folder, searched through; or one image or .wav"
    )
    parser.add_argument("--out", metavar="FILE", help="write here instead of printing")
    parser.add_argument(
        "--top", metavar="K", type=int, default=1, help="the K likeliest labels (1)"
    )
    parser.add_argument("--json", action="store_true", help="a JSON list instead of CSV")
    parser.add_argument(
        "--grid", metavar="FILE.png", help=f"also draw the first {MOST_IN_GRID} images, labelled"
    )
    given = parser.parse_args(arguments)
    try:
        check_files(given.out, given.grid)
        predictor, top = Predictor.load(Path(given.run)), Path(given.files)
        kind = predictor.prepare.kind
        paths = found_files(top, kind)
        if not 1 <= given.top <= predictor.num_classes:
            raise ConfigError(
                f"--top {given.top}: choose 1 to {predictor.num_classes}, the classes of the run"
            )
        if given.grid is not None and kind is not Kind.image:
            raise ConfigError(f"--grid draws images, and {given.run} was trained on {kind}s")
        names = [(p.relative_to(top) if p != top else p).as_posix() for p in paths]
        labelled = predictor.predict(paths, given.top)
        lines: Iterable[Line] = (
            Line(name, *found) for name, found in zip(names, labelled, strict=True)
        )
        if given.grid is not None:
            lines = list(lines)
            images = FileImages(tuple(paths), predictor.stored_size)
            draw_grid(Path(given.grid), images, lines, f"labelled as {predictor.task}")
        put = write_json if given.json else write
        if given.out is None:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(errors="surrogateescape")  # file names may be any bytes
            put(sys.stdout, lines, given.top)
            sys.stdout.flush()
        else:
            write_file(Path(given.out), lines, given.top, put)
    except TranslearnError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        reader_left()
    except KeyboardInterrupt:
        return 130
    return 0


def found_files(folder: Path, kind: Kind) -> list[Path]:
    """The images, or the ``.wav`` files, in a folder and below, sorted; or the one file.

    Raises:
        DataError: there are none.
    """
    name, suffixes = FILES[kind]
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise DataError(
            f"{folder} is not a folder and no file\ngive the folder that holds the {name}, or one"
        )
    paths = visible_files(folder, suffixes)
    if not paths:
        raise DataError(f"no {name} in {folder}\ngive a folder that holds {name}, also nested")
    return paths


def write(file: TextIO, lines: Iterable[Line], top: int) -> None:
    """Write the CSV: path, label, probability; then label_2, probability_2 and so on.

    A method that describes what it sees adds the column ``attributes``.
    """
    writer = csv.writer(file, lineterminator="\n")
    more = [f"{name}_{k}" for k in range(2, top + 1) for name in ("label", "probability")]
    for number, (path, labels, description) in enumerate(lines):
        last = [] if description is None else [description]
        if number == 0:
            header = ("path", "label", "probability", *more)
            writer.writerow((*header, "attributes") if last else header)
        cells = [cell for label, probability in labels for cell in (label, f"{probability:.4f}")]
        writer.writerow((path, *cells, *last))


def check_files(out: str | None, grid: str | None) -> None:
    """Tell before the images are read that a file cannot be written.

    Raises:
        ConfigError: the grid is no .png.
        DiskError: a folder does not exist.
    """
    for option, name in (("--out", out), ("--grid", grid)):
        if name is not None and not Path(name).parent.is_dir():
            raise DiskError(f"cannot write {option} {name}: no folder {Path(name).parent}")
    if grid is not None and not grid.lower().endswith(".png"):
        raise ConfigError(f"--grid {grid}: name a file that ends in .png")


def write_file(
    path: Path, lines: Iterable[Line], top: int, put: Callable[[TextIO, Iterable[Line], int], None]
) -> None:
    """Write to a file, once every image is labelled.

    Raises:
        DiskError: the file cannot be written.
    """
    complete = list(lines)
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            put(file, complete, top)
    except OSError as error:
        raise DiskError(f"cannot write --out {path}: {error.strerror}") from error


@dataclass(frozen=True)
class Predictor:
    """A trained method with the preprocessing it was trained with.

    Attributes:
        method: in evaluation mode.
        task: whose classes are predicted.
        prepare: stored samples to network input.
        stored_size: edge that images are resized to before the centre crop, or samples that
            waveforms are cut or padded to.
        run: the run's settings.
        runtime: device and precision.
    """

    method: Method
    task: str
    prepare: Preparation
    stored_size: int
    run: RunConfig
    runtime: Runtime

    @staticmethod
    def load(folder: Path, portable: bool = False) -> "Predictor":
        """Read a finished run.

        Args:
            folder: of the run.
            portable: compute on the CPU in fp32, the same everywhere.

        Raises:
            CheckpointError: it left no model, or a damaged one, or one of another config.
            ConfigError: there is no run.
        """
        if not (folder / ".hydra" / "config.yaml").is_file():
            raise ConfigError(f"{folder} is no run folder: .hydra/config.yaml is missing")
        path = folder / "model.safetensors"
        if not path.is_file():
            raise CheckpointError(
                f"{path} is missing: the run did not come to its end\n"
                f"finish it with: tl-run run.resume={shlex.quote(str(folder))}"
            )
        config = stored_config(folder)
        run = RunConfig.of(config["run"])
        run.device = Device.auto  # wherever it was trained, predict on what is here
        if portable:
            run.device, run.precision = Device.cpu, Precision.fp32
        try:
            with safe_open(path, "pt") as file:
                about = json.loads(file.metadata()["translearn"])
            classes, task, inputs = (about[key] for key in ("tasks", "main_task", "inputs"))
            kind, size = Kind(inputs[task]["kind"]), inputs[task]["stored_size"]
            shapes = {name: tuple(one["shape"]) for name, one in inputs.items()}
            backbone_shape = tuple(about["input_shape"])
            semantics = Restored(**about["semantics"]) if "semantics" in about else None
            weights = load_file(path)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} is damaged: {error}") from error
        if kind not in FILES:
            raise ConfigError(f"{folder} was trained on {kind}s; tl-predict labels files")
        try:
            method = build_method(
                without_download(config), classes, backbone_shape, shapes, semantics
            )
            method.load_state_dict(weights)
        except (RuntimeError, TypeError) as error:
            raise CheckpointError(
                f"{path} does not fit the config beside it: {str(error).splitlines()[-1].strip()}"
            ) from error
        runtime = Runtime.start(run)
        if run.precision is Precision.auto and loses_in_bf16(method, runtime.device):
            runtime = replace(runtime, bf16=False)
        method.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
        prepare = Preparation.of(kind, shapes[task], method.backbone, runtime)
        return Predictor(method.eval(), task, prepare, size, run, runtime)

    @property
    def num_classes(self) -> int:
        """How many labels there are: classes, or clusters."""
        return self.method.score_width(self.task)

    def predict(
        self, paths: Sequence[Path], top: int = 1
    ) -> Iterator[tuple[list[tuple[str, float]], str | None]]:
        """The ``top`` likeliest labels with their probabilities of every file, in order.

        Beside them stands what the method has to say about it, or None.

        Raises:
            DataError: one cannot be read.
        """
        names: Sequence[str] = self.method.tasks[self.task]
        if self.method.clusters:  # which the classes of the same number say nothing about
            names = [f"cluster_{i}" for i in range(self.num_classes)]
        for x in self.batches(paths):
            # stable: of equal scores the first class comes first, as in the judge's argmax
            scores, labels = self.probabilities(x).sort(dim=1, descending=True, stable=True)
            rows = zip(
                labels[:, :top].tolist(), scores[:, :top].tolist(), self.described(x), strict=True
            )
            for places, likely, description in rows:
                pairs = zip(places, likely, strict=True)
                yield [(names[label], score) for label, score in pairs], description

    def described(self, samples: Tensor) -> Sequence[str | None]:
        """A few words on each of the stored samples; None where the method has none."""
        if not self.method.describes:
            return [None] * len(samples)
        with torch.inference_mode(), self.runtime.autocast():
            return self.method.describe(self.prepare(samples))

    def batches(self, paths: Sequence[Path]) -> Iterator[Tensor]:
        """The files as stored samples: uint8 (B, 3, H, W) of images, int16 (B, T) of recordings."""
        size = self.run.eval_batch_size
        if self.prepare.kind is Kind.waveform:
            for start in range(0, len(paths), size):
                part = [read_wav(path) for path in paths[start : start + size]]
                yield torch.stack([fit_length(waveform, self.stored_size) for waveform in part])
            return
        images = FileImages(tuple(paths), self.stored_size)
        workers = self.run.workers if len(paths) > size else 0
        for x, _ in decoded(DataLoader(ImageDataset(images), size, num_workers=workers)):
            yield x

    def probabilities(self, samples: Tensor) -> Tensor:
        """Stored samples -> probabilities (B, classes of the task)."""
        with torch.inference_mode(), self.runtime.autocast():
            logits = self.method.predict(self.prepare(samples), self.task)
        return logits.float().softmax(dim=1).cpu()


def without_download(config: Config) -> Config:
    """The config with a backbone of random weights, since the run's own replace them anyway."""
    backbone = dict(config["backbone"])
    for key, value in (("pretrained", False), ("weights", None)):
        if key in backbone:
            backbone[key] = value
    return {**config, "backbone": backbone}


if __name__ == "__main__":
    sys.exit(main())
