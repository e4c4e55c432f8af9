"""tl-predict: labels a folder of images with a trained run."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.data import DataLoader

from translearn.config import Device, RunConfig
from translearn.data.files import FileImages
from translearn.data.folder import image_files
from translearn.data.loaders import ImageDataset, Preparation, decoded
from translearn.errors import CheckpointError, ConfigError, DataError, DiskError, TranslearnError
from translearn.folders import stored_config
from translearn.methods.base import Method
from translearn.runtime import Runtime
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
        predictor = Predictor.load(Path(given.run))
        lines = predictor.predict(Path(given.folder))
        if given.out is None:
            write(sys.stdout, lines)
        else:
            try:
                with open(given.out, "w", newline="") as file:
                    write(file, lines)
            except OSError as error:
                raise DiskError(f"cannot write --out {given.out}: {error.strerror}") from error
    except TranslearnError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader, such as head, has seen enough
        sys.stderr.close()
    return 0


def write(file: object, lines: Iterator[tuple[str, str, float]]) -> None:
    """Write the CSV with its header."""
    writer = csv.writer(file)  # type: ignore[arg-type]
    writer.writerow(("path", "label", "probability"))
    writer.writerows((path, label, f"{probability:.4f}") for path, label, probability in lines)


@dataclass(frozen=True)
class Predictor:
    """A trained method with the preprocessing it was trained with.

    Attributes:
        method: in evaluation mode.
        prepare: uint8 images to network input.
        image_size: edge that files are resized to before the centre crop.
        run: the run's settings.
        runtime: device and precision.
    """

    method: Method
    prepare: Preparation
    image_size: int
    run: RunConfig
    runtime: Runtime

    @staticmethod
    def load(folder: Path) -> "Predictor":
        """Read a finished run.

        Raises:
            CheckpointError: it left no model.
            ConfigError: there is no run.
        """
        if not (folder / ".hydra" / "config.yaml").is_file():
            raise ConfigError(f"{folder} is no run folder: .hydra/config.yaml is missing")
        path = folder / "model.safetensors"
        if not path.is_file():
            raise CheckpointError(
                f"{path} is missing: the run did not come to its end\n"
                f"finish it with: tl-run run.resume={folder}"
            )
        config = stored_config(folder)
        run = RunConfig.of(config["run"])
        run.device = Device.auto  # wherever it was trained, predict on what is here
        runtime = Runtime.start(run)
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata()
            weights = load_file(path)
        except SafetensorError as error:
            raise CheckpointError(f"{path} is damaged: {error}") from error
        classes, shape, size = (
            json.loads(metadata[key]) for key in ("tasks", "input_shape", "image_size")
        )
        for key in ("pretrained", "weights"):  # the run's own weights replace them
            if config["backbone"].get(key):
                config["backbone"][key] = None if key == "weights" else False
        method = build_method(config, classes, tuple(shape))
        method.load_state_dict(weights)
        method.to(runtime.device).eval()
        prepare = Preparation.of(tuple(shape), method.backbone, runtime)
        return Predictor(method, prepare, size, run, runtime)

    def predict(self, folder: Path) -> Iterator[tuple[str, str, float]]:
        """Path below ``folder``, label and probability of every image, in the order of the paths.

        Raises:
            DataError: there are no images, or one cannot be read.
        """
        paths = image_files(folder) if folder.is_dir() else []
        if not paths:
            raise DataError(f"no images in {folder}\ngive a folder that holds images, also nested")
        images = FileImages(tuple(paths), self.image_size)
        loader = DataLoader(
            ImageDataset(images), self.run.eval_batch_size, num_workers=self.run.workers
        )
        names = self.method.tasks["target"]
        for x, position in decoded(loader):
            scores, labels = self.probabilities(x).max(dim=1)
            for i, label, score in zip(position, labels.tolist(), scores.tolist(), strict=True):
                yield str(paths[int(i)].relative_to(folder)), names[label], score

    def probabilities(self, images: Tensor) -> Tensor:
        """uint8 images (B, 3, H, W) -> probabilities (B, classes) of the target's classes."""
        with torch.inference_mode(), self.runtime.autocast():
            logits = self.method.predict(self.prepare(images), "target")
        return logits.float().softmax(dim=1).cpu()


if __name__ == "__main__":
    sys.exit(main())
