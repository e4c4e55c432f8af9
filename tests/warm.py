"""Commands without their imports: a server that has imported torch forks a process for each.

A cold ``tl-run`` spends most of a smoke test's CPU time on imports. What is forked here is a real
process: a session and pipes of its own, signals, exit codes. Only what a Python process draws at
its start is shared with the others, such as the seed of its hash function; start-up itself is
tested cold. The server imports at its first request and ends with the session that started it.
Where an import has begun a thread, as those of a GPU may, its forks start cold after all.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from multiprocessing import process

from surroundings import ENVIRONMENT, HANG

ADDRESS = "TRANSLEARN_TESTS_WARM"  # environment: the server's socket
MESSAGE = 2**17  # bytes; the longest message holds an environment
PRELOADED = (
    "torch._dynamo", "torch.distributed.launcher.api", "torch.export", "torchvision.models",
    "hydra._internal.hydra", "sklearn.cluster", "sklearn.decomposition", "sklearn.manifold",
    "sklearn.metrics", "sklearn.svm", "scipy.optimize", "matplotlib.pyplot", "jinja2",
)  # fmt: skip
seconds = 0.0  # of the processor, used by the commands of this process that have ended


class Server:
    """The server as the test session holds it."""

    def __init__(self):
        self._place = tempfile.TemporaryDirectory(prefix="translearn-")
        os.environ[ADDRESS] = f"{self._place.name}/socket"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(os.environ[ADDRESS])
        listener.listen(64)
        ended, self._session = os.pipe()  # readable once this process has closed it, or died
        given = (listener.fileno(), ended)
        self._process = subprocess.Popen(
            [sys.executable, __file__, *map(str, given)],
            pass_fds=given, env={**os.environ, **ENVIRONMENT, "OMP_WAIT_POLICY": "PASSIVE"},
            # of the kinds that a command has, for the streams that it takes over
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        listener.close()  # the server has it; a request waits in it until that is ready
        os.close(ended)

    def close(self):
        """End the server and all that it has forked, and show what it complained of."""
        os.close(self._session)
        print(*self._process.communicate(), sep="", end="", file=sys.stderr)
        self._place.cleanup()


class Fork:
    """A command forked by the server; as ``subprocess.Popen``."""

    def __init__(self, module, arguments, cwd, environment):
        out, their_out = os.pipe()
        err, their_err = os.pipe()
        self.stdout, self.stderr = os.fdopen(out), os.fdopen(err)
        self.args, self.returncode = [module, *arguments], None
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._server.connect(os.environ[ADDRESS])
        request = json.dumps([module, arguments, str(cwd), environment]).encode()
        socket.send_fds(self._server, [request], [their_out, their_err])
        os.close(their_out)
        os.close(their_err)
        self.pid = self._answer()

    def _answer(self):
        answer = self._server.recv(MESSAGE)
        assert answer, "the server of warm commands has died"
        return json.loads(answer)

    def poll(self):
        """Its exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout=HANG):
        """Its exit code, once it has ended; a signal's number is negative."""
        global seconds
        if self.returncode is None:
            if not select.select([self._server], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode, used = self._answer()
            self._server.close()
            seconds += used
        return self.returncode

    def communicate(self, timeout=HANG):
        """All that it writes, and wait for its end; whoever is late is ended."""
        texts, end = {self.stdout: b"", self.stderr: b""}, time.monotonic() + timeout
        writing = list(texts)
        while writing:
            ready = select.select(writing, [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                self.end()
                raise subprocess.TimeoutExpired(self.args, timeout)
            for pipe in ready:
                part = os.read(pipe.fileno(), 2**16)
                texts[pipe] += part
                if not part:
                    writing.remove(pipe)
        self.wait(max(1, end - time.monotonic()))
        return tuple(text.decode() for text in texts.values())

    def send_signal(self, number):
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def end(self):
        """Kill the whole group, and close the pipes."""
        kill_group(self.pid)
        self.wait()
        for pipe in (self.stdout, self.stderr):
            pipe.close()


def kill_group(leader):
    """Kill a process with all that it has started, if anything of it is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def preload():
    """Import what commands import; no computing, for a pool of threads does not survive a fork."""
    from hydra.core.plugins import Plugins

    import translearn

    packages = pkgutil.walk_packages(translearn.__path__, "translearn.")
    names = [package.name for package in packages]
    for name in (*PRELOADED, *names):
        if name != "translearn.train" and not name.startswith("translearn.commands."):
            importlib.import_module(name)  # those run as programs, and Python warns of a second one
    Plugins.instance()  # finds them
    gc.collect()
    gc.freeze()  # else the first collection of every fork copies all that is shared


def serve(listener, ended):
    """Fork a process a request until the session ends; a forked one returns what it is to be."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    running, alone = {}, None
    while True:
        ready = select.select([ended, listener, woken], [], [])[0]
        if ended in ready:
            for pid in running:
                kill_group(pid)
            return None
        if woken in ready:
            os.read(woken, 2**12)
            report_ends(running)
        if listener in ready:
            connection = listener.accept()[0]
            request, pipes, _, _ = socket.recv_fds(connection, MESSAGE, 2)
            if alone is None:
                preload()
                alone = len(os.listdir("/proc/self/task")) == 1
            with warnings.catch_warnings(action="ignore"):  # Python's own, of the threads
                pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in (listener, connection, *running.values()):
                    other.close()
                take_place(pipes)
                os.closerange(3, max(ended, woken, wake, *pipes) + 1)
                return alone, json.loads(request)
            for pipe in pipes:
                os.close(pipe)
            running[pid] = connection
            answer(connection, pid)


def answer(connection, content):
    """Send an answer to a test that may be gone."""
    with contextlib.suppress(OSError):
        connection.send(json.dumps(content).encode())


def report_ends(running):
    """Tell the tests of the processes that have ended: exit code, CPU seconds."""
    for pid in list(running):
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            with running.pop(pid) as connection:
                used = usage.ru_utime + usage.ru_stime
                answer(connection, [os.waitstatus_to_exitcode(status), used])


def take_place(pipes):
    """Give a forked process a session, no input, and the two pipes of its output."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, descriptor in enumerate((nothing, *pipes)):
        os.dup2(descriptor, target)
    os.close(nothing)


def become(alone, module, arguments, cwd, environment):
    """Do what ``python -m module *arguments`` does; ``alone``: no thread was lost by the fork."""
    import numpy

    os.chdir(cwd)
    if not alone:
        command = [sys.executable, "-m", module, *arguments]
        os.execve(sys.executable, command, environment)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = process.ORIGINAL_DIR = cwd
    sys.argv[1:] = arguments
    numpy.random.seed()  # torch starts from a fixed seed, random draws a new one after a fork
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        wanted = serve(listening, int(sys.argv[2]))
    if wanted:
        become(wanted[0], *wanted[1])
