"""What a reader would have to follow: the functions that one run passes through.

    python benchmarks/call_trace.py                # tl-run method=dann run=smoke
    python benchmarks/call_trace.py method=multitask data=digits_parity run=smoke

Counts, inside the package and on the main thread: functions called, files they stand in, calls from
one file into another, and the deepest nesting. What an import executes, lambdas and comprehensions
do not count.
"""

import inspect
import os
import sys
import tempfile
from pathlib import Path
from types import CodeType, FrameType

import translearn
from translearn.train import run_command

PACKAGE = str(Path(translearn.__file__).parent)
DEFAULT = ["method=dann", "run=smoke", "run.device=cpu", "run.threads=1", "run.figures=false"]


class Trace:
    """Counts what ``sys.setprofile`` reports."""

    def __init__(self) -> None:
        self.functions: set[CodeType] = set()
        self.stack: list[str] = []  # the file of each function of the package that is running
        self.changes, self.depth = 0, 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        is_function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
        if not (is_function and code.co_filename.startswith(PACKAGE)):
            return
        if event == "call":
            self.functions.add(code)
            self.changes += bool(self.stack) and self.stack[-1] != code.co_filename
            self.stack.append(code.co_filename)
            self.depth = max(self.depth, len(self.stack))
        elif event == "return":
            self.stack.pop()


def main() -> None:
    """Run the command in a temporary folder and print the counts."""
    trace = Trace()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.setprofile(trace)
        code = run_command(sys.argv[1:] or DEFAULT)
        sys.setprofile(None)
        os.chdir("/")  # a folder in use cannot be removed everywhere
    assert code == 0
    files = {function.co_filename for function in trace.functions}
    print(f"{len(trace.functions)} functions, {len(files)} files, {trace.changes} changes of file, "
          f"call depth {trace.depth}")  # fmt: skip


if __name__ == "__main__":
    main()
