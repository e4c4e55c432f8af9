"""Text is read and written as UTF-8, whatever the locale says."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import translearn

PACKAGE = Path(translearn.__file__).parent
ENCODING_AT = {"read_text": 0, "write_text": 1, "TextIOWrapper": 1}  # its position in a call
TEXT_OPENERS = ("open", "fdopen", "NamedTemporaryFile", "TemporaryFile", "FileHandler")
OF_OTHERS = ("os.open", "Image.open", "tarfile.open", "build_opener(OneScheme).open")  # never text


def mode(call, name):
    """The mode that a call opens by, as written."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    position = 0 if name.endswith("TemporaryFile") or is_method(call) else 1
    given += call.args[position : position + 1]
    default = "w+b" if name.endswith("TemporaryFile") else "r"
    return given[0].value if given and isinstance(given[0], ast.Constant) else default


def is_method(call):
    """Whether a path is opened by its own ``open``."""
    of = call.func.value if isinstance(call.func, ast.Attribute) else None
    return of is not None and ast.unparse(of) not in ("os", "io", "gzip", "bz2", "lzma", "logging")


def lacks_encoding(call):
    """Whether a call reads or writes text and leaves its encoding to the locale."""
    whole = ast.unparse(call.func)
    name = whole.rpartition(".")[2]
    keywords = {keyword.arg for keyword in call.keywords}
    if "encoding" in keywords or whole in OF_OTHERS:
        return False
    if name in ENCODING_AT:
        return len(call.args) <= ENCODING_AT[name]
    if whole in ("gzip.open", "bz2.open", "lzma.open"):
        return "t" in mode(call, name)  # binary, where it is not said
    if name in TEXT_OPENERS:
        return "b" not in mode(call, name)
    return whole.startswith("subprocess.") and bool({"text", "universal_newlines"} & keywords)


def faults(source):
    """The lines that leave an encoding to the locale."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if lacks_encoding(call)]


def test_every_text_names_its_encoding():
    found = {
        str(path.relative_to(PACKAGE)): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := faults(path.read_text("utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "open(p)",
        "open(p, 'w')",
        "p.open()",
        "p.open('a')",
        "p.read_text()",
        "p.write_text(text)",
        "os.fdopen(number)",
        "gzip.open(p, 'rt')",
        "subprocess.run(words, text=True)",
        "tempfile.NamedTemporaryFile('w')",
        "logging.FileHandler(p)",
    ],
)
def test_what_leaves_it_to_the_locale_is_found(line):
    assert faults(line) == [1]


@pytest.mark.parametrize(
    "line",
    [
        "open(p, 'rb')",
        "p.open('wb')",
        "gzip.open(p)",
        "tempfile.TemporaryFile()",
        "p.read_text('utf-8')",
        "p.write_text(text, encoding='utf-8')",
        "subprocess.run(words)",
    ],
)
def test_what_names_it_is_left_alone(line):
    assert faults(line) == []


OTHER_LOCALE = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
OTHER_LOCALE.pop("PYTHONIOENCODING", None)


def python(*words, **options):
    """What a process under another locale prints, whose file names are no UTF-8 to Python."""
    done = subprocess.run(
        [sys.executable, *words], env=OTHER_LOCALE, capture_output=True, check=False, **options
    )
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def test_a_command_under_another_locale_begins_again_in_utf8():
    code = (
        "import os, sys; from translearn.system.command import run;"
        "run(lambda: print(sys.argv[1], os.fsencode(sys.argv[1]) == sys.argv[1].encode()), True)"
    )
    assert python("-c", code, "元/猫é") == (0, "元/猫é True\n", "")


@pytest.mark.full
def test_names_in_other_scripts_are_kept_under_another_locale(tmp_path):
    generator = np.random.default_rng(0)
    for task in ("元", "先"):
        for name in ("猫", "кот", "café"):
            (tmp_path / task / name).mkdir(parents=True)
            for number in range(8):
                image = generator.integers(0, 255, (32, 32, 3), dtype="uint8")
                Image.fromarray(image).save(tmp_path / task / name / f"{number}ü.png")
    words = (
        "data=folder data.source='元' data.target='先' data.size=32 data.crop=32 backbone=lenet "
        "method=source_only run=smoke run.figures=true run.batch_size=4 seed=1 "
        "output_root='sorties-é'"
    )
    code, _, told = python("-m", "translearn.train", *words.split(), cwd=tmp_path)
    assert code == 0, told
    (result,) = (tmp_path / "sorties-é").glob("*/*/result.json")
    stored = json.loads(result.read_text("utf-8"))
    assert set(stored["per_class"]["target"]) <= {"猫", "кот", "café"}
    assert stored["data"] == "folder:元->先" and len(list(result.parent.glob("figures/*.png"))) > 3
    folder = str(result.parent.relative_to(tmp_path))
    predict = ("-m", "translearn.commands.predict", folder, "先/猫")
    code, rows, told = python(*predict, cwd=tmp_path)
    assert code == 0 and "0ü.png" in rows, told
    code, table, told = python("-m", "translearn.commands.table", "sorties-é", cwd=tmp_path)
    assert code == 0 and "folder:元->先" in table, told
