import pytest
import torch
from real_formats import write_fsdd, write_mnist, write_usps
from runs import train

from translearn.data.arrangements.tasks import STEM_MAPS, DigitsParity, DigitTasks
from translearn.data.sets.digits import Digits
from translearn.data.types import Kind
from translearn.errors import ConfigError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("tasks")
    write_mnist(root)
    write_usps(root)
    write_fsdd(root)
    return root


def test_tasks_are_called_as_their_sets_or_by_name(root):
    tasks = DigitTasks(str(root), ["usps", "mnist"], download=False).load()
    assert list(tasks.tasks) == ["usps", "mnist"] and tasks.main_task == "mnist"
    assert tasks.name == "usps+mnist" and tasks.input_shape == tasks.shape("usps") == (1, 28, 28)
    named = DigitTasks(str(root), ["usps", "mnist"], ["target", "source"], download=False).load()
    assert named.main_task == "target" and named.tasks["target"].name == "usps"


def test_with_speech_every_task_has_an_input_of_its_own(root):
    tasks = DigitTasks(str(root), ["mnist", "fsdd"], download=False).load()
    assert tasks.input_shape == (STEM_MAPS, 28, 28)
    assert tasks.shape("mnist") == (1, 28, 28) and tasks.shape("fsdd") == (1, 40, 63)
    assert tasks.tasks["fsdd"].kind is Kind.waveform
    assert len(tasks.tasks["fsdd"].test) == 10 * 3 * 5


def test_images_and_recordings_share_the_trunk(root, tmp_path):
    result = train(
        tmp_path, "method=multitask", "data=mnist_fsdd", "run=smoke", "data.val_fraction=0",
        f"data_root={root}", "data.target_labels_per_class=1",
    )  # fmt: skip
    assert {"source/test/accuracy", "target/test/accuracy"} <= set(result["metrics"])
    assert result["headline"] == "target/test/accuracy"


def test_other_methods_refuse_tasks_of_different_inputs(root, tmp_path):
    with pytest.raises(ConfigError, match="the same kind of input in all tasks"):
        train(tmp_path, "method=dann", "data=mnist_fsdd", "run=smoke", f"data_root={root}")
    with pytest.raises(ConfigError, match="needs the task 'source'"):
        train(tmp_path, "method=dann", "data=digit_tasks", "data.tasks=[mnist,usps]", "run=smoke",
              f"data_root={root}")  # fmt: skip


def test_the_embedded_tasks_test_the_same_digits():
    tasks, pair = DigitsParity().load(), Digits().load()
    assert list(tasks.tasks) == ["source", "target", "parity"]
    parity = tasks.tasks["parity"]
    assert tasks.shape("parity") == (1, 8, 8) and parity.classes == ("even", "odd")
    for split in ("train", "val", "test"):
        digits = getattr(pair.tasks["source"], split).y
        assert torch.equal(getattr(parity, split).y, digits % 2)
