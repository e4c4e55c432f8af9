"""The report in one file, the comparison in it, and LaTeX."""

import base64
import json
import os
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from scipy.stats import ttest_rel

from translearn.commands.table import main
from translearn.report.collect import collect
from translearn.report.compare import compare, latex, paired_test, tex
from translearn.report.html import differing_keys, read_log, report

Write = Callable[..., Path]  # makes a run folder; see conftest.py
REFERENCE = {"method": "source_only", "quadrant": "reference"}
HOSTILE = "<script>alert('x')</script>\"&{{7919*7919}}"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PLAIN, ADAPTED, OTHER = (0.60, 0.62, 0.64), (0.90, 0.92, 0.97), (0.90, 0.91, 0.99)


def accuracies(target: float) -> dict[str, float]:
    return {"target/test/accuracy": target}


@pytest.fixture
def sweep(tmp_path: Path, write_run: Write) -> Path:
    """Three methods over three seeds, and an oracle that nobody may call the best."""
    for seed in range(3):
        for name, values, more in (
            ("source_only", PLAIN, REFERENCE), ("dann", ADAPTED, {}), ("coral", OTHER, {}),
            ("target_only", (0.99,) * 3, {"quadrant": "reference"}),
        ):  # fmt: skip
            folder = write_run(
                tmp_path / f"{name}{seed}",
                **{"method": name, "seed": seed, "metrics": accuracies(values[seed]), **more},
            )
            (folder / ".hydra").mkdir()
            config = {"method": {"name": name}, "run": {"lr": 0.1}, "seed": seed, "name": HOSTILE}
            (folder / ".hydra" / "config.yaml").write_text(json.dumps(config))
            points = [{"phase": "train", "samples": s, "target/val/accuracy": 0.1 * seed + s / 100}
                      for s in (10, 20)]  # fmt: skip
            lines = [json.dumps(point) for point in points]
            (folder / "metrics.jsonl").write_text("\n".join([*lines, '{"phase": "tr']))
    return tmp_path


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_best_is_the_highest_fair_mean_and_the_close_one_is_told(sweep: Path) -> None:
    table = compare(collect([sweep]))
    assert table.columns == ["digits_photos, target test %"]
    cells = {label: row[0] for label, row in table.rows.items()}
    assert [label for label, cell in cells.items() if cell and cell.best] == ["coral"]
    assert [label for label, cell in cells.items() if cell and cell.close] == ["dann"]
    assert cells["dann"] is not None and cells["dann"].text == "93.00 ± 3.61"


def test_the_paired_test_is_scipys_on_the_shared_seeds() -> None:
    first, second = dict(enumerate(ADAPTED)), dict(enumerate(PLAIN))
    differences, p = paired_test({**first, 7: 0.1}, {**second, 8: 0.9})
    assert differences == [a - b for a, b in zip(ADAPTED, PLAIN, strict=True)]
    assert p == pytest.approx(float(ttest_rel(ADAPTED, PLAIN).pvalue))
    assert paired_test({0: 0.5}, {0: 0.4})[1] is None
    two = paired_test({0: 0.5, 1: 0.7}, {0: 0.4, 1: 0.5})
    assert len(two[0]) == 2 and two[1] is None  # fewer than three seeds
    assert paired_test({0: 0.5, 1: 0.6}, {0: 0.4, 1: 0.5})[1] is None  # one and the same number
    assert paired_test({0: 0.5, 1: float("nan")}, {0: 0.4, 1: 0.5})[1] is None


def test_every_method_stands_against_source_only(sweep: Path) -> None:
    found = {one.label: one for one in compare(collect([sweep])).differences}
    assert set(found) == {"dann", "coral"}
    assert (found["dann"].text, found["dann"].seeds) == ("31.00 ± 1.73", 3)
    assert found["dann"].p == pytest.approx(float(ttest_rel(ADAPTED, PLAIN).pvalue))


def test_data_is_a_column_with_its_own_best(tmp_path: Path, write_run: Write) -> None:
    for data, backbone, values in (("a", "wide", (0.5, 0.6)), ("b", "resnet", (0.9, 0.1))):
        for method, value in zip(("dann", "coral"), values, strict=True):
            write_run(tmp_path / f"{data}{method}", data=data, backbone=backbone, method=method,
                      metrics=accuracies(value))  # fmt: skip
    write_run(tmp_path / "c", data="b", backbone="resnet", method="dann", metrics=accuracies(0.3),
              overrides=["data.source=x", "method.weight=2"])  # fmt: skip
    table = compare(collect([tmp_path]))
    assert len(table.columns) == 3
    assert not any("backbone" in label for label in [*table.columns, *table.rows])
    assert any("data.source=x" in column for column in table.columns)
    assert set(table.rows) == {"dann", "coral", "dann, method.weight=2"}
    best = {
        (label, place)
        for label, cells in table.rows.items()
        for place, cell in enumerate(cells)
        if cell and cell.best
    }
    assert best == {("coral", 0), ("dann", 1)}  # alone in its column, nothing is the best


