"""Tables in pages are what the results kept beside them give."""

from collections.abc import Callable
from pathlib import Path

import pytest

from translearn.artifacts.result import load_result
from translearn.commands.table import main
from translearn.report.collect import collect
from translearn.report.pages import BLOCK, drawn, keep, trimmed

Write = Callable[..., Path]  # makes a run folder; see conftest.py

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
DRAWN = [page for page in PAGES if BLOCK.search(page.read_text())]
KEPT = sorted(ROOT.glob("docs/results/**/result.json"))
EMPTY = "# Results\n\n<!-- table: kept -->\n<!-- end of table -->\nafter\n"
LARGEST = 5000  # bytes of a kept result


@pytest.mark.parametrize("page", DRAWN, ids=lambda page: page.name)
def test_the_tables_of_a_page_are_what_the_kept_results_give(page: Path) -> None:
    text = page.read_text()
    assert drawn(text, page.parent) == text, f"draw it: tl-table --page {page.relative_to(ROOT)}"


def test_every_kept_result_stands_in_a_page() -> None:
    shown = [
        (page.parent / found[1]) for page in DRAWN for found in BLOCK.findall(page.read_text())
    ]
    assert KEPT and DRAWN
    assert all(any(path.is_relative_to(folder) for folder in shown) for path in KEPT)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_kept_result_is_small_and_names_no_place(path: Path) -> None:
    result = load_result(path.parent)
    assert path.stat().st_size < LARGEST
    assert result.status == "done" and result.train_core_seconds
    assert str(result.environment["command"]).startswith("tl-run ")
    assert not [option for option in result.overrides if "/" in option.partition("=")[2]]


@pytest.fixture
def runs(tmp_path: Path, write_run: Write) -> Path:
    """Two seeds of DANN and a failed one, with what only one machine needs."""
    for seed in (0, 1):
        write_run(
            tmp_path / "runs" / str(seed),
            seed=seed,
            overrides=["run.lr=0.1", f"seed={seed}", "data_root=/home/me/data", "run.threads=1"],
            metrics={"target/test/accuracy": 0.5 + seed / 10},
            per_class={"target": {"0": 1.0}},
            environment={"processor": "a fast one", "command": ["/home/me/bin/tl-run"]},
        )
    write_run(tmp_path / "runs" / "2", seed=2, status="failed", metrics={})
    return tmp_path / "runs"


def test_rows_arrive_one_by_one(runs: Path, write_run: Write) -> None:
    page, table = runs.parent / "page.md", runs.parent / "kept"
    page.write_text(EMPTY)
    assert main([str(runs / "0"), "--keep", str(table)]) == 0
    assert main(["--page", str(page)]) == 0
    assert "| dann | 50.00 ± — |" in page.read_text()
    assert main([str(runs), "--keep", str(table)]) == 0
    assert main(["--page", str(page)]) == 0
    text = page.read_text()
    assert "| dann | 55.00 ± 7.07 |" in text and "| 0,1 |" in text
    assert "selection: last" in text and "core s" in text
    assert "- `tl-run -m run.lr=0.1 seed=0,1`" in text
    assert text.startswith("# Results\n") and text.endswith("<!-- end of table -->\nafter\n")
    assert len(list(table.glob("dann-*/*/result.json"))) == 2  # seed 0 replaced itself
    write_run(runs / "other", method="source_only", overrides=["method=source_only"])
    assert main([str(runs / "other"), "--keep", str(table)]) == 0
    assert main(["--page", str(page)]) == 0
    assert page.read_text().count("\n- `tl-run ") == 2


def test_what_is_kept_is_trimmed(runs: Path) -> None:
    kept = trimmed(collect([runs / "1"])[0])
    assert kept.overrides == ["run.lr=0.1", "seed=1"]
    assert kept.per_class == {} and kept.metrics == {"target/test/accuracy": 0.6}
    assert kept.environment == {"processor": "a fast one", "command": "tl-run run.lr=0.1 seed=1"}
    (folder,) = keep(collect([runs / "1"]), runs.parent / "kept")
    assert load_result(folder) == kept


def test_what_cannot_be_kept_or_drawn_is_said(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = runs.parent / "page.md"
    assert main([str(runs / "2"), "--keep", str(runs.parent / "kept")]) == 2
    assert "none of these runs is done" in capsys.readouterr().err
    assert main(["--page", str(page)]) == 2
    assert "cannot be read" in capsys.readouterr().err
    page.write_text("no place")
    assert main(["--page", str(page)]) == 2
    assert "<!-- end of table -->" in capsys.readouterr().err
    page.write_text(EMPTY)
    assert main(["--page", str(page)]) == 2
    assert "keep one with tl-table RUN --keep" in capsys.readouterr().err
    assert page.read_text() == EMPTY
