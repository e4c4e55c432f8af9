"""What tl-doctor measures: steps of the default net, their bound, number formats and threads.

Made data of the default run's shapes: speed does not depend on what images show.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir

from translearn.config import conf_dir, plain
from translearn.data.access import Batch
from translearn.data.pipeline.loaders import TrainingStream
from translearn.data.types import Domain, Split, TaskSet
from translearn.engine.build import build_run
from translearn.engine.job import Job
from translearn.engine.step import TrainingStep
from translearn.processor import bf16_of
from translearn.runtime import share_of_cores
from translearn.system.signals import Stop

SECONDS = 1.2  # of each measurement, after the steps that warm up


WARM_UP = 3  # steps


CLASSES = tuple("0123456789")


IMAGES = 2000  # of each domain


NEAR_BOUND = 0.85  # below this share of the bound, the data path deserves a look


GAIN = 1.15  # what is less than this much faster is not worth a hint: machines are never still


@dataclass(frozen=True)
class Speed:
    """Samples (images of source and target) per second of wall time and of processor time."""

    wall: float
    core: float


def measure() -> tuple[list[tuple[str, str]], list[str]]:
    """Train the default net on the CPU in several ways, some 10 seconds in all.

    Returns:
        The lines of the report, as name and value, and hints at what to change.
    """
    before, processor = torch.get_num_threads(), bf16_of()
    try:
        with tempfile.TemporaryDirectory(prefix="translearn-doctor-") as name:
            folder = Path(name)
            fp32 = speed(folder, "fp32", 1)
            bf16 = speed(folder, "bf16", 1) if processor.present else None
            taken, loop = ("bf16", bf16) if bf16 and processor.fast else ("fp32", fp32)
            bound = speed(folder, taken, 1, fixed=True)
            threads = share_of_cores(1)
            several = speed(folder, taken, threads) if threads > 1 else None
    finally:
        torch.set_num_threads(before)
    lines = [("fp32, one thread", per_core(fp32))]
    lines.append(("bf16, one thread", per_core(bf16) if bf16 else "not measured: emulated here"))
    lines.append(
        ("bound (one batch, kept)", f"{per_core(bound)}; {loop.core / bound.core:.0%} reached")
    )
    if several:
        lines.append((
            f"{threads} threads against one",
            f"{several.wall / loop.wall:.2f} times as fast by the clock, "
            f"{loop.core / several.core:.2f} times the processor time",
        ))  # fmt: skip
    return lines, hints(fp32, bf16, loop, bound, several)


def hints(
    fp32: Speed, bf16: Speed | None, loop: Speed, bound: Speed, several: Speed | None
) -> list[str]:
    """What the figures advise against what tl-run does by itself.

    Args:
        fp32: one thread.
        bf16: the same; None: it would be emulated.
        loop: the one of the two that tl-run takes.
        bound: the same on one batch.
        several: with a thread for each core; tl-run gives small nets one.
    """
    advice = []
    if bf16 is loop and fp32.core > GAIN * loop.core:
        advice.append("bf16 is slower than fp32 here: run.precision=fp32")
    if bf16 and loop is fp32 and bf16.core > GAIN * fp32.core:
        advice.append("bf16 is faster than fp32 here: run.precision=bf16")
    if several and several.wall > GAIN * loop.wall:
        advice.append(
            f"small nets are {several.wall / loop.wall:.2f} times as fast with "
            f"run.threads={share_of_cores(1)}, where one run at a time is wanted"
        )
    if loop.core < NEAR_BOUND * bound.core:
        advice.append(
            f"data and augmentation take {1 - loop.core / bound.core:.0%} of a step: is the "
            "machine busy? Measure again when it is not; augment=none tells the rest"
        )
    return advice


def per_core(speed: Speed) -> str:
    """As a line of the report tells it."""
    return f"{speed.core:,.0f} samples a core-second"


def speed(folder: Path, precision: str, threads: int, fixed: bool = False) -> Speed:
    """Steps of the default run, as the run takes them.

    Args:
        folder: of the job; nothing is written into it.
        precision: ``fp32`` or ``bf16``.
        threads: of PyTorch.
        fixed: compute on one batch again and again: the bound of the loop.
    """
    job = default_job(folder, precision, threads)
    step = TrainingStep(job, job.phases[0])
    if fixed:
        step.streams = {name: OneBatch(stream) for name, stream in step.streams.items()}
    for number in range(WARM_UP):
        step(number)
    steps, wall, cores = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < SECONDS:
        step(WARM_UP + steps)
        steps += 1
    samples = steps * step.samples
    return Speed(
        samples / (time.perf_counter() - wall), samples / max(time.process_time() - cores, 1e-9)
    )


class OneBatch:
    """A stream that gives its first batch again and again."""

    def __init__(self, stream: TrainingStream) -> None:
        self.batch_size = stream.batch_size
        self._batch = stream.batch(0, torch.Generator())

    def batch(self, step: int, generator: torch.Generator) -> Batch:
        """The same, whatever the step."""
        return self._batch


def default_job(folder: Path, precision: str, threads: int) -> Job:
    """The default run (DANN on digits) on made images of the same shapes."""
    machine = (f"run.threads={threads}", f"run.precision={precision}", "run.device=cpu")
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        config = plain(compose("config", list(machine)))
    generator = torch.Generator().manual_seed(0)
    domains: dict[str, Domain] = {}
    for task, channels in (("source", 1), ("target", 3)):
        shape = (IMAGES, channels, 28, 28)
        x = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        split = Split(x, torch.randint(0, 10, (IMAGES,), generator=generator))
        domains[task] = Domain(task, CLASSES, split, None, split.select(torch.arange(10)))
    tasks = TaskSet("made", domains, (3, 28, 28))
    return build_run(config, folder, Stop(), tasks=tasks)
