"""tl-export: a trained run as a portable model, checked against the run itself."""

import argparse
import copy
import io
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from translearn.artifacts.atomic import write_atomic
from translearn.artifacts.result import read_result
from translearn.commands.inputs import about_input, samples_like
from translearn.commands.predictor import Predictor
from translearn.data.pipeline.preparation import Preparation
from translearn.data.types import Kind
from translearn.errors import ConfigError, TranslearnError
from translearn.methods.base import Method
from translearn.system import command
from translearn.system.replacing import add_force, refuse_existing

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as tl-run, before torch is imported


TOLERANCE = 1e-4


SIZES = (3, 1, 7)  # images a batch in the check: one that the export did not see, too


ONNX_PARTS = ("onnx", "onnxscript", "onnxruntime")


class Portable(nn.Module):
    """Stored images, vectors or signals to scores, preprocessing included.

    Args:
        method: in evaluation mode.
        prepare: the preprocessing that it was trained with.
        task: whose classes are scored.
    """

    def __init__(self, method: Method, prepare: Preparation, task: str) -> None:
        super().__init__()
        self.method, self.prepare, self.task = method, prepare, task

    def forward(self, images: Tensor) -> Tensor:
        """uint8 RGB images (B, 3, S, S), or float vectors (B, D) or signals (B, C, L).

        Returns:
            Scores (B, classes), whose softmax are probabilities; of numbers (B,) in their unit.
        """
        scores = self.method.predict(self.prepare(images), self.task).float()
        answer = self.method.answer(self.task)
        return scores if answer.counted else answer.decode(scores)


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``tl-export`` command.

    Returns:
        0, or the exit code of the error that it printed.
    """
    return command.run(lambda: work(arguments), alone=arguments is None)


FILES = ("model.safetensors", "model.pt2", "model.onnx", "model.json")


def work(arguments: Sequence[str] | None) -> int:
    """What ``tl-export`` does with these arguments."""
    parser = argparse.ArgumentParser(
        prog="tl-export",
        description="Write a run's model as safetensors and as a torch.export program, "
        "and check that they give the run's own scores.",
    )
    parser.add_argument("run", metavar="RUN", help="run folder")
    parser.add_argument("--out", metavar="FOLDER", help="write here instead of RUN/export")
    parser.add_argument(
        "--onnx", action="store_true", help="also ONNX (pip install 'translearn[onnx]')"
    )
    add_force(parser)
    given = parser.parse_args(arguments)
    run = Path(given.run)
    out = Path(given.out) if given.out else run / "export"
    for name in FILES:
        refuse_existing("tl-export writes", out / name, given.force)
    for name, error in export(run, out, given.onnx).items():
        print(f"{out / name}  largest difference of a score {error:.1e}")
    print(f"{out / 'model.json'}  classes, and what the model takes")
    return 0


def export(run: Path, out: Path, onnx: bool = False) -> dict[str, float]:
    """Write the model of a finished run in portable forms.

    Args:
        run: its folder.
        out: where the files go; made if it does not exist.
        onnx: whether ONNX is wanted too.

    Returns:
        File name -> the largest difference of a score between the file, read again, and the run.

    Raises:
        ConfigError: there is no run, or one of recordings, or a package for ONNX is missing.
        CheckpointError: the run left no whole model.
        OSError: a file cannot be written.
        TranslearnError: a file gave other scores than the run, or the network cannot be exported.
    """
    missing = [name for name in ONNX_PARTS if onnx and find_spec(name) is None]
    if missing:
        raise ConfigError(f"--onnx needs {', '.join(missing)}: pip install 'translearn[onnx]'")
    predictor = Predictor.load(run, portable=True)
    kind = predictor.prepare.kind
    if kind is Kind.waveform:
        raise ConfigError(
            f"{run} was trained on {kind}s; tl-export writes models of images, vectors and signals"
        )
    model = Portable(predictor.method, predictor.prepare, predictor.task).eval()
    batches = [samples_like(predictor, count) for count in SIZES]
    with torch.no_grad():
        expected = [model(batch) for batch in batches]
    unit = float(getattr(predictor.method.answer(predictor.task), "deviation", 1.0))
    about = {
        "classes": list(predictor.method.tasks[predictor.task]),
        "task": predictor.task,
        **about_input(predictor),
        "output": "numbers (batch), in the unit of the labels"
        if predictor.numbers
        else "scores (batch, classes); softmax gives the probabilities of tl-predict",
        "run": trained_by(run),
    }
    writers = {"model.safetensors": _safetensors, "model.pt2": _program}
    writers |= {"model.onnx": _onnx} if onnx else {}
    errors = {}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, writer in writers.items():
            again = writer(model, batches[0], out / name, run)
            gaps = [
                (again(batch).detach() - scores).abs().max() / unit
                for batch, scores in zip(batches, expected, strict=True)
            ]
            errors[name] = float(torch.stack(gaps).max())  # nan, if any is
            if not errors[name] <= TOLERANCE:
                (out / name).unlink(missing_ok=True)
                raise TranslearnError(
                    f"{out / name} gave other scores than the run, and was deleted: they differ by "
                    f"{errors[name]:.1e}, and {TOLERANCE:.0e} is allowed"
                )
        write_atomic(out / "model.json", (json.dumps(about, indent=2) + "\n").encode())
    except OSError as error:
        error.filename = error.filename or str(out)
        raise
    return errors


Scores = Callable[[Tensor], Tensor]


def trained_by(run: Path) -> dict[str, object]:
    """What a model's file tells of the run that made it; nothing where no result can be read."""
    result = read_result(run)
    if result is None:
        return {}
    return {
        "method": result.method,
        "data": result.data,
        "seed": result.seed,
        "metrics": result.metrics,
    }


