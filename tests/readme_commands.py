"""Finds the commands in README.md and the pages below docs.

Those of docs/extending.md are about what does not exist yet; tests/unit/test_extending.py runs
them.

- A line of an indented code block, joined over trailing backslashes; ``&&`` separates commands.
- A code span anywhere in the text.
- A table whose heading ends a code span by ``and``, as in ``Command: `tl-run method=x` and``: each
  code span in that column that holds ``key=value`` completes the heading's command, and an option
  given again replaces the heading's. Spans in parentheses explain, they are no commands.

Of these, what begins with ``tl-`` and has at least one word more, or is the name of a tool alone.
``[X ...]`` is written for "X, as often as you like", ``A|B`` for "A or B": X and A are taken.
``> FILE`` and ``# comment`` are the shell's.
"""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTENDING = ROOT / "docs" / "extending.md"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
SPAN = re.compile(r"`([^`]+)`")
COMPLETED = re.compile(r"`(tl-run [^`]*)` and$")


def commands():
    """Every command once, as a list of words."""
    found = []
    for page in PAGES:
        if page == EXTENDING:
            continue
        found += commands_of(page.read_text("utf-8"))
    unique = {shlex.join(words): words for words in found}
    return [unique[key] for key in sorted(unique)]


def commands_of(text):
    """The commands in the text of one page, each a list of words."""
    found, column, base = [], None, []
    for line in re.sub(r" *\\\n *", " ", text).splitlines():
        if line.startswith("    "):
            parts = [part.strip() for part in line.split("&&")]
            found += [words_of(part) for part in parts if part.startswith("tl-")]
            continue
        found += [words_of(span) for span in SPAN.findall(line) if span.startswith("tl-")]
        if not line.startswith("|"):
            column = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        heading = [(i, match) for i, cell in enumerate(cells) if (match := COMPLETED.search(cell))]
        if heading:
            column, base = heading[0][0], words_of(heading[0][1][1])
        elif column is not None:
            cell = re.sub(r"\([^)]*\)(?![^`]*`(?:[^`]*`[^`]*`)*[^`]*$)", "", cells[column])
            spans = [span for span in SPAN.findall(cell) if "=" in span]
            found += [completed(base, words_of(s)) for s in spans if not s.startswith("tl-")]
    return found


def words_of(command):
    """The words of a command without what is the shell's or the manual's."""
    command = re.sub(r"\\\|\S+", "", command).split(" > ")[0]
    command = re.sub(r"(?<!\S)\[([^\]=]*)\](?!\S)", r"\1", command)
    return [word for word in shlex.split(command, comments=True) if word != "..."]


def completed(base, words):
    """The heading's command with these options, which win."""
    given = {word.split("=")[0] for word in words}
    return [word for word in base if word.split("=")[0] not in given] + words
