"""The configuration: the schema of ``run``, where ``conf`` lies, configs as plain values.

Nothing here imports torch, so that help and config errors answer at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from translearn.errors import ConfigError, nearest
from translearn.ranges import Count, NonNegative, Part, Range, Share, fits, refuse_unfit

Config = dict[str, Any]


class Optimizer(StrEnum):
    """Optimizers by name."""

    sgd = "sgd"
    adam = "adam"
    adamw = "adamw"


class Schedule(StrEnum):
    """Learning-rate schedules by name."""

    cosine = "cosine"
    dann = "dann"
    constant = "constant"


class Select(StrEnum):
    """Rules that choose the weights to report."""

    last = "last"
    source_val = "source_val"
    target_val = "target_val"
    entropy = "entropy"
    im = "im"
    snd = "snd"
    bnm = "bnm"
    iw = "iw"
    dev = "dev"
    oracle = "oracle"


class Device(StrEnum):
    """Devices by name."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Precision(StrEnum):
    """Number formats of the forward pass."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Tracking(StrEnum):
    """Where metrics go besides the run folder."""

    tensorboard = "tensorboard"
    wandb = "wandb"
    mlflow = "mlflow"


@dataclass
class RunConfig:
    """The types of ``run``; values and their meaning stand in ``conf/run/default.yaml``."""

    source_samples: int = MISSING
    batch_size: int = MISSING
    max_steps: int | None = MISSING
    optimizer: Optimizer = MISSING
    lr: float = MISSING
    momentum: float = MISSING
    nesterov: bool = MISSING
    weight_decay: float = MISSING
    schedule: Schedule = MISSING
    warmup: float = MISSING
    clip: float | None = MISSING
    ema: float = MISSING
    head_first: bool = False  # in runs of before
    augment_tasks: Any = MISSING  # list[str], or one word: OmegaConf would refuse that for a list
    select: Select = MISSING
    select_floor: float = MISSING
    rules: bool = MISSING
    device: Device = MISSING
    precision: Precision = MISSING
    threads: int | None = MISSING
    gpus: int = MISSING
    workers: int = MISSING
    resident_mb: int = MISSING
    deterministic: bool = MISSING
    compile: bool = MISSING
    evaluate: Any = MISSING  # likewise
    evaluations: int = MISSING
    eval_samples: int | None = MISSING
    most_files: int | None = None  # runs of before it took all
    feature_cache: bool = True
    eval_batch_size: int | None = MISSING
    log_every: int = MISSING
    probe: bool = MISSING
    save_seconds: float = MISSING
    figures: bool = MISSING
    tracker: Tracking | None = MISSING
    resume: str | None = MISSING
    resume_anyway: bool = False
    dry: bool = MISSING
    skip_done: bool = MISSING
    job_minutes: float | None = MISSING
    debug: bool = MISSING

    @staticmethod
    def of(values: Mapping[str, Any]) -> "RunConfig":
        """Check the ranges of ``values`` and make a RunConfig of them.

        Raises:
            ConfigError: a value is out of range, or a key does not exist.
        """
        names = [field.name for field in fields(RunConfig)]
        for key in values:
            if key not in names:
                known = [f"run.{name}" for name in names]
                raise ConfigError(f"run.{key} does not exist{nearest(f'run.{key}', known)}")
        run = RunConfig(**values)
        for name, annotation in TYPES.items():
            refuse_unfit(f"run.{name}", getattr(run, name), annotation)
        for name in ("evaluate", "augment_tasks"):
            words = listed(getattr(run, name), list[str])
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                raise ConfigError(f"run.{name}={words}: give a list of words, such as [val,test]")
            setattr(run, name, words)
        unknown = set(run.evaluate) - {"val", "test"}
        if unknown:
            raise ConfigError(f"run.evaluate={run.evaluate}: choose from val, test")
        run.optimizer, run.schedule = Optimizer(run.optimizer), Schedule(run.schedule)
        run.select, run.device = Select(run.select), Device(run.device)
        run.precision = Precision(run.precision)
        run.tracker = None if run.tracker is None else Tracking(run.tracker)
        return run


# Fields that not every value of their type is meant for.
LIMITS: dict[str, Any] = {
    "source_samples": Annotated[int, Range(1, 10**12)],
    "batch_size": Count,
    "max_steps": Count | None,
    "lr": NonNegative,
    "momentum": Part,
    "weight_decay": NonNegative,
    "warmup": Share,
    "clip": Annotated[float, Range(1e-12)] | None,
    "ema": Part,
    "select_floor": Share,
    "threads": Annotated[int, Range(1, 1024)] | None,
    "gpus": Annotated[int, Range(1, 64)],
    "workers": Annotated[int, Range(0, 1024)],
    "resident_mb": Annotated[int, Range(0, 2**30)],
    "evaluations": Count,
    "eval_samples": Count | None,
    "most_files": Count | None,
    "eval_batch_size": Count | None,
    "log_every": Count,
    "save_seconds": NonNegative,
    "job_minutes": NonNegative | None,
}
TYPES = {**get_type_hints(RunConfig), **LIMITS}


ConfigStore.instance().store(group="run", name="schema", node=RunConfig)


def listed(value: Any, annotation: Any) -> Any:
    """``value``; a list of it where ``annotation`` means a list and a single value was given."""
    union = get_origin(annotation) in (Union, UnionType)
    choices = get_args(annotation) if union else (annotation,)
    lists = [c for c in choices if (get_origin(c) or c) in (list, tuple, Sequence)]
    single = isinstance(value, str | int | float)
    if not single or not lists or any(fits(value, c) for c in choices if c not in lists):
        return value
    return [value]


def conf_dir() -> str:
    """The absolute path of ``conf``: the installed package's own, or else the checkout's."""
    package = Path(__file__).resolve().parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return str(folder)
    raise ConfigError(f"the config folder is missing beside {package}; install translearn again")


def plain(config: Any) -> Config:
    """A resolved copy of an OmegaConf config in plain dicts, lists and values."""
    container = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}
