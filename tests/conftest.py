"""Real commands as real subprocesses, one thread each."""

import os
import subprocess
import sys

import pytest
from surroundings import ENVIRONMENT

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: pytest-xdist runs a worker a core


@pytest.fixture
def start(tmp_path):
    """``start(*overrides)`` begins a tl-run in ``tmp_path`` and returns its Popen object."""
    running = []

    def begin(*arguments, environment=None, **options):
        process = subprocess.Popen(
            [sys.executable, "-m", "translearn.train", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **ENVIRONMENT, **(environment or {})},
            **options,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def tl_run(start):
    """``tl_run(*overrides)`` runs tl-run to its end; returns a CompletedProcess."""

    def run(*arguments, timeout=120, **options):
        process = start(*arguments, **options)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    return run
