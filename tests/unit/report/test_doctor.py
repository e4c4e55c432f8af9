import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import translearn
from translearn.commands import doctor
from translearn.commands.doctor import Findings, check_folder, main
from translearn.data.sets.mnist import MNIST
from translearn.processor import bf16_of


@pytest.mark.full
def test_command_prints_versions_and_places(tmp_path: Path) -> None:
    first = tmp_path / "data" / MNIST.resources[0].path
    first.parent.mkdir(parents=True)
    first.write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-m", "translearn.commands.doctor", "--quick"],
        cwd=tmp_path,
        env={**os.environ, "TRANSLEARN_DATA": str(tmp_path / "data"), "OMP_WAIT_POLICY": "ACTIVE"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shown = dict(re.findall(r"^  (\S+) +(\S+)$", done.stdout, flags=re.MULTILINE))
    assert shown["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert shown["translearn"] == translearn.__version__
    parts = len(MNIST.resources)
    assert re.search(rf"mnist +missing \(1 of {parts} parts found\)", done.stdout)
    assert re.search(r"ready for use +.*data=print_hand\b", done.stdout)
    taken = "bf16" if bf16_of().fast else "fp32"  # as tl-run takes it, with the same reason
    assert re.search(rf"precision on the processor +{taken} \({bf16_of().reason}\)", done.stdout)
    assert re.search(r"threads by default +1", done.stdout)
    assert "hint: OMP_WAIT_POLICY=ACTIVE" in done.stdout
    assert not (tmp_path / "outputs").exists()  # it looks and leaves nothing


def test_outputs_that_cannot_be_written_are_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("a file where the folder should be")
    assert main(["--output-root", str(tmp_path / "file" / "outputs"), "--quick"]) == 1
    out = capsys.readouterr().out
    assert "BROKEN: the output root" in out
    assert "set output_root=<folder>" in out


def test_data_root_that_cannot_be_written_is_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    findings = Findings()
    check_folder(findings, "data root", tmp_path / "file", needed=False)
    assert not findings.broken
    assert "set TRANSLEARN_DATA" in findings.hints[0]


def test_package_that_does_not_import_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(doctor.REQUIRED, "torchvision", "translearn_there_is_no_such_module")
    monkeypatch.setitem(doctor.EXTRAS, "no-such-package", ("none", "testing"))
    assert main(["--output-root", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "BROKEN: torchvision does not import" in out
    assert "hint: testing needs: pip install 'translearn[none]'" in out
