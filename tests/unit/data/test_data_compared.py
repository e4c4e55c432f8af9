"""Files are compared with their checksums before they are read, once, and again after a change."""

import dataclasses
import os

import pytest

from translearn.data.files import compared, download
from translearn.data.files.checksums import content_sha256
from translearn.data.files.download import DataSet, Resource, require
from translearn.errors import DataError


@pytest.fixture
def place(tmp_path, monkeypatch, published):
    """A data root with one file and one folder of samples, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "root/photos/deeper").mkdir(parents=True)
    (tmp_path / "root/list.txt").write_bytes(bytes(range(256)) * 40)
    for name in ("a.jpg", "b.jpg", "deeper/c.jpg"):
        (tmp_path / "root/photos" / name).write_bytes(name.encode() * 50)
    return tmp_path / "root"


@pytest.fixture
def data_set(place):
    resources = [
        Resource("list.txt", sha256=content_sha256(place / "list.txt")),
        Resource("photos", samples=3, sha256=content_sha256(place / "photos")),
    ]
    return DataSet("few", "a few files", tuple(resources), "from a friend")


def flip(path, position, keep_time=False):
    content, status = bytearray(path.read_bytes()), path.stat()
    content[position] ^= 1
    path.write_bytes(bytes(content))
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def count_reads(monkeypatch):
    reads = []
    monkeypatch.setattr(
        download, "content_sha256", lambda path, most: reads.append(path) or content_sha256(path)
    )
    return reads


def test_what_is_right_is_read_once(place, data_set, monkeypatch):
    reads = count_reads(monkeypatch)
    for _ in range(3):
        assert require(data_set, place, False) == [place / "list.txt", place / "photos"]
    assert reads == [place / "list.txt", place / "photos"]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("name", ["list.txt", "photos/a.jpg", "photos/deeper/c.jpg"])
@pytest.mark.parametrize("position", [0, 17, -1])
def test_a_flipped_bit_is_told(place, data_set, name, position, known):
    if known:
        require(data_set, place, False)
    flip(place / name, position)
    with pytest.raises(DataError, match=r"is not what its checksum says(.|\n)*tl-data prepare few"):
        require(data_set, place, False)
    flip(place / name, position)
    require(data_set, place, False)


@pytest.mark.parametrize("change", ["renamed", "exchanged", "cut", "longer"])
def test_a_changed_sample_is_told(place, data_set, change):
    require(data_set, place, False)
    photos = place / "photos"
    match change:
        case "renamed":
            (photos / "b.jpg").rename(photos / "z.jpg")
        case "exchanged":
            (photos / "a.jpg").rename(photos / "t.jpg")
            (photos / "b.jpg").rename(photos / "a.jpg")
            (photos / "t.jpg").rename(photos / "b.jpg")
        case "cut":
            (photos / "a.jpg").write_bytes(b"")
        case "longer":
            (photos / "a.jpg").write_bytes((photos / "a.jpg").read_bytes() + b"x")
    with pytest.raises(DataError, match="photos is not what its checksum says"):
        require(data_set, place, False)


def test_a_new_time_alone_changes_nothing(place, data_set, monkeypatch):
    require(data_set, place, False)
    os.utime(place / "list.txt", ns=(1, 1))
    reads = count_reads(monkeypatch)
    require(data_set, place, False)
    assert reads == [place / "list.txt"]


def test_another_checksum_is_compared_anew(place, data_set):
    require(data_set, place, False)
    other = dataclasses.replace(data_set.resources[0], sha256="0" * 64)
    with pytest.raises(DataError, match=r"list\.txt is not what"):
        require(dataclasses.replace(data_set, resources=(other,)), place, False)


def test_a_cache_that_cannot_be_written_to_forgets(place, data_set, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    reads = count_reads(monkeypatch)
    for _ in range(2):
        require(data_set, place, False)
    assert len(reads) == 4
    assert not compared.remembered(place / "list.txt", data_set.resources[0].sha256)


def test_what_has_no_checksum_is_taken(place, data_set):
    bare = tuple(dataclasses.replace(r, sha256="") for r in data_set.resources)
    (place / "list.txt").write_bytes(b"anything")
    require(dataclasses.replace(data_set, resources=bare), place, False)
