"""The outermost frame of every command: what it prints, hears and raises ends here."""

import atexit
import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from translearn.errors import StopSignal, TranslearnError
from translearn.system import signals, terminal
from translearn.system.problems import of_type


def run(work: Callable[[], int], alone: bool, debug: bool = False) -> int:
    """Do the work of a command; returns its exit code.

    A reader of its output who leaves early, as ``head`` does, ends it in silence. Errors are
    printed in a few lines.

    Args:
        work: returns the exit code.
        alone: the process is the command's own, and ends with it where a signal came: Python takes
            seconds to take everything down.
        debug: show tracebacks; ``TRANSLEARN_DEBUG=1`` does too.
    """
    if alone:
        speak_utf8()
    debug = debug or bool(os.environ.get("TRANSLEARN_DEBUG"))
    with terminal.guarded(), signals.heard(watched=True) as stop:
        stop.last_words = lambda error: terminal.complain(error_and_way_on(error))
        try:
            try:
                return work()
            finally:
                terminal.flush()
        except BrokenPipeError as error:
            if terminal.reader_left():
                return 0
            return failed(error, debug)
        except (StopSignal, KeyboardInterrupt) as error:
            error = error if isinstance(error, StopSignal) else StopSignal(2)
            with stop.deferred():
                terminal.complain(error_and_way_on(error))
                stop.last_words = None
            if alone:
                leave(error.exit_code)
            return error.exit_code
        except Exception as error:
            return failed(error, debug)


def speak_utf8() -> None:
    """Begin this process again in Python's UTF-8 mode, where the locale is of another encoding.

    Python decodes names of files by the locale, and cannot change that once it runs: classes named
    in another script would be other classes than on another machine.
    """
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"  # for the processes that this one begins
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def leave(code: int) -> NoReturn:
    """End this process at once: Python takes seconds to take everything down."""
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        terminal.flush()
    os._exit(code)


def failed(error: Exception, debug: bool) -> int:
    """Print why a command failed; returns its exit code."""
    if debug:
        terminal.complain("".join(traceback.format_exception(error)).rstrip())
    known = of_type(error)
    if isinstance(known, TranslearnError):
        terminal.complain(f"error: {known}")
        return known.exit_code
    reason = " ".join(f"{error}".split())[:500]
    terminal.complain(
        f"error: {type(error).__name__}: {reason}\n"
        "this is a bug of translearn or of a part that you gave it; please report it\n"
        "with run.debug=true, or TRANSLEARN_DEBUG=1, it says where"
    )
    return 1


def error_and_way_on(error: StopSignal) -> str:
    """How a command that a signal ended says so."""
    way_on = signals.current().way_on
    return f"{error}; continue with: {way_on}" if way_on else str(error)
