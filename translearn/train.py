"""tl-run: from the command line to a run. Imports no torch, so help and config errors are quick."""

import itertools
import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import hydra
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from translearn.config import Config, conf_dir, differences, nearest, plain
from translearn.errors import ConfigError, StopSignal, TranslearnError, reader_left
from translearn.folders import (
    fresh_folder,
    refuse_differences,
    refuse_other_runs,
    resumed_folder,
    stored_config,
)
from translearn.help import explain, help_text

# Hydra gives the exceptions of the task to us instead of printing them and exiting with 1.
os.environ["HYDRA_FULL_ERROR"] = "1"
# Threads that wait by spinning collapse on a busy machine; must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
SWEEP_KEYS = ("run.skip_done", "run.job_minutes")


def main() -> None:
    """The ``tl-run`` command."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run ``tl-run`` with these arguments and return its exit code.

    0 done, 1 bug or a failed job of a sweep, 2 config, 3 data, 4 not finite, 5 memory,
    6 checkpoint, 7 disk, 130 SIGINT, 143 SIGTERM.
    """
    if {"--help", "-h"} & set(arguments):
        try:
            print(help_text(), flush=True)
        except BrokenPipeError:
            reader_left()
        return 0
    # --option=value as two arguments, as every reader below expects it
    arguments = [
        part for a in arguments for part in (a.split("=", 1) if a.startswith("--") else [a])
    ]
    sweep = bool({"-m", "--multirun"} & set(arguments))
    debug = "run.debug=true" in arguments
    folders: list[Path] = []
    try:
        if "TORCHELASTIC_RUN_ID" in os.environ:
            raise ConfigError(
                "tl-run starts its own workers: under torchrun the ranks would disagree on the "
                "folder\ncall tl-run run.gpus=N instead"
            )
        refuse_unknown_flags(arguments)
        arguments = [*stored_overrides(arguments), *arguments]
        jobs = compose_jobs(arguments)
        showing = {"--cfg", "-c", "--info", "--hydra-help", "--version"} & set(arguments)
        extra = [] if showing else settle(arguments, jobs, sweep, folders)
        if sweep:  # what the machine has, before a launcher hides it from its jobs
            os.environ["TRANSLEARN_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
        sys.argv = [sys.argv[0], *arguments, *extra]
        task()
    except TranslearnError as error:
        if sweep and folders:
            return end_of_sweep(folders[0])
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except StopSignal as stop:
        resume = "the same command and run.skip_done=true"
        if not sweep:
            resume = f"tl-run run.resume={RUNNING[-1]}"
        print(f"{stop}; continue with: {resume}", file=sys.stderr)
        return stop.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not (sweep and folders) or debug:
            raise
        # of the launcher or the sweeper: the jobs hand us none but TranslearnErrors
        print(f"error: the sweep was given up: {str(error) or repr(error)}", file=sys.stderr)
        return max(1, end_of_sweep(folders[0]))
    if sweep and folders:
        return end_of_sweep(folders[0])
    return 0


RUNNING: list[Path] = []  # the folder of the current run, for messages


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="config")
def task(config: DictConfig) -> float | None:
    """One job: run it and return what a sweeper may optimise: the result's ``objective``."""
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    RUNNING.append(folder)
    values = plain(config)
    values["overrides"] = list(hydra_config.overrides.task)
    values["experiment"] = hydra_config.runtime.choices.get("experiment")
    if hydra_config.mode is RunMode.MULTIRUN:
        return run_in_sweep(values, folder, hydra_config)
    from translearn.launch import launch
    from translearn.report.table import print_result

    result = launch(values, folder)
    print_result(result, folder)
    score: float | None = result["objective"]["value"]
    return score


def run_in_sweep(values: Config, folder: Path, hydra_config: HydraConf) -> float | None:
    """One job of a sweep, in a process of its own.

    Raises:
        TranslearnError: it failed, or a sweeper that optimises finds nothing to optimise.
    """
    from translearn.sweep import SweepJob, run_job

    job = SweepJob(
        config=values,
        folder=folder,
        number=int(hydra_config.job.num),
        launcher=str(hydra_config.runtime.choices["hydra/launcher"]),
        root=Path(values["output_root"]),
        sweep=Path(hydra_config.sweep.dir),
        logging=plain(hydra_config.job_logging),
    )
    objective = run_job(job)
    if objective is None and hydra_config.runtime.choices["hydra/sweeper"] != "basic":
        raise TranslearnError(
            "there is nothing to optimise: no validation labels that this method may use\n"
            "compare the runs of a plain sweep instead"
        )
    return objective


def refuse_unknown_flags(arguments: Sequence[str]) -> None:
    """Refuse what is no option of Hydra's, in fewer lines than Hydra does.

    Raises:
        ConfigError: naming the option.
    """
    known = [name for action in get_args_parser()._actions for name in action.option_strings]
    for argument in arguments:
        if argument.startswith("-") and argument not in known:
            close = nearest(argument, [name for name in known if name.startswith("--")])
            raise ConfigError(f"{argument} is no option{close.split('; there are')[0]}")


