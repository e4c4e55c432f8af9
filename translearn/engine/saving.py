"""The training clock, and checkpoints while a phase runs."""

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from translearn import __version__
from translearn.artifacts import checkpoint
from translearn.artifacts.metrics_log import MetricsLog
from translearn.engine.about import about, total_steps
from translearn.engine.job import Job, Progress
from translearn.engine.step import TrainingStep
from translearn.runtime import Runtime


class Clock:
    """Adds training time to the progress: wall seconds and this process's CPU seconds."""

    def __init__(self, progress: Progress, runtime: Runtime) -> None:
        self.progress, self.cuda = progress, runtime.device.type == "cuda"
        self.resume()

    def resume(self) -> None:
        """Start counting."""
        self._wall, self._cores = time.perf_counter(), time.process_time()

    def pause(self) -> None:
        """Stop counting, once the device has caught up."""
        if self.cuda:
            torch.cuda.synchronize()
        self.progress.seconds += time.perf_counter() - self._wall
        self.progress.core_seconds += time.process_time() - self._cores

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Not counted is what happens in here, though what raises leaves the clock stopped."""
        self.pause()
        yield
        self.resume()


class Saver:
    """Saves ``last.pt`` on rank 0, every ``run.save_seconds``."""

    def __init__(self, job: Job, progress: Progress, metrics_log: MetricsLog) -> None:
        self.job, self.progress, self.metrics_log = job, progress, metrics_log
        self._time = time.monotonic()

    def due(self) -> bool:
        """Whether it is time."""
        waited = time.monotonic() - self._time
        return self.job.first_rank and waited >= self.job.run.save_seconds

    def save(self, step: TrainingStep, window: Mapping[str, Tensor]) -> None:
        """Write the checkpoint, unless something in it is not finite.

        Args:
            step: of the phase.
            window: loss terms, summed since the last log point.
        """
        step.check_finite()
        self._time = time.monotonic()
        windows = {name: self.job.runtime.gather(total) for name, total in window.items()}
        if self.job.first_rank:
            self.progress.log_offset = self.metrics_log.offset
            method = self.job.method
            state = {
                "config": self.job.config,
                "version": __version__,
                "torch": str(torch.__version__),
                "threads": self.job.runtime.threads,
                "world": self.job.runtime.world,
                "progress": dataclasses.asdict(self.progress),
                "method": method.state_dict(),
                "kept": dict(method.kept),
                **step.state(),
                "windows": windows,
                "about": about(self.job),
                # of the average they are those of the method; see WeightAverage.read
                "buffers": sorted(set(dict(method.named_buffers())) & set(method.state_dict())),
                "total_steps": total_steps(self.job),
            }
            checkpoint.save(self.job.checkpoints, state)
