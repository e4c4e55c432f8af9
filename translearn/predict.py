"""tl-predict: labels a folder of images with a trained run."""

import argparse
import csv
import io
import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
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
from translearn.data.files import FileImages
from translearn.data.folder import image_files
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
from translearn.runtime import Runtime, loses_in_bf16
from translearn.work import build_method


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``tl-predict`` command.

    Returns:
        0, or the exit code of the error that it printed.
    """
    parser = argparse.ArgumentParser(
        prog="tl-predict", description="Label images with a trained run: CSV, a line an image."
    )
    parser.add_argument("run", metavar="RUN", help="run folder")
    parser.add_argument("folder", metavar="FOLDER", help="folder of images, searched through")
    parser.add_argument("--out", metavar="FILE", help="write here instead of printing")
    given = parser.parse_args(arguments)
    try:
        paths = found_images(Path(given.folder))
        predictor = Predictor.load(Path(given.run))
        rows = predictor.predict(paths)
        names = [path.relative_to(given.folder).as_posix() for path in paths]
        lines = ((name, *row) for name, row in zip(names, rows, strict=True))
        if given.out is None:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(errors="surrogateescape")  # file names may be any bytes
            write(sys.stdout, lines)
            sys.stdout.flush()
        else:
            write_file(Path(given.out), lines)
    except TranslearnError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        reader_left()
    except KeyboardInterrupt:
        return 130
    return 0


def found_images(folder: Path) -> list[Path]:
    """The images in a folder and below, sorted.

    Raises:
        DataError: there are none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder\ngive the folder that holds the images")
    paths = image_files(folder)
    if not paths:
        raise DataError(f"no images in {folder}\ngive a folder that holds images, also nested")
    return paths


def write(file: TextIO, lines: Iterable[tuple[str, str, float]]) -> None:
    """Write the CSV with its header."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("path", "label", "probability"))
    writer.writerows((path, label, f"{probability:.4f}") for path, label, probability in lines)


def write_file(path: Path, lines: Iterable[tuple[str, str, float]]) -> None:
    """Write the CSV to a file, once every image is labelled.

    Raises:
        DiskError: the file cannot be written.
    """
    if not path.parent.is_dir():  # told before the images are read
        raise DiskError(f"cannot write --out {path}: no folder {path.parent}")
    complete = list(lines)
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            write(file, complete)
    except OSError as error:
        raise DiskError(f"cannot write --out {path}: {error.strerror}") from error


@dataclass(frozen=True)
class Predictor:
    """A trained method with the preprocessing it was trained with.

    Attributes:
        method: in evaluation mode.
        task: whose classes are predicted.
        prepare: uint8 images to network input.
        image_size: edge that files are resized to before the centre crop.
        run: the run's settings.
        runtime: device and precision.
    """

    method: Method
    task: str
    prepare: Preparation
    image_size: int
    run: RunConfig
    runtime: Runtime

    @staticmethod
    def load(folder: Path) -> "Predictor":
        """Read a finished run.

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
        try:
            with safe_open(path, "pt") as file:
                about = json.loads(file.metadata()["translearn"])
            classes, task, inputs = (about[key] for key in ("tasks", "main_task", "inputs"))
            kind, size = Kind(inputs[task]["kind"]), inputs[task]["stored_size"]
            shapes = {name: tuple(one["shape"]) for name, one in inputs.items()}
            backbone_shape = tuple(about["input_shape"])
            weights = load_file(path)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} is damaged: {error}") from error
        if kind is not Kind.image:
            raise ConfigError(f"{folder} was trained on {kind}s; tl-predict labels images")
        try:
            method = build_method(without_download(config), classes, backbone_shape, shapes)
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

    def predict(self, paths: Sequence[Path]) -> Iterator[tuple[str, float]]:
        """Label and probability of every image, in order.

        Raises:
            DataError: an image cannot be read.
        """
        images = FileImages(tuple(paths), self.image_size)
        batch_size = self.run.eval_batch_size
        workers = self.run.workers if len(paths) > batch_size else 0
        names: Sequence[str] = self.method.tasks[self.task]
        if self.method.clusters:  # which the classes of the same number say nothing about
            names = [f"cluster_{i}" for i in range(self.method.score_width(self.task))]
        for x, _ in decoded(DataLoader(ImageDataset(images), batch_size, num_workers=workers)):
            scores, labels = self.probabilities(x).max(dim=1)
            for label, score in zip(labels.tolist(), scores.tolist(), strict=True):
                yield names[label], score

    def probabilities(self, images: Tensor) -> Tensor:
        """uint8 images (B, 3, H, W) -> probabilities (B, classes of the task)."""
        with torch.inference_mode(), self.runtime.autocast():
            logits = self.method.predict(self.prepare(images), self.task)
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
