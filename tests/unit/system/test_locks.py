"""A lock holds where the file system has none, and is taken over from a process that is gone."""

import errno
import fcntl
import json
import os

import pytest
from filelock import Timeout

from translearn.system.locks import Lock


@pytest.fixture(params=[None, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def disk(request, monkeypatch):
    """A file system with locks, and those that answer so instead."""
    if request.param:

        def refused(handle, operation):
            raise OSError(request.param, os.strerror(request.param))

        monkeypatch.setattr(fcntl, "flock", refused)
    return request.param


def test_one_at_a_time(disk, tmp_path):
    path = tmp_path / ".lock"
    with Lock(path, timeout=0), pytest.raises(Timeout):
        Lock(path, timeout=0).acquire()
    with Lock(path, timeout=0):
        pass


def test_a_shared_one_may_be_taken_again_by_its_process(disk, tmp_path):
    path = tmp_path / ".lock"
    with Lock(path, timeout=0, shared=True):
        with Lock(path, timeout=0, shared=True):
            pass
        with pytest.raises(Timeout):
            Lock(path, timeout=0).acquire()
    with Lock(path, timeout=0):
        pass


def test_what_a_killed_process_left_is_taken_over(monkeypatch, tmp_path):
    def refused(handle, operation):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refused)
    path = tmp_path / ".lock"
    with Lock(path, timeout=0):
        owner = tmp_path / ".lock.d" / "owner.json"
        mine = json.loads(owner.read_text())
        owner.write_text(json.dumps({**mine, "host": "elsewhere"}))
        with pytest.raises(Timeout):
            Lock(path, timeout=0).acquire()
        owner.write_text(json.dumps({**mine, "began": "long ago"}))  # the number is given out again
        with Lock(path, timeout=0):
            pass


def test_a_disk_that_refuses_for_another_reason_says_so(monkeypatch, tmp_path):
    with pytest.raises(OSError):
        Lock(tmp_path / "none" / "." / ("x" * 300), timeout=0).acquire()