def positional(arguments: Sequence[str]) -> list[str]:
    """The overrides among the arguments."""
    takes_value = {"--cfg", "-c", "--package", "-p", "--config-dir", "-cd", "--config-name", "-cn",
                   "--config-path", "-cp", "--info", "-i"}  # fmt: skip
    overrides, skip = [], False
    for argument in arguments:
        if not skip and not argument.startswith("-"):
            overrides.append(argument)
        skip = argument in takes_value
    return overrides


def stored_overrides(arguments: Sequence[str]) -> list[str]:
    """The options that the run in ``run.resume`` was started with and that are not given anew."""
    given = {o.split("=", 1)[0]: o.split("=", 1)[1] for o in positional(arguments) if "=" in o}
    folder = Path(given.get("run.resume", "auto").strip("'\""))
    record = folder / ".hydra" / "overrides.yaml"
    if not record.is_file():
        return []
    stored = [str(override) for override in OmegaConf.load(record)]
    left_out = {*given, *SWEEP_KEYS}
    return [override for override in stored if override.split("=", 1)[0] not in left_out]


def compose_jobs(arguments: Sequence[str]) -> list[DictConfig]:
    """The config of every job that the command line asks for.

    Raises:
        ConfigError: an option or a value is wrong; the nearest name is told.
    """
    overrides = positional(arguments)
    search = [
        f"hydra.searchpath=[file://{Path(after).resolve()}]"
        for before, after in itertools.pairwise(arguments)
        if before in ("--config-dir", "-cd")
    ]
    try:
        choices: list[list[str]] = []
        grid = not {"sweep=optuna", "hydra/sweeper=optuna"} & set(overrides)
        for override in OverridesParser.create().parse_overrides(overrides):
            if override.is_discrete_sweep():
                key = override.get_key_element()
                choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
            elif not override.is_sweep_override():
                choices.append([str(override.input_line)])
        with initialize_config_dir(conf_dir(), version_base="1.3"):
            jobs = itertools.product(*choices) if grid else one_at_a_time(choices)
            return [compose("config", [*search, *job]) for job in jobs]
    except Exception as error:
        raise ConfigError(explain(error, overrides)) from error


def one_at_a_time(choices: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """The first choices, then each other one beside them: the whole product may be endless."""
    first = [values[0] for values in choices]
    yield first
    for position, values in enumerate(choices):
        for value in values[1:]:
            yield [*first[:position], value, *first[position + 1 :]]


def settle(
    arguments: Sequence[str], jobs: list[DictConfig], sweep: bool, folders: list[Path]
) -> list[str]:
    """Decide the run folder (made here, so that it is nobody else's) and the seed.

    Returns:
        Overrides to append to the command line.
    """
    extra = []
    given = {o.split("=", 1)[0]: o.split("=", 1)[1] for o in positional(arguments) if "=" in o}
    key = "hydra.sweep.dir" if sweep else "hydra.run.dir"
    resume, skip_done = jobs[0].run.resume, jobs[0].run.skip_done
    root = Path(jobs[0].output_root)
    for name in SWEEP_KEYS:
        if name in given and not sweep:
            raise ConfigError(f"{name} is for sweeps: add -m, or leave it out")
    if key in given:
        folder = Path(given[key].strip("'\""))
        used = (folder / ".hydra").exists() or (folder / "result.json").exists()
        if used and not resume:
            raise ConfigError(
                f"{folder} already holds a run\nadd run.resume=auto to continue it, or choose "
                f"another {key}"
            )
        if sweep and not resume and any(folder.glob("*/.hydra")):
            if not skip_done:
                raise ConfigError(
                    f"{folder} already holds a sweep\nadd run.skip_done=true to run only what is "
                    f"missing, or choose another {key}"
                )
            refuse_other_runs(folder, jobs)
        folder.mkdir(parents=True, exist_ok=True)
    elif sweep:
        folder = fresh_folder(root / "sweeps", "%Y-%m-%d_%H-%M-%S-%f")
    else:
        found = resumed_folder(str(resume), root, jobs[0]) if resume else None
        folder = found or fresh_folder(root, "%Y-%m-%d/%H-%M-%S-%f")
    folders.append(folder)
    continued = resume and not sweep and (folder / ".hydra").exists()
    if jobs[0].seed is None:
        stored = stored_config(folder)["seed"] if continued else None
        seed = random.SystemRandom().randrange(2**31) if stored is None else stored
        print(f"seed={seed} (picked, since seed=null)", file=sys.stderr)
        extra.append(f"seed={seed}")
        for job in jobs:
            job.seed = seed
    if continued:
        refuse_differences(folder, differences(stored_config(folder), plain(jobs[0])))
        extra.append("hydra.output_subdir=null")  # keeps the record of the first start
    if key not in given:
        quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
        extra.append(f"{key}='{quoted}'")
    return extra


def end_of_sweep(folder: Path) -> int:
    """Print the table of a sweep; 1 if a job did not come to its end, else 0."""
    from translearn.report.table import collect, print_table

    print_table([folder])
    return int(any(run.status != "done" for run in collect([folder])))


if __name__ == "__main__":
    main()
