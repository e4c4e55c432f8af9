"""The figures of a run: drawn from what the run says, and never at its cost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from runs import config_of, same_weights, train

from translearn.engine import pictures as gathering
from translearn.engine.build import build_run
from translearn.report import figures as drawn
from translearn.report.drawing import Evidence, Examples, image_grid, save, task_colours, words
from translearn.report.embedding import embedding, proxy_a_distance
from translearn.report.figures import (
    class_accuracies,
    confusion_matrices,
    learning_curves,
    sample_grid,
)
from translearn.system.signals import Stop

FEW = ("run=smoke", "method=finetune", "data=digits_split", "data.target_labels_per_class=5")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The same run without and with figures, and the evidence of the second."""
    place, seen = tmp_path_factory.mktemp("figures"), []
    train(place / "without", *FEW)
    draw = gathering.draw
    gathering.draw = lambda evidence, folder: seen.append(evidence) or draw(evidence, folder)
    try:
        result = train(place / "with", *FEW, "run.figures=true")
    finally:
        gathering.draw = draw
    return place, result, seen[0]


@pytest.mark.full
def test_every_figure_is_written_and_the_run_is_the_same_without(pair):
    place, result, _ = pair
    names = {path.name for path in (place / "with" / "figures").iterdir()}
    assert names == {"curves.png", "confusion_source.png", "confusion_target.png", "classes.png",
                     "embedding.png", "samples.png"}  # fmt: skip
    for name in names:
        with Image.open(place / "with" / "figures" / name) as image:
            assert min(image.size) > 200
            assert len(image.convert("L").getcolors(256)) > 10  # not empty
    assert result["warnings"] == []
    assert not (place / "without" / "figures").exists()
    assert same_weights(place / "with", place / "without")


def test_the_evidence_is_what_the_judge_scored(pair):
    _, result, evidence = pair
    shown = evidence.examples["target"]
    predicted = shown.probabilities.argmax(axis=1)
    assert len(shown.images) == len(shown.labels) == len(shown.features)
    assert shown.images.dtype == np.uint8 and shown.images.shape[-1] in (1, 3)
    np.testing.assert_allclose(shown.probabilities.sum(axis=1), 1, atol=1e-5)
    counts = evidence.confusions["target"]
    assert len(predicted) == counts.sum()  # the whole of the small test split
    assert (predicted == shown.labels).mean() == pytest.approx(
        result["metrics"]["target/test/accuracy"]
    )
    assert next(line["phase"] for line in evidence.log if "loss/label" in line) == "source"


def test_examples_are_the_methods_own_and_leave_no_trace_on_it():
    config = config_of("run=smoke", "run.device=cpu", "run.threads=1", "run.precision=fp32")
    job = build_run(config, Path(), Stop())
    job.method.train()
    shown = gathering.examples(job, "target", 20, 60.0)
    assert len(shown.images) == 20 and shown.features.shape == (20, job.method.backbone.out_dim)
    assert job.method.training
    assert not any(module._forward_hooks for module in job.method.modules())
    # what is caught on the way is what the head gets
    logits = job.method.eval().head(torch.from_numpy(shown.features))
    np.testing.assert_allclose(logits.softmax(1).detach(), shown.probabilities, atol=1e-5)
    assert len(gathering.examples(job, "target", 100, 0.0).images) == gathering.BATCH


def test_a_figure_that_fails_is_a_warning_and_the_others_are_drawn(tmp_path, monkeypatch):
    def broken(evidence):
        raise ValueError("no such colour")

    monkeypatch.setattr(drawn, "FIGURES", (broken, learning_curves))
    result = train(tmp_path / "run", "run=smoke", "run.figures=true")
    assert result["status"] == "done"
    assert result["warnings"] == ["no figure broken: ValueError: no such colour"]
    assert (tmp_path / "run" / "figures" / "curves.png").is_file()


def test_evidence_that_cannot_be_had_is_a_warning(tmp_path, monkeypatch):
    def broken(*arguments):
        raise OSError("the disk is gone")

    monkeypatch.setattr(gathering, "gather", broken)
    result = train(tmp_path / "run", "run=smoke", "run.figures=true")
    assert result["warnings"] == ["no figures: OSError: the disk is gone"]
    assert result["metrics"]["target/test/accuracy"] >= 0


def made_up(classes=3, labels=True, log=(), confusions=None):
    rng = np.random.default_rng(0)
    names = [f"class {i} $x_{i}$" for i in range(classes)]
    count = 60
    examples = Examples(
        images=rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8),
        labels=rng.integers(0, classes, count) if labels else None,
        probabilities=rng.dirichlet(np.ones(classes), count).astype(np.float32),
        features=rng.normal(size=(count, 6)).astype(np.float32),
    )
    tasks = ("source", "target")
    counts = np.full((classes, classes), 2) if confusions is None else confusions
    return Evidence(
        title="a run",
        log=list(log),
        classes=dict.fromkeys(tasks, names),
        confusions=dict.fromkeys(tasks, counts),
        examples=dict.fromkeys(tasks, examples),
        main_task="target",
    )


