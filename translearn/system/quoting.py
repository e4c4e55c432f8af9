"""Commands as they are printed, so that a shell and Hydra read them back as they were meant."""

import re
import shlex


def tl_run(*words: str) -> str:
    """A tl-run that a shell takes as it is printed."""
    return shlex.join(["tl-run", *words])


def continuing(run: object) -> str:
    """The command that continues the run in a folder."""
    return tl_run(f"run.resume={quoted(run)}")


def quoted(value: object) -> str:
    """A text or path as Hydra reads it back, in quotes only where it needs them."""
    text = str(value)
    plain = text.isascii() and all(sign.isalnum() or sign in "/._-%: " for sign in text)
    return text if text and plain and text == text.strip() else in_quotes(text)


def in_quotes(text: str) -> str:
    """A text in Hydra's quotes; a backslash counts only before a quote there."""
    escaped = re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + ("\\'" if m[2] else ""), text)
    return f"'{escaped}'"
