"""Fonts for class names in any script."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from matplotlib import get_data_path
from matplotlib.font_manager import findfont, fontManager, get_font

BASE = "DejaVu Sans"  # comes with matplotlib


def families_for(texts: Iterable[str]) -> tuple[list[str], set[str]]:
    """Font families that draw these texts together, and the characters that none here has.

    Args:
        texts: such as class names.
    """
    wanted = {character for text in texts for character in text if character.isprintable()}
    missing = {character for character in wanted if not character.isascii()}
    missing -= drawn_by(findfont(BASE)) if missing else set()
    families = [BASE]
    for entry in fontManager.ttflist if missing else ():
        if not missing:
            break
        if entry.name in families or Path(entry.fname).is_relative_to(get_data_path()):
            continue  # matplotlib's others are for formulas, in codes of their own
        found = drawn_by(entry.fname) & missing
        if found:
            families.append(entry.name)
            missing -= found
    return families, missing


def drawn_by(file: str) -> set[str]:
    """The characters of a font file; none if it cannot be read."""
    with suppress(OSError, RuntimeError):  # a font of the system may be damaged
        return {chr(code) for code in get_font(file).get_charmap()}
    return set()


def note_on(missing: set[str]) -> str:
    """What to say where characters are missing."""
    few = "".join(sorted(missing)[:8])
    return (
        f"no font here has {few}{' and more' if len(missing) > 8 else ''}: figures show boxes; "
        "install one, such as Noto Sans CJK"
    )
