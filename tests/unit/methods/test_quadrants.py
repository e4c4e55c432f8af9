"""The table of quadrants: README, classes and yamls say the same."""

import re
from pathlib import Path

import pytest
from runs import METHODS, config_of

from translearn.components import resolve_class
from translearn.methods.base import Method, quadrant

README = Path(__file__).parents[3] / "README.md"


def table():
    """(source, target) -> methods of README's quadrant table, by their commands."""
    rows = [line.split("|")[1:-1] for line in README.read_text().splitlines() if line[:1] == "|"]
    columns = next(
        [cell.strip(" *") for cell in row] for row in rows if "target labelled" in row[1]
    )
    return {
        (row[0].strip(" *"), column): set(re.findall(r"method=(\w+)", row[i]))
        for row in rows
        for i, column in enumerate(columns)
        if i and row[0].strip(" *").startswith("source ")
    }


def class_of(method):
    return resolve_class(config_of(f"method={method}")["method"]["_target_"], Method)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_stands_in_its_cell_of_the_readme(method):
    found = class_of(method)
    cells = table()
    assert len(cells) == 4
    if found.reference:
        assert quadrant(found) == "reference"
        assert f"`{method}`" in README.read_text()
        return
    words = {True: "labelled", False: "unlabelled"}
    access = found.access
    own = (f"source {words[access.source_labels]}", f"target {words[access.target_labels]}")
    assert quadrant(found) == "+".join(own).replace(" ", "_")
    for cell, methods in cells.items():
        assert (method in methods) is (cell == own), cell


def test_the_readme_names_no_other_method():
    assert set().union(*table().values()) <= set(METHODS)


def test_every_class_is_reachable_by_a_yaml():
    def below(found):
        return {found, *(c for child in found.__subclasses__() for c in below(child))}

    reachable = {class_of(method) for method in METHODS}
    ours = {c for c in below(Method) - {Method} if c.__module__.startswith("translearn.")}
    ours = {c for c in ours if ".parts." not in c.__module__}  # what methods share is none itself
    assert ours == reachable