def test_an_oracle_is_never_the_best(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "0", selection="oracle", oracle=True, metrics=accuracies(0.99))
    write_run(tmp_path / "1", metrics=accuracies(0.5))
    write_run(tmp_path / "2", metrics=accuracies(0.4), method="coral")
    cells = {label: row[0] for label, row in compare(collect([tmp_path])).rows.items()}
    assert [label for label, cell in cells.items() if cell and cell.best] == [
        "dann, selection last"
    ]
    assert "dann, selection oracle" in cells


def test_the_page_holds_table_curves_figures_configs_and_failures(
    sweep: Path, write_run: Write, write_started: Write
) -> None:
    write_run(sweep / "bad", method="mmd", status="failed", reason="loss is nan\nlower run.lr",
              metrics={})  # fmt: skip
    write_started(sweep / "killed")
    (sweep / "dann0" / "figures").mkdir()
    (sweep / "dann0" / "figures" / "curves.png").write_bytes(PIXEL)
    page = Page(report(collect([sweep])))
    assert page.open == []
    assert "93.00 ± 3.61" in page.text and "31.00 ± 1.73" in page.text
    assert "scipy.stats.ttest_rel" in page.text
    assert "loss is nan\nlower run.lr" in page.text and "KILLED" in page.text
    assert "run.lr" in page.text and "method.name" in page.text
    images = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 2  # the curves of the one column, and the figure of dann's first seed
    assert all(image.startswith("data:image/png;base64,") for image in images)
    assert base64.b64decode(images[1].partition(",")[2]) == PIXEL


def test_nothing_in_the_page_comes_from_elsewhere(sweep: Path) -> None:
    text = report(collect([sweep]))
    assert "http://" not in text and "https://" not in text
    page = Page(text)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "object")]


def test_hostile_names_are_text(tmp_path: Path, write_run: Write) -> None:
    hostile = {"method": HOSTILE, "data": HOSTILE, "augment": HOSTILE, "overrides": [HOSTILE]}
    folder = write_run(tmp_path / "a<b>&", **hostile, environment={HOSTILE: HOSTILE})
    write_run(tmp_path / "c", status="failed", reason=HOSTILE, metrics={}, method="'><img src=x>")
    write_run(tmp_path / "d", method="dann", data=HOSTILE, overrides=[])
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "config.yaml").write_text(json.dumps({HOSTILE: HOSTILE}))
    (folder / "metrics.jsonl").write_text(
        json.dumps({"samples": 1, "target/val/accuracy": 0.5, HOSTILE: HOSTILE})
        + json.dumps(HOSTILE)
        + '\n{"samples": "<b>", "target/val/accuracy": 1}\n[]\n'
    )
    (folder / "figures").mkdir()
    (folder / "figures" / '"><script>x.png').write_bytes(PIXEL)
    page = Page(report(collect([tmp_path])))
    assert "script" not in [tag for tag, _ in page.tags]
    assert page.text.count(HOSTILE) >= 6  # as it was given; templates in it were not run
    assert "62710561" not in page.text
    sources = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    assert sources and all(source.startswith("data:image/png") for source in sources)
    assert all(set(attributes) <= {"src", "alt"} for tag, attributes in page.tags if tag == "img")


def test_broken_logs_and_configs_are_left_out(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none") == []
    (tmp_path / "log").write_bytes(b'{"a": 1, "b": "x"}\n\xff\n[1]\n{"a"')
    assert read_log(tmp_path / "log") == [{"a": 1}]
    common, differing = differing_keys({"x": {"a": 1, "b": 2}, "y": {"a": 1}, "z": {"a": 1}})
    assert (common, differing) == ({"a": "1"}, {"b": ["2", "", ""]})


def test_only_failed_runs_still_make_a_page(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "0", status="failed", reason="no data", metrics={})
    text = Page(report(collect([tmp_path]))).text
    assert "No run has come to its end" in text and "no data" in text


def test_latex_is_escaped_and_has_the_best_in_bold(sweep: Path, tmp_path: Path) -> None:
    file = tmp_path / "table.tex"
    assert main([str(sweep), "--latex", str(file)]) == 0
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.endswith(r"\\")]
    assert len(rows) == 5 and len({line.count(" & ") for line in rows}) == 1
    assert r"coral & \textbf{93.33 $\pm$ 4.93} \\" in rows
    assert r"dann & 93.00 $\pm$ 3.61 $\approx$ \\" in rows
    assert any(line.startswith(r"source\_only &") for line in rows)
    assert tex("a_b & 5 % $x$ \\ {y} ~^#") == (
        r"a\_b \& 5 \% \$x\$ \textbackslash{} \{y\} \textasciitilde{}\textasciicircum{}\#"
    )


def test_a_folder_whose_name_is_no_text_stands_in_the_report(
    tmp_path: Path, write_run: Write
) -> None:
    folder = write_run(tmp_path / "runs" / os.fsdecode(b"bad \xff name"))
    assert main([str(folder), "--html", str(tmp_path / "report.html")]) == 0
    assert "bad ? name" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_commands_write_files_or_say_why_not(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.html"
    assert main([str(sweep), "--html", str(file)]) == 0
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert main([str(sweep), "--html", str(tmp_path / "none" / "r.html")]) == 7
    assert "cannot be written" in capsys.readouterr().err
    assert main([str(sweep), "--latex", "-"]) == 0
    assert capsys.readouterr().out.startswith("% needs")
    assert latex(compare(collect([sweep])))
