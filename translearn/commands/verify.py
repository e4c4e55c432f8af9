"""tl-verify: run the experiments that carry a claim and say whether it holds. Imports no torch."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import mean
from typing import Any

from omegaconf import OmegaConf

from translearn.config import conf_dir
from translearn.errors import ConfigError, DataError, TranslearnError, nearest
from translearn.launch.settle import fresh_folder
from translearn.report.collect import read_run
from translearn.report.grid import deviation

ROUNDING = 1e-9  # mean - tolerance in binary may lie a hair above what the yaml says


DEVICES = ("cpu", "cuda", "any")


@dataclass(frozen=True)
class Claim:
    """The figure that an experiment promises.

    Attributes:
        metric: a key of ``metrics`` in result.json.
        mean: what the mean over the seeds should be; ``tolerance`` less still passes.
        minutes: about how long one seed takes.
        device: where it holds.
        source: where the number comes from.
        embedded: needs no download, so that it can gate every commit.
        overrides: options to add to the command line.
    """

    name: str
    metric: str
    mean: float
    tolerance: float
    seeds: tuple[int, ...]
    minutes: float
    device: str
    source: str
    embedded: bool = False
    overrides: tuple[str, ...] = ()


Runner = Callable[[Claim, int, Path], int]  # runs a seed in the folder and returns the exit code


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``tl-verify`` command.

    Returns:
        0 all passed, 1 a claim failed or was named and could not be checked, 2 unknown names.
    """
    parser = argparse.ArgumentParser(
        prog="tl-verify", description="Run shipped experiments and check the figure each claims."
    )
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="names (all)")
    parser.add_argument("--embedded", action="store_true", help="only those that need no download")
    parser.add_argument("--list", action="store_true", help="show the claims and run nothing")
    given = parser.parse_args(arguments)
    try:
        chosen = choose(read_claims(Path(conf_dir())), given.experiments, given.embedded)
        if given.list:
            for claim in chosen:
                print(describe(claim))
            return 0
        folder = fresh_folder(Path("outputs") / "verify", "%Y-%m-%d_%H-%M-%S-%f")
        minutes = sum(claim.minutes * len(claim.seeds) for claim in chosen)
        print(f"{len(chosen)} experiments, about {minutes:.1f} minutes, in {folder}", flush=True)
        return run_claims(chosen, folder, named=bool(given.experiments))
    except TranslearnError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def read_claims(conf: Path) -> dict[str, Claim]:
    """The claims of all experiments, by name.

    Raises:
        ConfigError: a claim lacks a key, has one too many, or a wrong value.
    """
    paths = sorted((conf / "experiment").glob("*.yaml"))
    loaded = {path: OmegaConf.to_container(OmegaConf.load(path)) for path in paths}
    return {
        path.stem: read_claim(path, config["claim"])
        for path, config in loaded.items()
        if isinstance(config, dict) and config.get("claim")
    }


def read_claim(path: Path, values: Mapping[str, Any]) -> Claim:
    """One claim, checked.

    Raises:
        ConfigError: as said above.
    """
    known = [field.name for field in fields(Claim) if field.name != "name"]
    for key in values:
        if key not in known:
            raise ConfigError(f"{path}: claim.{key} does not exist{nearest(str(key), known)}")
    try:
        claim = Claim(
            name=path.stem,
            metric=str(values["metric"]),
            mean=float(values["mean"]),
            tolerance=float(values["tolerance"]),
            seeds=tuple(int(seed) for seed in values["seeds"]),
            minutes=float(values["minutes"]),
            device=str(values["device"]),
            source=str(values["source"]),
            embedded=bool(values.get("embedded", False)),
            overrides=tuple(str(override) for override in values.get("overrides") or ()),
        )
    except KeyError as error:
        raise ConfigError(f"{path}: claim.{error.args[0]} is missing") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: claim: {error}") from error
    if not claim.seeds or claim.device not in DEVICES or claim.tolerance < 0:
        raise ConfigError(
            f"{path}: claim needs a seed, a tolerance of at least 0 and a device of "
            f"{', '.join(DEVICES)}"
        )
    return claim


