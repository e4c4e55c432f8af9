"""Commands whose output nobody takes, as a shell would start them."""

import os
import signal

import pytest
from runs import result_of, wait_for

COMMANDS = {
    "help": ("translearn.train", "--help"),
    "cfg": ("translearn.train", "--cfg", "job"),
    "data": ("translearn.commands.data", "list"),
    "table": ("translearn.commands.table", "--help"),
    "doctor": ("translearn.commands.doctor", "--quick"),
    "verify": ("translearn.commands.verify", "--list"),
    "predict": ("translearn.commands.predict", "--help"),
    "export": ("translearn.commands.export", "--help"),
}


@pytest.mark.full
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_ends_in_silence_when_its_reader_leaves(name, start):
    module, *words = COMMANDS[name]
    process = start(*words, module=module)
    os.close(os.dup(process.stdout.fileno()))
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(600) == 0, told
    assert "Traceback" not in told and "Broken" not in told


@pytest.mark.full
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_run_outlives_its_terminal(stream, start, tmp_path):
    process = start("run=smoke", "run.device=cpu", "run.figures=false", "hydra.run.dir=run")
    getattr(process, stream).close()
    assert process.wait(600) == 0
    result = result_of(tmp_path / "run")
    assert result["status"] == "done"
    assert any("Broken pipe" in text for text in result["warnings"])


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_an_interrupted_run_labels_images(number, start, tmp_path):
    process = start(
        "run.device=cpu", "run.source_samples=2000000", "backbone=lenet", "run.batch_size=8",
        "hydra.run.dir=run",
    )  # fmt: skip
    wait_for(tmp_path / "run" / "checkpoints" / "last.pt", process)
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == 128 + number
    assert "tl-run run.resume=" in told.splitlines()[-1]
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "image.png")
    labelled = start("run", "image.png", module="translearn.commands.predict")
    out, told = labelled.communicate()
    assert labelled.returncode == 0, told
    assert "was stopped at step" in told
    assert out.startswith("path,label,probability,error\nimage.png,")
