"""A trained run that labels files: its method, and the preprocessing it was trained with."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from translearn.artifacts.folder import of_a_run, stored_config
from translearn.commands.last_model import last_model, without_download
from translearn.config import Config, Device, Precision, RunConfig
from translearn.data.files.images import FileImages, Reading, why_no_image
from translearn.data.pipeline.decoding import decoded, in_turn
from translearn.data.pipeline.preparation import Preparation
from translearn.data.scaling import Scaling
from translearn.data.sets.folder import reading_by
from translearn.data.sets.fsdd import fit_length, read_wav, told_cut, why_no_recording
from translearn.data.types import Kind, Shape
from translearn.engine.build import build_method
from translearn.engine.workload import scoring_batch, suited
from translearn.errors import CheckpointError, ConfigError, DataError
from translearn.methods.base import Method
from translearn.runtime import Runtime
from translearn.semantics.base import Restored
from translearn.system.terminal import complain

LARGEST = 2**16  # edge of a stored image, or samples of a waveform
# what is found in folders: how messages name the files, and why another file is none of them
FILES = {
    Kind.image: ("images", why_no_image),
    Kind.waveform: ("recordings (.wav)", why_no_recording),
}

# labels with their probabilities, what is said of the sample, why it has no labels
Labels = tuple[list[tuple[str, float]], str | None, str]


@dataclass(frozen=True)
class Predictor:
    """A trained method with the preprocessing it was trained with.

    Attributes:
        method: in evaluation mode.
        task: whose classes are predicted.
        prepare: stored samples to network input.
        stored_size: edge that images are resized to before the centre crop, or samples that
            waveforms are cut or padded to.
        reading: how image files are read.
        run: the run's settings.
        runtime: device and precision.
        at_once: files in a batch.
        shape: of a prepared sample.
        columns: names of the numbers of a vector, where the run's files had them.
        data: the options of the run's data.
    """

    method: Method
    task: str
    prepare: Preparation
    stored_size: int
    reading: Reading
    run: RunConfig
    runtime: Runtime
    at_once: int
    shape: Shape
    columns: tuple[str, ...]
    data: Config

    @staticmethod
    def load(folder: Path, portable: bool = False) -> "Predictor":
        """Read a run; of one that was interrupted the last weights, which is said.

        Args:
            folder: of the run.
            portable: compute on the CPU in fp32, the same everywhere.

        Raises:
            CheckpointError: it left no model, or a damaged one, or one of another config.
            ConfigError: there is no run.
        """
        if not (folder / ".hydra" / "config.yaml").is_file():
            raise ConfigError(f"{folder} is no run folder: .hydra/config.yaml is missing")
        path, about, weights = last_model(folder)
        config = stored_config(folder)
        with of_a_run(folder / ".hydra" / "config.yaml"):
            run = RunConfig.of(config["run"])
        run.device = Device.auto  # wherever it was trained, predict on what is here
        if portable:
            run.device, run.precision = Device.cpu, Precision.fp32
        with of_a_run(path):
            task = about["main_task"]
            # 0.1 counted what a label budget hides among the tasks, as target/rest
            classes, inputs = (
                {name: value for name, value in about[key].items() if not name.endswith("/rest")}
                for key in ("tasks", "inputs")
            )
            kind, size = Kind(inputs[task]["kind"]), inputs[task]["stored_size"]
            shapes = {name: tuple(one["shape"]) for name, one in inputs.items()}
            backbone_shape = tuple(about["input_shape"])
            semantics = Restored(**about["semantics"]) if "semantics" in about else None
            if not 1 <= size <= LARGEST:
                raise ValueError(f"the stored size is {size}")
            known = inputs[task].get("scaling")
            scaling = None if known is None else Scaling.of(known, shapes[task])
            columns = tuple(map(str, inputs[task].get("columns", ())))
        with of_a_run(path):
            method = build_method(
                without_download(config),
                classes,
                backbone_shape,
                shapes,
                semantics,
                about.get("answers"),
            )
            method.load_state_dict(weights)
        runtime = suited(Runtime.start(run), run, method, backbone_shape)
        method.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
        backbone = method.backbone
        prepare = Preparation.of(kind, shapes[task], backbone.mean, backbone.std, runtime, scaling)
        reading = reading_by(config["data"])
        at_once = scoring_batch(run, [shapes[task]], runtime.device)
        return Predictor(
            method.eval(), task, prepare, size, reading, run, runtime, at_once, shapes[task],
            columns, config["data"],
        )  # fmt: skip

    @property
    def num_classes(self) -> int:
        """How many labels there are: classes, or clusters."""
        return self.method.score_width(self.task)

    def predict(self, paths: Sequence[Path], top: int = 1) -> Iterator[Labels]:
        """``labelled`` images or recordings."""
        return self.labelled(self.batches(paths), top)

    def labelled(
        self, batches: Iterable[tuple[Tensor, dict[int, str]]], top: int = 1
    ) -> Iterator[Labels]:
        """The ``top`` likeliest labels with their probabilities of every sample, in order.

        Beside them stands what the method has to say about it, or None; and why the file cannot be
        read, which then has no labels.
        """
        if self.numbers:
            yield from self.numbered(batches)
            return
        names: Sequence[str] = self.method.tasks[self.task]
        if self.method.clusters:  # which the classes of the same number say nothing about
            names = [f"cluster_{i}" for i in range(self.num_classes)]
        for x, bad in batches:
            # stable: of equal scores the first class comes first, as in the judge's argmax
            scores, labels = self.probabilities(x).sort(dim=1, descending=True, stable=True)
            rows = zip(
                labels[:, :top].tolist(), scores[:, :top].tolist(), self.described(x), strict=True
            )
            for row, (places, likely, description) in enumerate(rows):
                if row in bad:
                    yield [], None if description is None else "", bad[row]
                    continue
                pairs = zip(places, likely, strict=True)
                yield [(names[label], score) for label, score in pairs], description, ""

    @property
    def numbers(self) -> bool:
        """Whether an answer is a number rather than a class."""
        return not self.method.answer(self.task).counted

    def numbered(self, batches: Iterable[tuple[Tensor, dict[int, str]]]) -> Iterator[Labels]:
        """The number of every sample, in the unit of the labels, in the place of its label."""
        answer = self.method.answer(self.task)
        for x, bad in batches:
            with torch.inference_mode(), self.runtime.autocast():
                scores = self.method.predict(self.prepare(x), self.task)
            for row, value in enumerate(answer.decode(scores).tolist()):
                yield [] if row in bad else [(f"{value:.6g}", math.nan)], None, bad.get(row, "")

    def described(self, samples: Tensor) -> Sequence[str | None]:
        """A few words on each of the stored samples; None where the method has none."""
        if not self.method.describes:
            return [None] * len(samples)
        with torch.inference_mode(), self.runtime.autocast():
            return self.method.describe(self.prepare(samples))

    def batches(self, paths: Sequence[Path]) -> Iterator[tuple[Tensor, dict[int, str]]]:
        """The files as stored samples: uint8 (B, 3, H, W) of images, int16 (B, T) of recordings.

        Those that cannot be read are empty, and told by their row.
        """
        size = self.at_once
        if self.prepare.kind is Kind.waveform:
            for start in range(0, len(paths), size):
                yield self.waveforms(paths[start : start + size])
            return
        images = self.images(paths)
        workers = self.run.workers if len(paths) > size else 0
        for batch in decoded(images, in_turn(len(images), size), size, workers):
            yield batch.x, {row: error.reason for row, error in batch.bad.items()}

    def waveforms(self, paths: Sequence[Path]) -> tuple[Tensor, dict[int, str]]:
        """Recordings as ``batches`` has them."""
        x = torch.zeros(len(paths), self.stored_size, dtype=torch.int16)
        bad: dict[int, str] = {}
        cut = []
        for row, path in enumerate(paths):
            try:
                waveform = read_wav(path)
                x[row] = fit_length(waveform, self.stored_size)
                if len(waveform) > self.stored_size:
                    cut.append(path)
            except DataError as error:
                bad[row] = str(error).splitlines()[0]
        if cut:
            complain(told_cut(cut, self.stored_size))
        return x, bad

    def images(self, paths: Sequence[Path]) -> FileImages:
        """Image files, read as the run read its own."""
        return FileImages(tuple(paths), self.stored_size, self.reading)

    def probabilities(self, samples: Tensor) -> Tensor:
        """Stored samples -> probabilities (B, classes of the task).

        Raises:
            CheckpointError: the model's weights are not finite.
        """
        with torch.inference_mode(), self.runtime.autocast():
            logits = self.method.predict(self.prepare(samples), self.task)
        found = logits.float().softmax(dim=1).cpu()
        if found.isnan().any():
            raise CheckpointError("the model gives scores that are no numbers: it is damaged")
        return found
