"""tl-run: from the command line to a run. Imports no torch, so help and config errors are quick."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from translearn.config import Config, conf_dir, plain
from translearn.errors import ConfigError, TranslearnError
from translearn.launch.arguments import (
    compose_jobs,
    flags_first,
    refuse_unknown_flags,
    stored_overrides,
)
from translearn.launch.earlier import expand_like, refuse_record_as_config, told_done
from translearn.launch.help import help_text
from translearn.launch.settle import settle
from translearn.launch.swept import of_the_jobs
from translearn.launch.values import refuse_unfit_data, refuse_wrong_values
from translearn.renamed import present_words
from translearn.system import command, signals, terminal
from translearn.system.problems import of_type
from translearn.system.quoting import continuing

# Hydra gives the exceptions of the task to us instead of printing them and exiting with 1.
os.environ["HYDRA_FULL_ERROR"] = "1"


# Threads that wait by spinning collapse on a busy machine; must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # its warnings would stand above an error


DEBUG = "run.debug=true"


SHOWING = {"--cfg", "-c", "--info", "--hydra-help", "--version"}  # Hydra answers; nothing runs


def main() -> None:
    """The ``tl-run`` command."""
    sys.exit(run_command(sys.argv[1:], alone=True))


def run_command(arguments: Sequence[str], alone: bool = False) -> int:
    """Run ``tl-run`` with these arguments and return its exit code.

    0 done, 1 bug or a failed job of a sweep, 2 config, 3 data, 4 not finite, 5 memory,
    6 checkpoint, 7 disk, 129 SIGHUP, 130 SIGINT, 143 SIGTERM.
    """
    return command.run(lambda: answer(arguments), alone, debug=DEBUG in arguments)


def answer(arguments: Sequence[str]) -> int:
    """The help, or what the words ask for; returns the exit code."""
    if {"--help", "-h"} & set(arguments):
        print(help_text())
        return 0
    return start(separated(arguments))


def start(words: list[str]) -> int:
    """Check the words, settle the folder and the seed, and run; returns the exit code."""
    refuse_launchers()
    refuse_unknown_flags(words)
    refuse_record_as_config(words)
    words = expand_like(words)
    words = present_words([*stored_overrides(words), *words])
    # Composed here and once more by Hydra's main, which would end a config error with code 1.
    configs = compose_jobs(words)
    sweep = bool({"-m", "--multirun"} & set(words))
    if SHOWING & set(words):
        give_to_hydra(words)
        return 0
    for config in configs:
        refuse_wrong_values(plain(config))
    if any(config.run.dry for config in configs):
        from translearn.launch.dry import try_out

        return try_out(configs, sweep)
    if not sweep and configs[0].run.resume in (None, "auto"):  # else there is a folder already
        refuse_unfit_data(plain(configs[0]))
    folder, settled = settle(words, configs, sweep)
    told = told_done(folder) if configs[0].run.resume and not sweep else None
    if told:
        print(told)
        return 0
    terminal.go_on_without()
    if sweep:
        return run_sweep([*of_the_jobs(words), *settled], folder)
    return run_alone([*words, *settled])


class Passed(BaseException):
    """An error of a run on its way through Hydra, which prints a line of its own over others."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def run_alone(words: Sequence[str]) -> int:
    """One run."""
    try:
        give_to_hydra(words)
    except Passed as passed:
        raise passed.error from passed.error.__cause__
    return 0


def run_sweep(words: Sequence[str], folder: Path) -> int:
    """The jobs of a sweep, and the table that ends it; 1 if a job did not come to its end."""
    # what the machine has, before a launcher hides it from its jobs
    os.environ["TRANSLEARN_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    signals.current().way_on = "the same command and run.skip_done=true"
    try:
        give_to_hydra(words)
    except TranslearnError:  # of a job: the table tells it
        return end_of_sweep(folder)
    except Exception as error:
        if DEBUG in words:
            raise
        # of the launcher or the sweeper: the jobs hand us none but TranslearnErrors
        what = str(of_type(error)) or type(error).__name__
        terminal.complain(f"error: the launcher or the sweeper gave up: {what}")
        return max(1, end_of_sweep(folder))
    return end_of_sweep(folder)


def give_to_hydra(words: Sequence[str]) -> None:
    """Let Hydra compose the words and call ``task``, once or for each job of a sweep."""
    sys.argv = [sys.argv[0], *flags_first(words)]
    task()


def separated(arguments: Sequence[str]) -> list[str]:
    """``--option=value`` as two words, as every reader here expects it."""
    parts = [a.split("=", 1) if a.startswith("--") else [a] for a in arguments]
    return [word for part in parts for word in part]


def refuse_launchers() -> None:
    """Refuse to be started once a rank.

    Raises:
        ConfigError: saying what to call instead.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise ConfigError(
            "tl-run starts its own workers: under torchrun the ranks would disagree on the "
            "folder\ncall tl-run run.gpus=N instead"
        )


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="config")
def task(config: DictConfig) -> float | None:
    """One job: run it and return what a sweeper may optimise: the result's ``objective``."""
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    values = plain(config)
    values["overrides"] = list(hydra_config.overrides.task)
    values["experiment"] = hydra_config.runtime.choices.get("experiment")
    if hydra_config.mode is RunMode.MULTIRUN:
        return run_in_sweep(values, folder, hydra_config)
    signals.current().way_on = continuing(folder.absolute())
    try:
        from translearn.launch.launch import launch, tell

        result = launch(values, folder)
        tell(result, folder)
    except Exception as error:
        raise Passed(error) from error.__cause__
    score: float | None = result.objective["value"]
    return score


def run_in_sweep(values: Config, folder: Path, hydra_config: HydraConf) -> float | None:
    """One job of a sweep, in a process of its own.

    Raises:
        TranslearnError: it failed, or a sweeper that optimises finds nothing to optimise.
    """
    from translearn.launch.sweep import run_job
    from translearn.launch.sweep_process import SweepEntry

    entry = SweepEntry(
        config=values,
        folder=folder,
        number=int(hydra_config.job.num),
        launcher=str(hydra_config.runtime.choices["hydra/launcher"]),
        root=Path(values["output_root"]),
        sweep=Path(hydra_config.sweep.dir),
        logging=plain(hydra_config.job_logging),
    )
    optimises = hydra_config.runtime.choices["hydra/sweeper"] != "basic"
    try:
        objective = run_job(entry)
    except TranslearnError:
        if optimises:
            raise
        return None  # the table tells it
    if objective is None and optimises:
        error = TranslearnError(
            "nothing to optimise: there are no validation labels that this method may use\n"
            "compare the runs of a plain sweep instead"
        )
        terminal.complain(f"error: {error}")  # sweepers keep it to themselves
        raise error
    return objective


def end_of_sweep(folder: Path) -> int:
    """Print the table of a sweep; 1 if a job did not come to its end, else 0."""
    from translearn.report.collect import collect
    from translearn.report.table import print_table

    print_table([folder])
    return int(any(run.status != "done" for run in collect([folder])))


if __name__ == "__main__":
    main()