def _safetensors(model: Portable, images: Tensor, path: Path, run: Path) -> Scores:
    """The run's own file, with what tl-predict needs; read into another copy of the method."""
    write_atomic(path, (run / "model.safetensors").read_bytes())
    fresh = copy.deepcopy(model)
    for tensor in fresh.method.state_dict().values():
        tensor.zero_()  # so that nothing of the original is left
    fresh.method.load_state_dict(load_file(path))
    return _without_gradients(fresh)


def _program(model: Portable, images: Tensor, path: Path, run: Path) -> Scores:
    """A torch.export program of any batch size."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about weights that share their memory
        torch.export.save(_exported(model, images), buffer)
    write_atomic(path, buffer.getvalue())
    return _without_gradients(torch.export.load(path).module())


def _onnx(model: Portable, images: Tensor, path: Path, run: Path) -> Scores:
    """An ONNX file of any batch size, run by onnxruntime."""
    import onnxruntime

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about torch's own internals
        program = torch.onnx.export(
            _exported(model, images),
            input_names=["images"],
            output_names=["scores"],
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.save(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda batch: torch.from_numpy(session.run(None, {"images": batch.numpy()})[0])


def _exported(model: Portable, images: Tensor) -> torch.export.ExportedProgram:
    logging.getLogger("torch.export").setLevel(logging.ERROR)
    batch = torch.export.Dim("batch")
    try:
        # where torch fails, it prints the whole network
        with torch.no_grad(), warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            return torch.export.export(model, (images,), dynamic_shapes={"images": {0: batch}})
    except Exception as error:  # torch has many kinds
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise TranslearnError(
            f"torch.export cannot follow this network: {first[0][:200]}\n"
            "model.safetensors was written, and works with tl-predict"
        ) from error


def _without_gradients(module: nn.Module) -> Scores:
    def scores(images: Tensor) -> Tensor:
        with torch.no_grad():
            found: Tensor = module(images)
            return found

    return scores


if __name__ == "__main__":
    sys.exit(main())
