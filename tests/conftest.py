"""What every test may use, and what the options of the tests do."""

import os
import signal
import sys
import tempfile

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: pytest-xdist runs a worker a core

import commands
from warm import Server

pytest_plugins = ["processor_time"]


def pytest_configure(config):
    """Start the server of warm commands once for all workers; it imports when it is asked.

    What tests keep between runs, such as checksums and features, is theirs alone.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup every command would ignore it
    if not hasattr(config, "workerinput"):
        cache = tempfile.TemporaryDirectory(prefix="translearn-cache-")
        os.environ["XDG_CACHE_HOME"] = cache.name
        config.add_cleanup(cache.cleanup)
    if sys.platform == "linux" and not hasattr(config, "workerinput"):
        config.add_cleanup(Server().close)


@pytest.fixture
def start(tmp_path):
    """``start(*arguments)`` begins a tl-run in ``tmp_path``; takes the options of ``begin``."""
    running = []

    def begin(*arguments, module="translearn.train", **options):
        running.append(commands.begin(module, *arguments, cwd=tmp_path, **options))
        return running[-1]

    yield begin
    for process in running:
        process.end()


@pytest.fixture
def tl_run(tmp_path):
    """``tl_run(*arguments)`` runs tl-run in ``tmp_path``; returns a CompletedProcess."""

    def run(*arguments, **options):
        return commands.run("translearn.train", *arguments, cwd=tmp_path, **options)

    return run


def pytest_make_parametrize_id(val, argname):
    """Bytes are named by their place: gzip writes the time into its own, and workers differ."""
    return argname if isinstance(val, bytes) else None
