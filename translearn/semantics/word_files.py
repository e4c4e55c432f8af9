"""Files of word vectors in text: those of GloVe, of word2vec and of fastText, packed or not."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from translearn.data.files.arrays import unreadable
from translearn.data.files.checksums import open_content
from translearn.data.files.download import BROKEN
from translearn.errors import DataError
from translearn.system.reading import begins_as

LONGEST = 2**17  # characters of a line: vectors have some hundreds of numbers


MARK = "\ufeff"  # which some editors put before a text


Vector = NDArray[np.float32]


def word_vectors(path: Path, wanted: set[str]) -> tuple[dict[str, Vector], int]:
    """The vectors of the wanted words, and their length.

    Lines are ``word number number ...``, separated by blanks or tabs; word2vec has a line of count
    and length before them. What gzip or bzip2 have packed is unpacked on the way.

    Raises:
        DataError: a line is something else, or a number is not finite; the message names it.
    """
    try:
        lines = lines_of(path)
        first = next(lines, (0, ""))[1]
        header = first.split()
        if len(header) != 2 or not all(part.isdecimal() for part in header):
            lines, header = itertools.chain([(1, first)], lines), []
        else:
            first = next(lines, (0, ""))[1]
            lines = itertools.chain([(2, first)], lines)
        dimensions = int(header[1]) if header else len(first.split()) - 1
        if dimensions < 1 or dimensions > LONGEST or numbers(first, dimensions) is None:
            raise DataError(f"{path} is no file of word vectors: {what_it_is(first, path)}")
        return found_in(lines, wanted, dimensions, path), dimensions
    except BROKEN as error:
        raise unreadable(path, "a file of word vectors", error) from error


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers; bytes that are no UTF-8 are replaced.

    Raises:
        ValueError: a line has no end.
    """
    with open_content(path) as file:
        for number in itertools.count(1):
            line = file.readline(LONGEST)
            if not line:
                return
            if len(line) == LONGEST:
                raise ValueError(f"line {number} has no end{begins_as(line)}")
            yield number, line.decode("utf-8", errors="replace").removeprefix(MARK)


def found_in(
    lines: Iterator[tuple[int, str]], wanted: set[str], dimensions: int, path: Path
) -> dict[str, Vector]:
    """The vectors of the wanted words among lines; a word in small letters goes before others."""
    found: dict[str, Vector] = {}
    for number, line in lines:
        word = line[: line.find(" ")] if " " in line else line.partition("\t")[0]
        word = word.partition("\t")[0]
        low = word.lower()
        if low not in wanted or (word != low and low in found):
            continue
        parts = line.split()
        vector = numbers(line, dimensions)
        if vector is None and len(parts) > dimensions + 1:  # a token with a blank in it
            continue
        if vector is None:
            told = f"{len(parts) - 1} numbers, not {dimensions}"
            if len(parts) == dimensions + 1:
                told = f"what stands behind {word!r} is not all numbers"
            raise DataError(f"{path}, line {number}: {told}")
        if not np.isfinite(vector).all():
            raise DataError(f"{path}, line {number}: {word!r} has no finite numbers")
        found[low] = vector
    return found


def numbers(line: str, dimensions: int) -> Vector | None:
    """The vector in a line; None where there is none of this length."""
    parts = line.split()
    if len(parts) != dimensions + 1:
        return None
    try:
        with np.errstate(over="ignore"):
            return np.array(parts[1:], dtype=np.float32)
    except ValueError:
        return None


def what_it_is(first: str, path: Path) -> str:
    """Why the first line of a file is not that of word vectors."""
    with open_content(path) as file:
        start = file.read(64)
    if "\0" in first or "\ufffd" in first:
        return (
            f"it is binary{begins_as(start)}\nwrite word2vec's as text: "
            "save_word2vec_format(FILE, binary=False) of gensim"
        )
    return f"its first line is {first[:60].split()}"
