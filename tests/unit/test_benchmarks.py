"""The benchmarks that README's figures come from still run on the code of today."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from surroundings import ENVIRONMENT, HANG

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "row"),
    [
        ("loop.py --rounds 1 --steps 1", "lenet, loop / lenet, plain PyTorch loop"),
        ("views.py --rounds 2 --steps 1", "loop"),
        ("call_trace.py", "changes of file"),
        ("kills.py --kills 1 frozen", "1 kills 0 differing"),
        ("fingerprint.py --files 40", "remembered: "),
    ],
)
def test_it_prints_its_table(script, row):
    name, *options = script.split()
    done = subprocess.run(
        [sys.executable, BENCHMARKS / name, *options], capture_output=True, text=True, timeout=HANG
    )
    assert done.returncode == 0, done.stderr
    assert row in done.stdout


@pytest.fixture
def gpu():
    """The module benchmarks/gpu.py."""
    spec = importlib.util.spec_from_file_location("gpu_benchmark", BENCHMARKS / "gpu.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.full
@pytest.mark.timeout(1500)
def test_what_a_gpu_shows_is_tried_on_the_processor(tmp_path):
    done = subprocess.run(
        [BENCHMARKS / "gpu.sh", "--device", "cpu", "--quick", tmp_path / "gpu.json"],
        env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, timeout=1400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "gpu.json").read_text())
    assert record["schema"] == 1
    assert record["device"] == {"kind": "cpu"}
    assert record["failures"] == {}
    assert record["versions"]["packages"]["torch"] == torch.__version__.split("+")[0]
    parts = record["parts"]
    assert list(parts) == ["tests", "loop_bf16", "loop_fp32", "bits", "mnistm"]
    assert record["seconds"] >= sum(part["seconds"] for part in parts.values()) - 1
    assert parts["tests"]["figures"]["tests"] == parts["tests"]["figures"]["skipped"] > 0
    for precision in ("bf16", "fp32"):
        figures = parts[f"loop_{precision}"]["figures"]
        assert figures["precision"] == precision
        assert figures["rows"]["wide, loop augmented"] > 0
    assert parts["bits"]["figures"]["same"] is True
    assert len(parts["bits"]["commands"]) == 2
    assert parts["mnistm"]["figures"]["accuracy"] is None
    assert "no mnist" in parts["mnistm"]["figures"]["absent"]


def test_a_part_that_fails_stops_no_other(gpu, tmp_path, monkeypatch, capsys):
    def failing(session):
        session.must(sys.executable, "-c", "import sys; print('no luck'); sys.exit(3)")

    parts = {"bad": (failing, 60.0), "good": (lambda session: {"figure": 1}, 60.0)}
    monkeypatch.setattr(gpu, "PARTS", parts)
    monkeypatch.setattr(
        sys, "argv", ["gpu.py", "--device", "cpu", "--quick", str(tmp_path / "gpu.json")]
    )
    assert gpu.main() == 1
    record = json.loads((tmp_path / "gpu.json").read_text())
    assert record["failures"] == {"bad": "PartError: exit code 3: no luck"}
    assert record["parts"]["bad"]["figures"] is None
    assert record["parts"]["good"]["figures"] == {"figure": 1}
    assert "failures: bad" in capsys.readouterr().out


def test_a_part_whose_time_is_up_ends_with_all_it_started(gpu, tmp_path):
    marker = tmp_path / "pid"
    child = f"import os, time; open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    session = gpu.Session("cpu", True, tmp_path, deadline=time.monotonic() + 4)
    with pytest.raises(gpu.PartError, match="time is up"):
        session.run(sys.executable, "-c", parent)
    with pytest.raises(ProcessLookupError):
        gone(int(marker.read_text()))


def gone(pid):
    """Ask for a process until it is no more; raises ProcessLookupError then."""
    for _ in range(200):
        os.kill(pid, 0)
        time.sleep(0.05)


def test_time_to_accuracy_is_that_of_the_first_evaluation_above_it(gpu):
    key = "target/test/accuracy"
    log = [{"seconds": 1.0}, {"seconds": 2.0, key: 0.89}, {"seconds": 3.0, key: 0.90}]
    assert gpu.first_at(0.9, log)["seconds"] == 3.0
    assert gpu.first_at(0.95, log) == {}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_how_to_try(gpu, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit, match="2"):
        gpu.main()
    assert "--device cpu --quick" in capsys.readouterr().err
