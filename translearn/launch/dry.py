"""``run.dry=true``: what a run would do and cost, from its first real steps; nothing is kept."""

import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from translearn.config import Config, plain
from translearn.engine.build import build_run
from translearn.engine.environment import peak_memory_mb
from translearn.engine.memory import refuse_large_batches
from translearn.engine.schedule import title
from translearn.errors import ConfigError, TranslearnError
from translearn.launch.launch import translated
from translearn.launch.rehearsal import duration, first_steps, line, rehearsed, scored
from translearn.metrics.choice import RULES
from translearn.system import signals

MOST_CORE_HOURS = 10.0  # of a sweep: what a published table may cost


def try_out(configs: Sequence[DictConfig], sweep: bool) -> int:
    """Dry-run each config, one after the other; no folder is made.

    Returns:
        0; in a sweep 1 if a job would fail, whose error is printed while the others go on.

    Raises:
        ConfigError: a run is to be continued, or only some jobs are dry.
        TranslearnError: the one job would fail.
    """
    if not all(config.run.dry for config in configs):
        raise ConfigError("run.dry=true,false: a sweep is dry as a whole or not at all")
    if any(config.run.resume for config in configs):
        raise ConfigError("run.dry=true continues no run: leave out run.resume")
    failed, core_seconds = 0, []
    for number, config in enumerate(configs):
        try:
            estimate = dry_run(with_seed(config))
            core_seconds.append(estimate.core_seconds)
            print(("\n" if number else "") + estimate.report, flush=True)
        except TranslearnError as error:
            if not sweep:
                raise
            failed = 1
            print(f"error: job {number}: {error}", file=sys.stderr)
    if sweep:
        print("\n" + together(core_seconds))
    return failed


class Estimate(NamedTuple):
    """What a dry run tells of the run: its report, and the core-seconds that it takes."""

    report: str
    core_seconds: float


def together(core_seconds: Sequence[float]) -> str:
    """What these jobs take in all; above ``MOST_CORE_HOURS`` a warning, and what to do."""
    core_hours = sum(core_seconds) / 3600
    lines = [
        "all jobs together",
        line("jobs", len(core_seconds)),
        line("they take about", f"{core_hours:.2f} core-hours"),
    ]
    if core_hours > MOST_CORE_HOURS:
        lines.append(
            f"warning: that is more than {MOST_CORE_HOURS:g} core-hours\n"
            "take fewer seeds or options, lower run.source_samples, or choose a smaller backbone"
        )
    return "\n".join(lines)


def with_seed(config: DictConfig) -> Config:
    """The config as plain values, with any seed where ``seed=null`` leaves it open."""
    seeded = config.copy()
    seeded.seed = random.SystemRandom().randrange(2**31) if config.seed is None else config.seed
    return plain(seeded)


def dry_run(config: Config) -> Estimate:
    """Build all parts of a run, enter every phase, take its first steps, score and draw.

    Data, weights, batches and steps are those of the run itself; the scores are thrown away.

    Returns:
        The report, a line an entry, and what the run takes.

    Raises:
        ConfigError: several processes are asked for, or as in a run.
        TranslearnError: the run would fail for this reason.
    """
    if int(config["run"]["gpus"]) != 1:
        raise ConfigError(
            f"run.dry=true measures one process, and run.gpus={config['run']['gpus']}\n"
            "add run.gpus=1; with N processes each takes 1/N of every batch"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="translearn-dry-") as folder:
            return measured(config, Path(folder))
    except Exception as error:
        raise translated(error) from error


def measured(config: Config, folder: Path) -> Estimate:
    """A dry run whose files go into ``folder``."""
    start = time.perf_counter()
    job = build_run(config, folder, signals.current())
    built = time.perf_counter() - start
    refuse_large_batches(job)
    runtime = job.runtime
    lines = [
        f"dry run: method={config['method'].get('name')} data={job.tasks.name} "
        f"backbone={config['backbone'].get('name')} seed={job.seed}",
        line("computes", runtime.summary),
        line("data and model ready in", duration(built)),
    ]
    whole = job.extraction_seconds
    if whole:
        lines.append(line("features, computed once", duration(whole)))
    for phase in job.phases:
        seconds, about = first_steps(job, phase)
        whole += seconds
        lines += [f"phase {title(phase)}", *about]
    scoring, figures = rehearsed(job)
    where = "of the device" if runtime.device.type == "cuda" else "of the process"
    lines += [
        "the whole run",
        line("peak memory", f"{peak_memory_mb(runtime.device):,.0f} MiB {where}"),
        line("weights chosen by", f"{job.run.select}: {RULES[job.run.select].about}"),
        line("scored in training", scored(job, job.run.evaluate)),
        line("scored at the end", scored(job, ("val", "test"))),
        line("training takes about", duration(whole)),
        line("scoring takes about", duration(scoring)),
        line("figures take about", duration(figures) if job.run.figures else "none are drawn"),
    ]
    return Estimate("\n".join(lines), (whole + scoring + figures) * runtime.threads)
