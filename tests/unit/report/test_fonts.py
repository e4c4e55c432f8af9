"""Class names in scripts that the usual font has not."""

import shutil
from types import SimpleNamespace

import matplotlib
import pytest
from matplotlib.font_manager import findfont

from translearn.report import fonts
from translearn.report.fonts import BASE, drawn_by, families_for, note_on

PLAIN = ["cat", "Käse", "кошка", "γάτα", "a_b-c", ""]


def test_names_that_the_usual_font_has_take_no_other():
    assert families_for(PLAIN) == ([BASE], set())


@pytest.mark.parametrize("name", ["\U00012000", "a\U000e0100b", "\n\t\x00"])
def test_what_no_font_has_is_told_once_and_control_characters_never(name):
    families, missing = families_for([name, name])
    assert missing == {c for c in name if c.isprintable() and not c.isascii()} - set(
        "".join(map("".join, (drawn_by(findfont(f)) for f in families)))
    )
    if missing:
        assert note_on(missing).count(sorted(missing)[0]) == 1


def test_another_font_that_has_them_is_taken(tmp_path, monkeypatch):
    """A font of matplotlib's own, with signs that the usual one has not."""
    math = findfont("STIXGeneral")
    other = sorted(drawn_by(math) - drawn_by(findfont(BASE)) - set(map(chr, range(128))))
    signs = [sign for sign in other if sign.isprintable()][:2]
    assert signs
    file = shutil.copy(math, tmp_path / "mine.ttf")
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    entries = [SimpleNamespace(name="Broken", fname=str(broken)),
               SimpleNamespace(name="Formulas", fname=math),
               SimpleNamespace(name="Mine", fname=str(file))]  # fmt: skip
    monkeypatch.setattr(fonts, "fontManager", SimpleNamespace(ttflist=entries))
    assert families_for(["cat", *signs]) == ([BASE, "Mine"], set())
    assert matplotlib.rcParams["font.family"] != [BASE, "Mine"]
