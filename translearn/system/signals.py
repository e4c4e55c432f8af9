"""SIGINT, SIGTERM and SIGHUP, heard at any time: they raise StopSignal in the main thread.

What must not be broken in the middle, such as a training step, is done in ``deferred``. A main
thread that is deep in a library hears nothing for minutes; then a second thread ends the process,
which harms no more than a kill does: every file of a run is whole at any moment.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from translearn.errors import StopSignal

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


LATEST = 1.5  # seconds from a signal to the end of a process that was in no deferred part


IMPATIENT = 1.0  # seconds after which a second SIGINT means: at once


LINGER = 3.0  # seconds that a worker outlives a signal, unless its parent ends it


class Stop:
    """The signals of a process.

    Attributes:
        number: of the first signal, 0 if none came.
        way_on: the command that goes on where a signal ends this one.
        last_words: called before a process ends whose main thread hears nothing.
    """

    def __init__(self) -> None:
        self.number = 0
        self.way_on = ""
        self.last_words: Callable[[StopSignal], None] | None = None
        self._since = 0.0
        self._deferring, self._section = 0, threading.RLock()
        self._owner = os.getpid()
        self._watched = False

    def check(self) -> None:
        """Raise the signal that came in the meantime.

        Raises:
            StopSignal: one came.
        """
        if self.number:
            raise StopSignal(self.number)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """A part that a signal does not break: it is to be asked for by ``number`` or ``check``."""
        with self._section:
            self._deferring += 1
            try:
                yield
            finally:
                self._deferring -= 1

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Within a deferred part: one that may be broken after all."""
        self.check()
        before, self._deferring = self._deferring, 0
        for _ in range(before):
            self._section.release()
        try:
            yield
        finally:
            for _ in range(before):
                self._section.acquire()
            self._deferring = before

    def arrived(self, number: int, frame: FrameType | None = None) -> None:
        """The handler of the signals."""
        if os.getpid() != self._owner:
            return
        now = time.monotonic()
        if not self.number:
            self.number, self._since = number, now
            if self._deferring:
                return
        elif number != signal.SIGINT or now - self._since < IMPATIENT:
            return  # the end is on its way
        raise StopSignal(self.number)

    def watch(self, pipe: int) -> None:
        """End the process for a main thread that has not come to its end ``LATEST`` after a signal.

        Args:
            pipe: gets the number of every signal as a byte, and is closed when all is over.
        """
        number = 0
        while not number and (received := os.read(pipe, 64)):
            number = next((byte for byte in received if byte in SIGNALS), 0)
        if number:
            time.sleep(LATEST)
            with self._section:  # a part that must not be broken comes to its end first
                if self._watched:
                    self._end(StopSignal(self.number or number))
        os.close(pipe)  # not before: later signals are written to it too

    @contextlib.contextmanager
    def last_words_of(self, speak: Callable[[StopSignal], None]) -> Iterator[None]:
        """A part whose last words are ``speak``, and then those of what is around it."""
        outer = self.last_words

        def both(error: StopSignal) -> None:
            speak(error)
            if outer is not None:
                outer(error)

        self.last_words = both
        try:
            yield
        finally:
            self.last_words = outer

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """A part in which another thread ends the process if this one hears no signal."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._watched = True
        threading.Thread(target=self.watch, args=(reader,), daemon=True).start()
        try:
            yield
        finally:
            with self._section:
                self._watched = False
            signal.set_wakeup_fd(before)
            os.close(writer)

    def _end(self, error: StopSignal) -> None:
        try:
            if self.last_words is not None:
                self.last_words(error)
            for child in multiprocessing.active_children():
                child.kill()
        finally:
            os._exit(error.exit_code)


_current: Stop | None = None


def current() -> Stop:
    """The signals of this process: those that ``heard`` listens to, else ones that never come."""
    return _current if _current is not None else Stop()


@contextlib.contextmanager
def heard(watched: bool = False) -> Iterator[Stop]:
    """Hear the signals, where this is the main thread and nobody does so already.

    Args:
        watched: whether the process may be ended when its main thread does not answer.
    """
    global _current
    main = threading.current_thread() is threading.main_thread()
    if not main or (_current is not None and signal.getsignal(signal.SIGINT) == _current.arrived):
        yield current()
        return
    stop, outer = Stop(), _current
    before: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        # the second thread is there before a signal can raise, which nobody would catch here
        with stop.watched() if watched and os.name == "posix" else contextlib.nullcontext():
            _current = stop
            for number in SIGNALS:
                if number != getattr(signal, "SIGHUP", None) or before[number] != signal.SIG_IGN:
                    signal.signal(number, stop.arrived)  # but one that nohup had ignored
            yield stop
    finally:
        _current = outer
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Signals wait meanwhile, and in the processes that are begun here until they ``linger``.

    Else one that comes while a worker begins would end it before it can say what it wants.
    """
    if os.name != "posix":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def linger(worker: int = 0) -> None:
    """In a worker process: a signal to its whole group is its parent's to answer.

    The parent still needs it for the step that it is in; ``LINGER`` later the worker ends.

    Args:
        worker: its number, which a DataLoader tells.
    """

    def end_later(number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, LINGER)  # SIGALRM ends a process

    if os.name == "posix":
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, end_later)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # ``held`` when it was begun


def _forget() -> None:
    """In a forked process: signals are its own again, and Ctrl-C is its parent's to answer."""
    if _current is not None and signal.getsignal(signal.SIGINT) == _current.arrived:
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
