"""The house: a room imports only what stands below it, and methods/ holds methods."""

import ast
from pathlib import Path

import pytest
from runs import METHODS

import translearn

ROOT = Path(translearn.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FLOORS = (
    ("train", "api", "commands"),
    ("launch",),
    ("engine",),
    ("report", "methods"),
    ("semantics",),
    ("answers",),
    ("data", "backbones"),
    ("metrics", "artifacts"),
    ("runtime", "components"),
    ("renamed",),
    ("settings",),
    ("config",),
    ("ranges", "system"),
    ("errors", "processor", "__init__"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
AT_ROOT = 9  # modules


def room(module):
    """``translearn.data.types`` -> ``data``, ``translearn`` -> ``__init__``."""
    return (*module.split("."), "__init__")[1]


def imported(path):
    """Every module of translearn that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            if node.module == "translearn":  # from translearn import runtime, or its version
                names = [f"translearn.{alias.name}" for alias in node.names]
                yield from (name if room(name) in FLOOR else "translearn" for name in names)
            elif node.module.startswith("translearn."):
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "translearn")


def short(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=short)
def test_no_import_runs_back_up(path):
    own = path.relative_to(ROOT).with_suffix("").parts[0]
    assert own in FLOOR, f"{own} stands on no floor"
    for module in imported(path):
        other = room(module)
        assert other == own or FLOOR[other] > FLOOR[own], f"{short(path)} imports {module}"


def test_a_file_in_methods_is_a_method():
    entries = {path.stem for path in (ROOT / "methods").iterdir() if path.name[0] not in "_."}
    assert entries - {"base", "parts"} == set(METHODS)


def test_the_hall_is_small():
    assert len(list(ROOT.glob("*.py"))) <= AT_ROOT