LOG = [
    {"phase": "one", "step": 2, "samples": 20, "loss/label": 2.0, "loss/target_pull": 1.0},
    {"phase": "one", "step": 2, "samples": 20, "source/val/accuracy": 0.4},
    {"phase": "two", "step": 1, "samples": 30, "loss/label": 1.0, "health/domain_accuracy": 0.6},
    {"phase": "end", "step": 3, "source/val/accuracy": 0.7, "source/test/accuracy": 0.9},
]


def test_learning_curves_hold_the_logged_values_and_end_at_the_final_score():
    (figure,) = learning_curves(made_up(log=LOG)).values()
    losses, accuracies = figure.axes
    lines = {line.get_label(): line for axis in figure.axes for line in axis.get_lines()}
    assert lines["label"].get_xydata().tolist() == [[20, 2.0], [30, 1.0]]
    assert lines["source val accuracy"].get_xydata().tolist() == [[20, 0.4], [30, 0.7]]
    assert lines["domain accuracy"].get_xydata().tolist() == [[30, 0.6]]
    assert "source test accuracy" not in lines  # it was not followed while training
    colours = task_colours(["source", "target"])
    assert lines["source val accuracy"].get_color() == colours["source"]
    assert lines["target pull"].get_color() == colours["target"]
    assert "one, two" in losses.get_xlabel() and "one, two" in accuracies.get_xlabel()
    assert learning_curves(made_up()) == {}


def test_confusion_matrix_shows_shares_of_the_true_class():
    counts = np.array([[8, 2, 0], [0, 5, 5], [0, 0, 0]])
    figures = confusion_matrices(made_up(confusions=counts))
    axis = figures["confusion_target"].axes[0]
    assert axis.get_images()[0].get_array().tolist() == [[0.8, 0.2, 0], [0, 0.5, 0.5], [0, 0, 0]]
    assert axis.get_title() == "target: 65.0 % of 20 test samples right"
    assert sorted(t.get_text() for t in axis.texts) == ["2", "5", "5", "8"]


def test_class_bars_are_the_accuracies_and_a_class_without_samples_has_none():
    counts = np.array([[8, 2, 0], [0, 5, 5], [0, 0, 0]])
    (figure,) = class_accuracies(made_up(confusions=counts)).values()
    source, target = figure.axes[0].containers
    for bars in (source, target):
        widths = [bar.get_width() for bar in bars]
        assert widths[:2] == [80, 50] and np.isnan(widths[2])
    assert source.get_label() == "source (mean 65.0 %)"


@pytest.mark.full
@pytest.mark.parametrize(("classes", "labels"), [(45, True), (3, False)])
def test_many_classes_and_missing_labels_are_drawn(tmp_path, classes, labels):
    assert drawn.draw(made_up(classes, labels, LOG), tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 6


def test_the_grid_shows_errors_only_where_classes_are_scored():
    evidence = made_up()
    (figure,) = sample_grid(evidence).values()
    texts = [text.get_text() for text in figure.axes[0].texts]
    shown = evidence.examples["target"]
    wrong = int((shown.probabilities.argmax(axis=1) != shown.labels).sum())
    assert sum("\nis class" in text for text in texts) >= min(24, wrong) > 0
    assert sample_grid(replace(evidence, confusions={})) == {}
    (plain,) = sample_grid(replace(made_up(labels=False), confusions={})).values()
    assert not any("is class" in text.get_text() for text in plain.axes[0].texts)


def test_the_proxy_a_distance_tells_domains_apart():
    rng = np.random.default_rng(0)
    here, same = rng.normal(size=(2, 300, 5)).astype(np.float32)
    assert proxy_a_distance(here, here[:200]) < 0.3
    assert proxy_a_distance(here, same) < 0.3
    assert proxy_a_distance(here, same + 8) == pytest.approx(2.0)


def test_the_embedding_is_the_same_every_time():
    first, second = (embedding(made_up())["embedding"] for _ in range(2))
    places = [f.axes[1].collections[0].get_offsets() for f in (first, second)]
    np.testing.assert_array_equal(*places)


def test_words_are_neither_mathematics_nor_too_long():
    assert words("a$b$\nc") == r"a\$b\$ c"
    assert words("x" * 30, 10) == "x" * 9 + "…"


def test_image_grid_of_one_grey_image(tmp_path):
    figure = image_grid([("one", [np.zeros((4, 6, 1), np.uint8)], [("a", "red")])], 8, "grey")
    save(figure, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as image:
        assert image.width > 800
