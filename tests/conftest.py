"""Real commands as real subprocesses, one thread each."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest
from surroundings import ENVIRONMENT, HANG

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: pytest-xdist runs a worker a core


class Command(subprocess.Popen):
    """A command in a process group of its own, which ends as a whole."""

    def communicate(self, input=None, timeout=HANG):
        """As Popen's; but whoever is late is ended with all it has started.

        Its ranks hold the pipes too: without them nobody would close these.
        """
        try:
            return super().communicate(input, timeout)
        except subprocess.TimeoutExpired:
            self.end()
            raise

    def end(self):
        """Kill the whole group, and close the pipes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        for pipe in (self.stdout, self.stderr):
            pipe.close()


@pytest.fixture
def start(tmp_path):
    """``start(*overrides)`` begins a tl-run in ``tmp_path`` and returns its ``Command``."""
    running = []

    def begin(*arguments, environment=None, **options):
        process = Command(
            [sys.executable, "-m", "translearn.train", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **ENVIRONMENT, **(environment or {})},
            start_new_session=True,
            **options,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.end()


@pytest.fixture
def tl_run(start):
    """``tl_run(*overrides)`` runs tl-run to its end; returns a CompletedProcess."""

    def run(*arguments, **options):
        process = start(*arguments, **options)
        out, err = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    return run
