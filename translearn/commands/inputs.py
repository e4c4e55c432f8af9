"""What a trained model takes: rows of files of numbers, samples like its own, words for both."""

import inspect
from pathlib import Path

import torch
from torch import Tensor

from translearn.commands.predictor import Predictor
from translearn.data.pipeline.preparation import VectorPreparation
from translearn.data.sets.numbers import NumberFile, SignalFile, VectorFile
from translearn.data.types import Kind

# whose samples are rows of a file
NUMBERS: dict[Kind, type[NumberFile]] = {Kind.vector: VectorFile, Kind.signal: SignalFile}


def rows(predictor: Predictor, path: Path) -> Tensor:
    """The vectors or signals in a file, stored as (N, ...), read by the options of the run.

    Raises:
        DataError: it is missing, broken, or holds other samples than the run's.
    """
    made = NUMBERS[predictor.prepare.kind]
    options = inspect.signature(made).parameters.keys() - {"file"}
    known = {key: predictor.data[key] for key in options if predictor.data.get(key) is not None}
    return made(str(path), **known).rows(predictor.columns, predictor.shape)


def samples_like(predictor: Predictor, count: int) -> Tensor:
    """Random samples as they are stored: uint8 images, or numbers about as large as the run's."""
    draws = torch.Generator().manual_seed(count)
    prepare, edge = predictor.prepare, predictor.stored_size
    if isinstance(prepare, VectorPreparation):
        x = torch.randn(count, *predictor.shape, generator=draws)
        if prepare.shift is None or prepare.scale is None:
            return x
        return x / prepare.scale + prepare.shift
    return torch.randint(0, 256, (count, 3, edge, edge), generator=draws, dtype=torch.uint8)


def about_input(predictor: Predictor) -> dict[str, object]:
    """What the model takes, in words for whoever calls it."""
    if predictor.prepare.kind is not Kind.image:
        shape = ["batch", *predictor.shape]
        names = {"columns": list(predictor.columns)} if predictor.columns else {}
        told = {"input": {"dtype": "float32", "shape": shape, "scaling": "done by the model"}}
        return {**told, **names}
    edge = predictor.stored_size
    return {
        "input": {"dtype": "uint8", "shape": ["batch", 3, edge, edge], "channels": "RGB"},
        "resize": f"to {edge} x {edge} pixels, bilinear with antialiasing",
    }
