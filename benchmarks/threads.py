"""Threads and OMP_WAIT_POLICY, on an idle machine and beside a busy process.

    python benchmarks/threads.py

Wall-clock samples per second of the default run, each as a process of its own. Why: threads that
wait by spinning collapse when another process takes one of their cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

BUSY = "while True: pass"


def speed(threads: int, policy: str, steps: int) -> float:
    """Samples per second of wall time; an empty policy leaves OpenMP's default."""
    with tempfile.TemporaryDirectory() as name:
        command = [
            sys.executable, "-m", "translearn.train", f"run.threads={threads}",
            f"run.max_steps={steps}", "run.evaluations=1", f"hydra.run.dir={name}/run",
        ]  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
        environment["OMP_WAIT_POLICY"] = policy
        subprocess.run(command, env=environment, capture_output=True, check=True)
        return json.loads(Path(name, "run", "result.json").read_text())["samples_per_second"]


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    steps = parser.parse_args().steps
    print("| other process | threads | OMP_WAIT_POLICY | samples / s |\n|---|---|---|---|")
    for busy in (False, True):
        other = subprocess.Popen([sys.executable, "-c", BUSY]) if busy else None
        try:
            for threads in (1, 2):
                for policy in ("PASSIVE", ""):
                    figure = speed(threads, policy, steps)
                    names = ("one" if busy else "none", threads, policy or "not set")
                    print(f"| {' | '.join(map(str, names))} | {figure:,.0f} |", flush=True)
        finally:
            if other:
                other.kill()
                other.wait()


if __name__ == "__main__":
    main()