def choose(claims: Mapping[str, Claim], names: Sequence[str], embedded: bool) -> list[Claim]:
    """The claims to check: those named, or all; with ``embedded`` only the embedded of them.

    Raises:
        ConfigError: a name has no claim, or nothing is left: a gate that checks nothing is open.
    """
    for name in names:
        if name not in claims:
            raise ConfigError(f"no experiment {name} with a claim{nearest(name, claims)}")
    chosen = [claims[name] for name in dict.fromkeys(names or claims)]
    chosen = [claim for claim in chosen if claim.embedded or not embedded]
    if not chosen:
        raise ConfigError("no such experiment carries a claim; see tl-verify --list")
    return chosen


def describe(claim: Claim) -> str:
    """A claim in two lines."""
    seeds = ",".join(map(str, claim.seeds))
    embedded = ", embedded" if claim.embedded else ""
    return (
        f"{claim.name}: {claim.metric} >= {claim.mean:.4f} - {claim.tolerance:.4f}, seeds {seeds}, "
        f"{claim.minutes:g} minutes a seed, device {claim.device}{embedded}\n    {claim.source}"
    )


def run_claims(
    claims: Sequence[Claim], folder: Path, runner: Runner | None = None, named: bool = False
) -> int:
    """Check claims one after the other and print a line for each.

    Args:
        claims: what to check.
        folder: results go to ``<folder>/<experiment>/<seed>``.
        runner: runs one seed; by default in a process of its own.
        named: whether the user asked for these, so that one that is skipped has not passed.

    Returns:
        0 if all hold, else 1.
    """
    code = 0
    for claim in claims:
        try:
            passed, line = check_claim(claim, folder / claim.name, runner or run_seed)
            print(f"{'PASS' if passed else 'FAIL'} {claim.name}  {line}", flush=True)
        except DataError as missing:
            passed = not named
            print(f"SKIPPED {claim.name}  {missing}", flush=True)
        code = code if passed else 1
    return code


def check_claim(claim: Claim, folder: Path, runner: Runner) -> tuple[bool, str]:
    """Run the seeds of a claim, up to the first that fails, and compare.

    Returns:
        Whether the claim holds, and what to say about it.

    Raises:
        DataError: it cannot be checked here, since data or the GPU is missing.
    """
    if claim.device == "cuda" and not has_cuda():
        raise DataError("it needs a GPU, and PyTorch sees none here")
    started, values = time.monotonic(), []
    for seed in claim.seeds:
        run_folder = folder / str(seed)
        run_folder.mkdir(parents=True, exist_ok=True)
        code = runner(claim, seed, run_folder)
        run = read_run(run_folder)
        reason = (run.reason if run.status == "failed" else "") or told(run_folder / "output.txt")
        if code == DataError.exit_code:
            raise DataError(reason.splitlines()[0])
        if code or run.status != "done":
            return False, f"seed {seed} ended with exit code {code}: {reason} [{run_folder}]"
        if claim.metric not in run.metrics:
            return False, f"seed {seed} has no {claim.metric}{nearest(claim.metric, run.metrics)}"
        values.append(run.metrics[claim.metric])
    minutes = (time.monotonic() - started) / 60
    measured = mean(values)
    around = f"{deviation(values):.4f}" if len(values) > 1 else "—"
    each = ", ".join(f"{s}: {v:.4f}" for s, v in zip(claim.seeds, values, strict=True))
    line = (
        f"{claim.metric} {measured:.4f} ± {around}, claimed {claim.mean:.4f} - "
        f"{claim.tolerance:.4f}; seeds {each}; {minutes:.1f} minutes"
    )
    return measured >= claim.mean - claim.tolerance - ROUNDING, line


def run_seed(claim: Claim, seed: int, folder: Path) -> int:
    """Run one seed of an experiment by ``tl-run`` in a process of its own, as a user would."""
    device = [] if claim.device == "any" else [f"run.device={claim.device}"]
    options = [f"experiment={claim.name}", f"seed={seed}", *device, *claim.overrides]
    command = [sys.executable, "-m", "translearn.train", *options, f"hydra.run.dir='{folder}'"]
    output = folder / "output.txt"
    print(f"  {claim.name} seed {seed}: see {output}", file=sys.stderr, flush=True)
    with open(output, "wb") as file:
        return subprocess.run(command, stdout=file, stderr=subprocess.STDOUT).returncode


def has_cuda() -> bool:
    """Whether there is a GPU."""
    import torch

    return torch.cuda.is_available()


def told(output: Path) -> str:
    """What a run that left no result said: its error message, else its last line."""
    text = output.read_text(errors="replace") if output.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines[-1:] or ["it said nothing"])[0]


if __name__ == "__main__":
    sys.exit(main())
