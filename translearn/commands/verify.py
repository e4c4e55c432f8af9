"""tl-verify: run the experiments that carry a claim and say whether it holds. Imports no torch."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from translearn.commands.claims import Claim, choose, describe, read_claims
from translearn.config import conf_dir
from translearn.errors import DataError, StopSignal, nearest
from translearn.launch.settle import fresh_folder
from translearn.report.collect import read_run
from translearn.report.grid import deviation
from translearn.system import command, terminal

ROUNDING = 1e-9  # mean - tolerance in binary may lie a hair above what the yaml says


Runner = Callable[[Claim, int, Path], int]  # runs a seed in the folder and returns the exit code


def main(arguments: Sequence[str] | None = None) -> int:
    """The ``tl-verify`` command.

    Returns:
        0 all passed, 1 a claim failed or was named and could not be checked, 2 unknown names.
    """
    return command.run(lambda: check(arguments), alone=arguments is None)


def check(arguments: Sequence[str] | None) -> int:
    """What ``tl-verify`` does with these arguments."""
    parser = argparse.ArgumentParser(
        prog="tl-verify", description="Run shipped experiments and check the figure each claims."
    )
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="names (all)")
    parser.add_argument("--embedded", action="store_true", help="only those that need no download")
    parser.add_argument("--list", action="store_true", help="show the claims and run nothing")
    given = parser.parse_args(arguments)
    chosen = choose(read_claims(Path(conf_dir())), given.experiments, given.embedded)
    if given.list:
        for claim in chosen:
            print(describe(claim))
        return 0
    terminal.go_on_without()
    folder = fresh_folder(Path("outputs") / "verify", "%Y-%m-%d_%H-%M-%S-%f")
    minutes = sum(claim.total_minutes for claim in chosen)
    print(f"{len(chosen)} claims, about {minutes:.1f} minutes, in {folder}", flush=True)
    return run_claims(chosen, folder, named=bool(given.experiments))


def run_claims(
    claims: Sequence[Claim], folder: Path, runner: Runner | None = None, named: bool = False
) -> int:
    """Check claims one after the other and print a line for each.

    Args:
        claims: what to check.
        folder: results go to ``<folder>/<experiment>/<seed>``, of a table's cells to
            ``<folder>/<experiment>/<number>/<seed>``.
        runner: runs one seed; by default in a process of its own.
        named: whether the user asked for these, so that one that is skipped has not passed.

    Returns:
        0 if all hold, else 1.
    """
    code = 0
    for claim in claims:
        try:
            passed, line = check_claim(claim, folder / claim.folder, runner or run_seed)
            print(f"{'PASS' if passed else 'FAIL'} {claim.title}  {line}", flush=True)
        except DataError as missing:
            passed = not named
            print(f"SKIPPED {claim.title}  {missing}", flush=True)
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
    words = [*claim.options, f"seed={seed}", f"hydra.run.dir='{folder}'"]
    begun = [sys.executable, "-m", "translearn.train", *words]
    output = folder / "output.txt"
    print(f"  {claim.title} seed {seed}: see {output}", file=sys.stderr, flush=True)
    with open(output, "wb") as file, subprocess.Popen(begun, stdout=file, stderr=file) as run:
        try:
            return run.wait()
        except StopSignal as stop:
            run.send_signal(stop.number)  # it saves; alone it would go on
            raise


def has_cuda() -> bool:
    """Whether there is a GPU."""
    import torch

    return torch.cuda.is_available()


def told(output: Path) -> str:
    """What a run that left no result said: its error message, else its last line."""
    text = output.read_text("utf-8", "replace") if output.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines[-1:] or ["it said nothing"])[0]


if __name__ == "__main__":
    sys.exit(main())
