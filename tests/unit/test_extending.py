"""The diffs of docs/extending.md apply as they stand, and what they add passes the checks there."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from readme_commands import EXTENDING, ROOT
from surroundings import HANG

LEFT_OUT = (".git", ".ci", "outputs", "build", "__pycache__", ".pytest_cache", "venv", ".venv")
TEXT = EXTENDING.read_text()
SECTIONS = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
DIFFS = re.compile(r"^```diff\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CHECKS = re.compile(r"^    (\S.*)$", re.MULTILINE)
GLOBBED = ("smoke", "leak", "golden", "quadrants", "compose")  # tests that look at every method


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the checkout with every diff applied."""
    copy = tmp_path_factory.mktemp("extended") / "checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for diff in DIFFS.findall(TEXT):
        apply = ["git", "apply", "-"]
        done = subprocess.run(apply, cwd=copy, input=diff, text=True, capture_output=True)
        assert done.returncode == 0, f"{done.stderr}\n{diff}"
    return copy


def run_check(line, copy):
    """The output of one command of the page, which must end with 0."""
    words = shlex.split(line)
    settings = [word for word in words if word.startswith("TRANSLEARN_")]
    given = dict(word.split("=", 1) for word in settings)
    tool, *arguments = words[len(settings) :]
    module = {"tl-run": "translearn.train"}.get(tool, tool)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=copy, capture_output=True, text=True,
        timeout=HANG,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTEST_ADDOPTS": "-n 0 -rA", **given},
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_every_section_has_a_diff_and_a_check():
    assert [section.splitlines()[0] for section in SECTIONS] == [
        "A method", "A data set", "A figure", "A selection rule",
    ]  # fmt: skip
    assert all(len(DIFFS.findall(s)) == 1 and CHECKS.search(s) for s in SECTIONS)


def test_a_method_is_three_files():
    assert re.findall(r"^\+\+\+ b/(.*)$", SECTIONS[0], re.MULTILINE) == [
        "translearn/methods/afn.py", "conf/method/afn.yaml", "README.md",
    ]  # fmt: skip
    assert not (ROOT / "conf" / "method" / "afn.yaml").exists()


@pytest.mark.full
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.splitlines()[0])
def test_what_a_diff_adds_passes_the_checks_of_the_page(section, extended):
    output = "".join(run_check(line, extended) for line in CHECKS.findall(DIFFS.sub("", section)))
    if section == SECTIONS[0]:
        found = [line for line in output.splitlines() if line.startswith("PASSED")]
        assert not [name for name in GLOBBED if not any(name in line for line in found)]
