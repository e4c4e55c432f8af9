"""What one GPU can show, in under eight minutes: the tests that need one, speed, accuracy, bits.

    benchmarks/gpu.sh                               # writes benchmarks/gpu.json
    benchmarks/gpu.sh figures.json
    benchmarks/gpu.sh --device cpu --quick try.json # every part, tiny, on the processor

Each part is a process of its own, which is stopped when the time is up; a part that fails does not
stop the others. MNIST-M needs MNIST and BSDS500 under TRANSLEARN_DATA; without them its figures are
null and the file says why. The exit code is 1 where a part failed.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from translearn.artifacts.surroundings import surroundings
from translearn.data.sets.catalog import data_needs

HERE = Path(__file__).resolve().parent
PATIENCE = 5  # times as long as on a GPU may a part take on a processor
AIM = 0.9  # accuracy on MNIST-M's test images
RUN = (sys.executable, "-m", "translearn.train")


class PartError(Exception):
    """A part did not do what it should; the message says what."""


@dataclass
class Session:
    """What the parts share.

    Attributes:
        device: ``cuda`` or ``cpu``.
        quick: whether every part is as small as it can be.
        folder: for what the parts leave behind; removed at the end.
        deadline: of the current part, on the clock of ``time.monotonic``.
        commands: what was run for it.
        output: what the last command printed.
    """

    device: str
    quick: bool
    folder: Path
    deadline: float = 0.0
    commands: list[str] = field(default_factory=list)
    output: str = ""

    def run(self, *command: str) -> int:
        """Run a command from the repository's root; its exit code.

        Raises:
            PartError: the time is up; the command and all that it started are ended.
        """
        shown = " ".join(command).replace(sys.executable, "python")
        self.commands.append(shown.replace(str(self.folder), "FOLDER"))
        paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
        process = subprocess.Popen(
            command,
            cwd=HERE.parent,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            self.output, _ = process.communicate(timeout=max(1.0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise PartError("its time is up") from None
        return process.returncode

    def must(self, *command: str) -> None:
        """Run a command that has to succeed.

        Raises:
            PartError: it did not; with the end of what it printed.
        """
        code = self.run(*command)
        if code:
            raise PartError(f"exit code {code}: {self.output.strip()[-600:]}")

    def train(self, name: str, *overrides: str) -> Path:
        """One tl-run on the device; returns its folder."""
        folder = self.folder / name
        small = ("run.max_steps=6", "run.eval_samples=64") if self.quick else ()
        machine = (f"run.device={self.device}", "run.figures=false", f"hydra.run.dir={folder}")
        self.must(*RUN, *overrides, *small, *machine)
        return folder


def tests(session: Session) -> dict[str, Any]:
    """The tests that need a GPU; on a processor they are skipped."""
    report = session.folder / "tests.xml"
    code = session.run(
        sys.executable, "-m", "pytest", "-n", "0", "-m", "gpu", "tests/gpu", f"--junitxml={report}"
    )
    if not report.exists():
        raise PartError(f"pytest left no report: {session.output.strip()[-600:]}")
    (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    if code or (session.device == "cuda" and counts["skipped"]):
        raise PartError(f"{counts}: {session.output.strip()[-600:]}")
    return counts


def loop(precision: str) -> "Part":
    """The part that measures the training loop in ``precision``."""

    def part(session: Session) -> dict[str, Any]:
        figures = session.folder / f"loop-{precision}.json"
        amount = ("1", "1") if session.quick else ("4", "40")
        session.must(
            sys.executable, "benchmarks/loop.py", "--device", session.device,
            "--precision", precision, "--rounds", amount[0], "--steps", amount[1],
            "--json", str(figures),
        )  # fmt: skip
        measured: dict[str, Any] = json.loads(figures.read_text())
        return measured

    return part


def mnistm(session: Session) -> dict[str, Any]:
    """Our recipe on MNIST-M: time and samples until ``AIM``, and the accuracy at the end."""
    figures = dict.fromkeys(("seconds_to_aim", "samples_to_aim", "accuracy", "train_seconds"))
    root = Path(os.environ.get("TRANSLEARN_DATA") or "~/.cache/translearn").expanduser()
    sets = data_needs()["mnist_mnistm"].sets
    absent = [s.name for s in sets if not all(part.find(root) for part in s.resources)]
    if absent:
        reason = f"no {' and no '.join(absent)} under TRANSLEARN_DATA: {root}"
        return {"aim": AIM, **figures, "absent": reason}
    folder = session.train(
        "mnistm", "experiment=mnistm_dann", "run=gpu", "data.download=false", "run.evaluate=[test]",
        "run.evaluations=24",
    )  # fmt: skip
    log = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    result = json.loads((folder / "result.json").read_text())
    reached = first_at(AIM, log)
    found = result["metrics"]["target/test/accuracy"]
    if not session.quick and found < AIM:
        raise PartError(f"target test accuracy {found:.3f}, below {AIM}")
    times = (reached.get("seconds"), reached.get("samples"), found, result["train_seconds"])
    return {"aim": AIM, **dict(zip(figures, times, strict=True)), "precision": result["precision"]}


def first_at(aim: float, log: list[dict[str, Any]]) -> dict[str, Any]:
    """The log line of the first evaluation at ``aim`` or above; empty where there is none."""
    return next((line for line in log if line.get("target/test/accuracy", 0.0) >= aim), {})


def bits(session: Session) -> dict[str, Any]:
    """One run twice, whose weights must have the same bits."""
    options = ("run.deterministic=true", "run.max_steps=60")
    models = [
        (session.train(f"bits-{number}", *options) / "model.safetensors").read_bytes()
        for number in (1, 2)
    ]
    if models[0] != models[1]:
        raise PartError("two runs with run.deterministic=true differ in model.safetensors")
    return {"same": True, "bytes": len(models[0])}


Part = Callable[[Session], dict[str, Any]]
PARTS: dict[str, tuple[Part, float]] = {  # and the seconds it may take on a GPU, 460 in all
    "tests": (tests, 110.0),
    "loop_bf16": (loop("bf16"), 60.0),
    "loop_fp32": (loop("fp32"), 60.0),
    "bits": (bits, 80.0),
    "mnistm": (mnistm, 150.0),
}


def recorded(session: Session, title: str) -> dict[str, Any]:
    """Run a part; its figures, seconds and commands, and what went wrong."""
    part, limit = PARTS[title]
    session.commands = []
    start, figures, failure = time.monotonic(), None, None
    session.deadline = start + limit * (PATIENCE if session.device == "cpu" else 1)
    try:
        figures = part(session)
    except (PartError, OSError, ValueError, KeyError) as error:
        failure = f"{type(error).__name__}: {error}"
    seconds = round(time.monotonic() - start, 1)
    print(f"{title}: {seconds} s, {failure or (figures or {}).get('absent', 'done')}", flush=True)
    return {
        "figures": figures, "seconds": seconds, "commands": session.commands, "failure": failure
    }  # fmt: skip


def about(device: str) -> dict[str, Any]:
    """The device, by what decides its figures."""
    if device == "cpu":
        return {"kind": "cpu"}
    properties = torch.cuda.get_device_properties(0)
    return {
        "kind": "cuda",
        "name": properties.name,
        "memory_mib": properties.total_memory // 2**20,
        "capability": f"{properties.major}.{properties.minor}",
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


def main() -> int:
    """Run all parts and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=HERE / "gpu.json", metavar="FILE")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="every part as small as it can be")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch sees no GPU here; --device cpu --quick tries every part without one")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="translearn-gpu-") as name:
        session = Session(given.device, given.quick, Path(name))
        parts = {title: recorded(session, title) for title in PARTS}
    record = {
        "schema": 1,
        "quick": given.quick,
        "device": about(given.device),
        "versions": surroundings(),
        "parts": parts,
        "seconds": round(time.monotonic() - start, 1),
        "failures": {title: part["failure"] for title, part in parts.items() if part["failure"]},
    }
    given.path.write_text(json.dumps(record, indent=2) + "\n")
    print(
        f"{given.path}: {record['seconds']} s, failures: {', '.join(record['failures']) or 'none'}"
    )
    return int(bool(record["failures"]))


if __name__ == "__main__":
    sys.exit(main())
