"""Signals raise where they come, wait for what must not be broken, and are answered by force."""

import os
import signal
import time

import commands
import pytest

from translearn.errors import StopSignal
from translearn.system import signals


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_a_signal_ends_what_it_meets(number):
    before = signal.getsignal(number)
    with signals.heard() as stop, pytest.raises(StopSignal) as raised:
        os.kill(os.getpid(), number)
        time.sleep(10)
    assert raised.value.exit_code == 128 + number == 128 + stop.number
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_what_is_deferred_comes_to_its_end(number):
    with signals.heard() as stop:
        with stop.deferred():
            os.kill(os.getpid(), number)
            reached = stop.number
        assert reached == number
        with pytest.raises(StopSignal):
            stop.check()


def test_scoring_within_a_deferred_part_is_broken():
    with signals.heard() as stop, stop.deferred():
        with pytest.raises(StopSignal), stop.heard():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        os.kill(os.getpid(), signal.SIGTERM)  # a second one is no other
        assert stop.number == signal.SIGTERM


def test_nohup_is_respected():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.heard():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGHUP, before)


# a call that no signal interrupts: Python's handlers run once it has returned
DEAF = """
import sys, threading
from translearn.system import command, signals
def work():
    signals.current().way_on = "tl-run again"
    print("ready", flush=True)
    sorted(range(1), key=lambda _: deaf())
def deaf():
    import ctypes
    libc = ctypes.CDLL(None)
    mutex = (ctypes.c_char * 256)()
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)  # for ever
sys.exit(command.run(work, alone=True))
"""


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_a_process_deep_in_a_library_ends_too(number, tmp_path):
    (tmp_path / "deaf.py").write_text(DEAF)
    process = commands.begin("deaf", cwd=tmp_path, cold=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == 128 + number
    assert told.splitlines()[-1].endswith("continue with: tl-run again")
