"""What the two streams do when nobody, or nothing, takes what is written."""

import os
import sys

import pytest

from translearn.system import terminal


@pytest.fixture
def piped(monkeypatch):
    """``piped(number)``: that stream is a pipe, real for ``guarded``; returns its reading end."""
    kept = {}

    def pipe(number):
        reader, writer = os.pipe()
        kept[number] = os.dup(number)
        os.dup2(writer, number)
        os.close(writer)
        name = {1: "stdout", 2: "stderr"}[number]
        monkeypatch.setattr(sys, name, None)
        monkeypatch.setattr(sys, f"__{name}__", None)
        return reader

    yield pipe
    for number, copy in kept.items():
        os.dup2(copy, number)
        os.close(copy)


@pytest.mark.parametrize("number", [1, 2])
def test_a_run_goes_on_when_its_reader_has_gone(number, piped):
    reader = piped(number)
    with terminal.guarded():
        terminal.go_on_without()
        stream = {1: sys.stdout, 2: sys.stderr}[number]
        print("heard", file=stream, flush=True)
        assert os.read(reader, 100) == b"heard\n"
        os.close(reader)
        for _ in range(3):
            print("lost", file=stream, flush=True)
        (told,) = terminal.notices()
    assert terminal.STREAMS[number] in told and "Broken pipe" in told


def test_a_command_that_is_for_its_output_hears_once_that_nobody_reads(piped):
    os.close(piped(1))
    with terminal.guarded():
        print("x")
        with pytest.raises(BrokenPipeError):
            terminal.flush()
        assert terminal.reader_left()
        print("y")
        terminal.flush()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("number", [1, 2])
def test_a_full_disk(number, piped):
    piped(number)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, number)
    os.close(full)
    with terminal.guarded():
        stream = {1: sys.stdout, 2: sys.stderr}[number]
        stream.write("x")
        if number == 1:
            with pytest.raises(OSError, match="standard output"):
                terminal.flush()
        else:
            terminal.flush()
            assert "No space left" in terminal.notices()[0]


def test_a_message_begins_a_line_of_its_own_under_a_bar(piped):
    reader = piped(2)
    with terminal.guarded():
        sys.stderr.write("\rtrain: 10%")
        terminal.complain("error: no")
    assert os.read(reader, 100) == b"\rtrain: 10%\nerror: no\n"


def test_names_of_any_bytes_are_printed(piped):
    reader = piped(1)
    with terminal.guarded():
        print(os.fsdecode(b"caf\xe9"), "\u4e2d")
    assert b"caf" in os.read(reader, 100)
