"""A command that the warm server forks finds what a cold one finds, and ends as one."""

import json
import os
import signal
import subprocess
import sys

import pytest
from commands import Command
from surroundings import ENVIRONMENT
from warm import ADDRESS, Fork, Server

FACTS = """
import json, multiprocessing.process, os, random, signal, sys, time
sys.stdout.reconfigure(errors="replace")
print(json.dumps({
    "streams": [(f.encoding, f.errors, f.line_buffering, f.name, f.seekable())
                for f in (sys.stdin, sys.stdout, sys.stderr)],
    "names": [__name__, __spec__.name, sys.modules["__main__"].__spec__.name],
    "argv": sys.argv, "path": sys.path, "environment": dict(os.environ),
    "places": [os.getcwd(), multiprocessing.process.ORIGINAL_DIR],
    "signals": {s.name: str(signal.getsignal(s)) for s in signal.valid_signals()
                if isinstance(s, signal.Signals)},
    "blocked": [str(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    "session": os.getsid(0) == os.getpid(), "input": sys.stdin.read(),
    "descriptors": len(os.listdir("/proc/self/fd")), "threads": len(os.listdir("/proc/self/task")),
    "parent": str(multiprocessing.parent_process()),
    "start method": multiprocessing.get_start_method(allow_none=True),
    "processor time": time.process_time() < 5,
}))
print(random.random(), file=sys.stderr)
sys.exit(3)
"""
FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print("ready", flush=True)
time.sleep(3600)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone")


@pytest.fixture
def program(start, tmp_path):
    """``program(code, **options)`` begins a program of one's own."""

    def begin(code, **options):
        if not (tmp_path / "mine.py").exists():  # one that began before may be reading it
            (tmp_path / "mine.py").write_text(code)
        return start("an argument", "x=[1,2]", module="mine", environment={"A": "b"}, **options)

    return begin


def test_it_finds_what_a_cold_one_finds(program):
    cold, first, second = program(FACTS, cold=True), program(FACTS), program(FACTS)
    assert (type(cold), type(first)) == (Command, Fork)
    (out, _), (warm, draw), (_, other) = (run.communicate() for run in (cold, first, second))
    assert json.loads(warm) == json.loads(out)
    assert cold.returncode == first.returncode == 3
    assert float(draw) != float(other)


@pytest.mark.full
def test_where_an_import_began_a_thread_its_forks_start_cold(program, tmp_path, monkeypatch):
    begin = "import threading, time\nthreading.Thread(target=time.sleep, args=[3600], daemon=True)"
    (tmp_path / "sitecustomize.py").write_text(f"{begin}.start()\n")
    monkeypatch.setenv(ADDRESS, "")
    with monkeypatch.context() as context:
        paths = f"{tmp_path}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}"
        context.setitem(ENVIRONMENT, "PYTHONPATH", paths)
        server = Server()
    try:
        process = program("import sys; print('torch' in sys.modules); sys.exit(3)")
        assert type(process) is Fork
        assert process.communicate() == ("False\n", "") and process.returncode == 3
    finally:
        server.close()


@pytest.mark.parametrize("cold", [False, True])
def test_one_that_is_late_is_ended_with_all_it_has_started(program, cold):
    process = program(FAMILY, cold=cold)
    assert process.stdout.readline() == "ready\n"
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=0.1)
    assert process.returncode == -signal.SIGKILL
