"""The stages of CI: each one's minutes and CPU-seconds, and which of them grew by half."""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

AIM = 40  # minutes of all stages
GROWN = 1.5
RECORD = Path(__file__).with_name("stages.json")
OLDER = "ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2"
EXTRAS = "dev,docs,joblib,submitit,optuna,tensorboard,wandb,mlflow,onnx,pretrained"
STAGES = {
    "install": "pip install -q '.[test]'",
    "tests": "pytest",
    "golden losses on an older processor": f"{OLDER} pytest tests/golden",
    "install extras": f"pip install -q '.[{EXTRAS}]'",
    "lint": "ruff check . && ruff format --check .",
    "types": "mypy",
    "tests that need extras": "pytest $(grep -rlE 'importorskip|find_spec' tests --include='*.py')",
    "full": "pytest -m 'full and not slow and not realdata'",
    "slow": "pytest -m 'slow and not realdata'",
    "claims": "tl-verify --embedded",
    "docs": "mkdocs build -q --strict --site-dir .ci/venv/site",
}
REAL_DATA = "pytest -m realdata"  # where TRANSLEARN_DATA says that it is


@dataclass(frozen=True)
class Spent:
    """What a stage has taken; ``cpu`` counts all processes that it has waited for."""

    code: int
    minutes: float
    cpu: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every stage, also after one that fails; 1 if any has failed, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} anew")
    record = parser.parse_args(arguments).record
    data = os.environ.pop("TRANSLEARN_DATA", None)  # every other stage does without, as a new clone
    spent = {name: run(name, command) for name, command in STAGES.items()}
    if data:
        spent["real data"] = run("real data", f"TRANSLEARN_DATA={shlex.quote(data)} {REAL_DATA}")
    known = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    print(summary(spent, known))
    failed = any(stage.code for stage in spent.values())
    if record and not failed:
        cpu = {name: round(stage.cpu) for name, stage in spent.items()}
        RECORD.write_text(json.dumps({**known, **cpu}, indent=2) + "\n")
    return int(failed)


def run(name: str, command: str) -> Spent:
    """Run one stage, its output as it comes."""
    print(f"\n== {name}: {command}", flush=True)
    began = time.monotonic()
    process = subprocess.Popen(["bash", "-c", command])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # we took it from Popen
    minutes = (time.monotonic() - began) / 60
    return Spent(process.returncode, minutes, usage.ru_utime + usage.ru_stime)


def summary(spent: Mapping[str, Spent], known: Mapping[str, float]) -> str:
    """A line a stage, and what is to be looked at."""
    lines = ["", " minutes  CPU-s  stage"]
    for name, stage in spent.items():
        words = [name, *(["FAILED"] if stage.code else [])]
        if name not in known:
            words.append(f"(not in {RECORD.name})")
        elif stage.cpu > GROWN * known[name]:
            words.append(f"GREW by half and more: {known[name]:.0f} CPU-s on record")
        lines.append(f"{stage.minutes:8.1f} {stage.cpu:6.0f}  {' '.join(words)}")
    minutes = sum(stage.minutes for stage in spent.values())
    cpu = sum(stage.cpu for stage in spent.values())
    lines.append(f"{minutes:8.1f} {cpu:6.0f}  all; the aim is {AIM} minutes")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
