"""Names of anybody in tables and reports: no formula, no markup, no word to the terminal."""

import csv
import io
import json
import re

import pytest

from translearn.commands import predict, table
from translearn.report.labelled import Line, write_json
from translearn.system.printing import cell, markdown_code, markdown_text, printable
from translearn.system.terminal import complain

NASTY = [
    "=1+1", "+1+1", "-1+cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", '=HYPERLINK("http://x")',
    "\uff1d1", "a|b", "`rm`", "``", "<script>alert(1)</script>", "<img src=x onerror=y>", "[x](http://y)",
    "![x](http://y)", "two\nlines", "two\r\nlines", "\x1b[31mred", "\x1b]0;title\x07", "\x9b31m",
    "\u202etxt.exe", "\x00", "a\x7fb", "\u2028=1", "\\|", "\\", "&lt;", '"quoted"', "a,b;c",
    "$x$", "\\input{/etc/passwd}", "%0A", "{{7*7}}", "{% raw %}", "\u20131", "straße", "图片",
]  # fmt: skip
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("name", NASTY)
def test_a_cell_is_no_formula(name):
    found = str(cell(name))
    assert not re.match(r"\s*[=+\-@\uff1d]|[\t\r\n]", found) and not OBEYED.search(found)


@pytest.mark.parametrize("number", [0, 1, -1, 1.5, -1e-9, float("nan"), True, None, "-1", "+2.5e3"])
def test_a_number_stays_one(number):
    assert cell(number) == number or number != number


@pytest.mark.parametrize("name", NASTY)
def test_a_line_of_markdown_is_text(name):
    found = markdown_text(f"x{name}y")
    assert "\n" not in found and "<" not in found and "](" not in found
    assert not re.search(r"(?<!\\)(\\\\)*[|`]", found)
    code = markdown_code(name)
    assert "\n" not in code and re.fullmatch(r"(`+) ?(.*?) ?\1", code)
    assert re.fullmatch("(`+).*", code)[1] not in re.fullmatch(r"(`+) ?(.*?) ?\1", code)[2]


def test_what_is_printed_is_obeyed_by_no_terminal(capsys):
    for name in NASTY:
        complain(f"error: {name}")
        assert "straße" not in name or printable(name) == name
    assert not OBEYED.search(capsys.readouterr().err)


@pytest.fixture
def runs(tmp_path, write_run):
    for number, name in enumerate(NASTY):
        write_run(
            tmp_path / str(number), method=name, data=name, backbone=name, overrides=[f"x={name}"],
            metrics={"target/test/accuracy": 0.5, f"{name}/test/accuracy": 0.25},
        )  # fmt: skip
        write_run(
            tmp_path / f"failed {number}", status="failed", reason=name, method=name, data=name
        )
    return tmp_path


def test_the_csv_has_no_formula_and_numbers_stay_numbers(runs, capsys):
    assert table.main([str(runs), "--csv", "-"]) == 0
    printed = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert len(rows) == 2 * len(NASTY)
    for row in rows:
        for found in (*row, *row.values()):
            assert not re.match(r"\s*[=+@\uff1d]|-(?!\d|$)|[\t\r\n]", found or ""), found
        assert row["target/test/accuracy"] in ("0.5", "0.9") and float(row["train_seconds"]) == 10
    assert not OBEYED.search(printed)


def test_the_table_of_markdown_has_a_line_a_row(runs, capsys):
    assert table.main([str(runs), "--markdown", "-"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = [len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines if line.startswith("|")]
    assert len(cells) >= len(NASTY) - 3 and len(set(cells)) == 1
    assert not any("<" in line or OBEYED.search(line) for line in lines)


def test_the_table_of_the_terminal_and_of_latex_obey_nobody(runs, capsys):
    assert table.main([str(runs)]) == 0
    assert not OBEYED.search(capsys.readouterr().out)
    assert table.main([str(runs), "--latex", "-"]) == 0
    printed = capsys.readouterr().out
    assert "\\input" not in printed and not OBEYED.search(printed)


@pytest.mark.full
def test_the_page_has_no_markup_of_others(runs, capsys):
    assert table.main([str(runs), "--html", "-"]) == 0
    page = capsys.readouterr().out
    assert "<script" not in page and "<img src=x" not in page and "49" not in re.findall("{{", page)


def test_labels_of_files_are_no_formulas():
    out, lines = io.StringIO(), [Line(name, [(name, 0.5)], name) for name in NASTY]
    predict.write(out, lines, 1)
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert len(rows) == len(NASTY) + 1
    for row in rows:
        assert not any(re.match(r"\s*[=+\-@\uff1d]|[\t\r\n]", found) for found in row)
    out = io.StringIO()
    write_json(out, lines, 1)
    assert [line["path"] for line in json.loads(out.getvalue())] == NASTY


def test_only_pictures_of_the_run_itself_enter_a_report(tmp_path, write_run, capsys):
    png = b"\x89PNG\r\n\x1a\n" + b"inside"
    folder = write_run(tmp_path / "run")
    figures = folder / "figures"
    figures.mkdir()
    (tmp_path / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"outside")
    (figures / "good.png").write_bytes(png)
    (figures / "text.png").write_text("root:x:0:0")
    (figures / "link.png").symlink_to(tmp_path / "secret.png")
    (figures / "passwd.png").symlink_to("/etc/passwd")
    (figures / "circle.png").symlink_to("circle.png")
    (figures / "within.png").symlink_to("good.png")
    (figures / "folder.png").mkdir()
    from translearn.report.html import pictures

    assert sorted(pictures(folder)) == ["good", "within"]
    other = write_run(tmp_path / "other")
    (other / "figures").symlink_to(figures)
    assert pictures(other) == {}
    (tmp_path / "link").symlink_to(folder)
    assert sorted(pictures(tmp_path / "link")) == ["good", "within"]
