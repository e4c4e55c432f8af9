"""Every OSError of the system is an error for people, of the documented code, with its path."""

import errno
import os

import pytest

from translearn.errors import ConfigError, TranslearnError
from translearn.system import command
from translearn.system.problems import expanded, of_type, problem


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_errno_is_told_with_its_path(number, tmp_path):
    path = str(tmp_path / "run" / "last.pt")
    told = problem(OSError(number, os.strerror(number), path), tmp_path / "run")
    assert isinstance(told, TranslearnError)
    assert told.exit_code in (2, 5, 7)
    assert told.exit_code == 5 or path in str(told)
    assert len(str(told).splitlines()) <= 4
    bare = problem(OSError(number, os.strerror(number)))
    assert bare.exit_code in (5, 7)


CODES = {
    "ENOSPC": 7, "EDQUOT": 7, "EFBIG": 7, "EROFS": 7, "EACCES": 7, "EPERM": 7, "EIO": 7,
    "ESTALE": 7, "EEXIST": 7, "ENAMETOOLONG": 2, "ENOTDIR": 2, "ELOOP": 2, "ENOENT": 2,
    "EMFILE": 5, "ENFILE": 5, "ENOMEM": 5, "EAGAIN": 5,
}  # fmt: skip


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_the_code_of_what_a_command_meets(name, code, capsys):
    number = getattr(errno, name)

    def work():
        raise OSError(number, os.strerror(number), "/some/path")

    assert command.run(work, alone=False) == code
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert len(told.splitlines()) <= 6


@pytest.mark.parametrize("name", ["EACCES", "ENOENT", "EIO", "ESTALE"])
def test_what_a_run_cannot_read_elsewhere_is_data(name, tmp_path):
    number = getattr(errno, name)
    told = problem(OSError(number, os.strerror(number), "/data/target"), tmp_path)
    assert told.exit_code == 3
    assert "/data/target" in str(told)


def test_a_user_without_a_home(monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    with pytest.raises(ConfigError, match="TRANSLEARN_DATA"):
        expanded("~/.cache/translearn")
    assert str(expanded("/data")) == "/data"


def test_a_nul_in_a_path_and_a_bug_are_told_in_a_few_lines(capsys, monkeypatch):
    assert command.run(lambda: len(os.listdir("a\0b")), alone=False) == 2
    monkeypatch.delenv("TRANSLEARN_DEBUG", raising=False)
    assert command.run(lambda: 1 // 0, alone=False) == 1
    told = capsys.readouterr().err
    assert "NUL" in told and "ZeroDivisionError" in told and "Traceback" not in told
    assert command.run(lambda: 1 // 0, alone=False, debug=True) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("reason", [
    "failed to map segment from shared object",
    "cannot map zero-fill pages: Cannot allocate memory",
    "cannot allocate memory in static TLS block",
    "cannot create shared object descriptor: Cannot allocate memory",
    "cannot change memory protections",
])  # fmt: skip
def test_a_library_that_found_no_room_is_no_bug(reason):
    told = of_type(ImportError(f"libtorch_cpu.so: {reason}"))
    assert told.exit_code == 5 and "libtorch_cpu.so" in str(told)
    assert of_type(ImportError("cannot import name 'x'")).__class__ is ImportError


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EFBIG"])
def test_a_write_without_a_path_names_the_run(name, tmp_path):
    number = getattr(errno, name)
    told = problem(OSError(number, os.strerror(number)), tmp_path)
    assert told.exit_code == 7 and str(tmp_path) in str(told).splitlines()[0]
    assert ("ulimit -f" in str(told)) is (name == "EFBIG")
