"""Real commands as real processes, one thread each."""

import os
import subprocess
import sys

from surroundings import ENVIRONMENT, HANG
from warm import ADDRESS, Fork, kill_group


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
        kill_group(self.pid)
        self.wait()
        for pipe in (self.stdout, self.stderr):
            pipe.close()


def begin(module, *arguments, cwd, environment=None, cold=False, preexec_fn=None):
    """Begin ``python -m module *arguments`` in ``cwd``, with ``environment`` beside the usual one.

    It is forked by the server of ``warm``, unless it is to be ``cold`` or prepared by a function.
    """
    environment = {**os.environ, **ENVIRONMENT, **(environment or {})}
    if ADDRESS in environment and not cold and not preexec_fn:
        return Fork(module, arguments, cwd, environment)
    return Command(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd, env=environment, preexec_fn=preexec_fn, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(module, *arguments, **options):
    """Run a command to its end, as ``begin`` begins it; returns a CompletedProcess."""
    process = begin(module, *arguments, **options)
    try:
        out, err = process.communicate()
    finally:
        process.end()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
