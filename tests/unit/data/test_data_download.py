import gzip
import hashlib
import io
import multiprocessing
import tarfile
import threading
import time

import pytest

from translearn.data.files import receiving
from translearn.data.files.checksums import content_sha256
from translearn.data.files.download import DataSet, Resource, require
from translearn.data.files.receiving import open_address
from translearn.errors import DataError, DiskError

CONTENT = b"some digits" * 1000


class Answer(io.BytesIO):
    headers = {}


@pytest.fixture
def served(monkeypatch):
    """Address -> bytes that are answered; what was asked for is listed under ``asked``."""
    answers = {"asked": []}

    def answer(address):
        answers["asked"].append(address)
        if isinstance(answers[address], Exception):
            raise answers[address]
        return Answer(answers[address])

    monkeypatch.setattr(receiving, "open_address", answer)
    return answers


def one_file(address="https://example.org/file.gz", content=CONTENT):
    resource = Resource("SET/file", address, sha256=hashlib.sha256(content).hexdigest())
    return DataSet("set", "a set", (resource,), "file in SET")


def files_below(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_gzipped_file_is_unpacked_checked_and_put_in_place(tmp_path, served):
    served["https://example.org/file.gz"] = gzip.compress(CONTENT)
    assert require(one_file(), tmp_path / "new", download=True) == [tmp_path / "new/SET/file"]
    assert (tmp_path / "new/SET/file").read_bytes() == CONTENT
    assert files_below(tmp_path / "new") == [".set.lock", "SET/file"]
    require(one_file(), tmp_path / "new", download=True)
    assert len(served["asked"]) == 1


@pytest.mark.parametrize(
    "answer",
    [gzip.compress(b"other digits"), gzip.compress(CONTENT)[:-20], b"<html>", OSError("no route")],
    ids=["other content", "cut off", "no gzip", "no route"],  # gzip holds the time
)
def test_a_bad_download_leaves_nothing_behind(tmp_path, served, answer):
    served["https://example.org/file.gz"] = answer
    with pytest.raises(DataError, match=r"https://example\.org/file\.gz"):
        require(one_file(), tmp_path, download=True)
    assert files_below(tmp_path) in ([".set.lock"], [])


def test_leftovers_of_a_killed_download_are_removed(tmp_path, served):
    (tmp_path / "SET/.download-dead").mkdir(parents=True)
    (tmp_path / "SET/.download-dead/file").write_bytes(b"half")
    served["https://example.org/file.gz"] = gzip.compress(CONTENT)
    require(one_file(), tmp_path, download=True)
    assert "SET/.download-dead/file" not in files_below(tmp_path)


def test_either_checksum_is_enough(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    md5 = hashlib.md5(CONTENT).hexdigest()
    assert Resource("file", md5=md5, sha256="other").matches(path)
    assert Resource("file", md5="other", sha256=content_sha256(path)).matches(path)
    assert not Resource("file", md5="other", sha256="other").matches(path)
    assert not Resource("file").matches(path)


def archive_of(members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            member.size = len(content or b"")
            tar.addfile(member, io.BytesIO(content or b""))
    return packed.getvalue()


def photo_set(photos):
    digest = hashlib.sha256()
    for name, content in sorted(photos.items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    resource = Resource(
        "PHOTOS/train",
        "https://example.org/photos.tgz",
        sha256=digest.hexdigest(),
        samples=len(photos),
        archive_folder="top/images/train",
    )
    return DataSet("photos", "photos", (resource,), "photos in PHOTOS/train")


@pytest.mark.parametrize("suffix", ["jpg", "wav"])
def test_only_the_samples_of_one_folder_are_extracted(suffix, tmp_path, served):
    photos = {f"1.{suffix}": b"one", f"10.{suffix}": b"ten", f"2.{suffix}": b"two"}
    inside = {f"top/images/train/{name}": content for name, content in photos.items()}
    other = {
        "top/images/train/Thumbs.db": b"x",
        f"top/images/test/3.{suffix}": b"x",
        f"../../evil.{suffix}": b"x",
        f"top/images/train/../../../../evil.{suffix}": b"x",
        f"top/images/train/link.{suffix}": None,
    }
    served["https://example.org/photos.tgz"] = archive_of(other | inside)
    root = tmp_path / "deep" / "root"
    assert require(photo_set(photos), root, download=True) == [root / "PHOTOS/train"]
    expected = ["deep/root/.photos.lock", *(f"deep/root/PHOTOS/train/{n}" for n in sorted(photos))]
    assert files_below(tmp_path) == sorted(expected)


def test_an_incomplete_folder_is_missing_and_completed(tmp_path, served):
    photos = {"1.jpg": b"one", "2.jpg": b"two"}
    (tmp_path / "PHOTOS/train").mkdir(parents=True)
    (tmp_path / "PHOTOS/train/1.jpg").write_bytes(b"one")
    with pytest.raises(DataError, match="photos is missing"):
        require(photo_set(photos), tmp_path, download=False)
    served["https://example.org/photos.tgz"] = archive_of(
        {f"top/images/train/{name}": content for name, content in photos.items()}
    )
    require(photo_set(photos), tmp_path, download=True)
    assert (tmp_path / "PHOTOS/train/2.jpg").read_bytes() == b"two"


def test_a_folder_with_a_changed_or_added_photo_differs(tmp_path):
    photos = {"1.jpg": b"one", "2.jpg": b"two"}
    folder = tmp_path / "PHOTOS/train"
    folder.mkdir(parents=True)
    for name, content in photos.items():
        (folder / name).write_bytes(content)
    resource = photo_set(photos).resources[0]
    assert resource.matches(folder)
    (folder / "2.jpg").write_bytes(b"TWO")
    assert not resource.matches(folder)
    (folder / "2.jpg").write_bytes(b"two")
    (folder / "3.jpg").write_bytes(b"")
    assert not resource.matches(folder)


def test_what_is_not_https_is_never_opened():
    for address in ("http://127.0.0.1/x", "file:///etc/passwd", "ftp://127.0.0.1/x"):
        with pytest.raises(OSError, match="only https"):
            open_address(address)


def test_a_redirect_away_from_https_is_refused(monkeypatch):
    answer = Answer(CONTENT)
    answer.geturl = lambda: "http://example.org/file"
    monkeypatch.setattr(receiving, "urlopen", lambda request, timeout: answer)
    with pytest.raises(OSError, match="redirected away"):
        open_address("https://example.org/file")
    assert answer.closed


def test_a_closed_port_is_explained(tmp_path):
    with pytest.raises(DataError) as caught:
        require(one_file("https://127.0.0.1:9/file.gz"), tmp_path, download=True)
    message = str(caught.value)
    for part in (str(tmp_path / "SET/file"), "refused", "tl-data prepare set", "data=print_hand"):
        assert part in message
    assert len(message.splitlines()) <= 5


def test_a_silent_server_fails_within_the_limit(monkeypatch, tmp_path):
    monkeypatch.setattr(receiving, "CONNECT_SECONDS", 0.2)
    answered = threading.Event()
    monkeypatch.setattr(receiving, "urlopen", lambda request, timeout: answered.wait())
    with pytest.raises(DataError, match=r"no answer within 0\.2 seconds"):
        require(one_file(), tmp_path, download=True)
    answered.set()


def test_a_full_disk_has_its_own_error(tmp_path, served):
    served["https://example.org/file.gz"] = OSError(28, "No space left on device")
    with pytest.raises(DiskError, match="the disk is full"):
        require(one_file(), tmp_path, download=True)


def test_a_root_that_cannot_be_made_is_explained(tmp_path, served):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match="set is missing"):
        require(one_file(), tmp_path / "file" / "root", download=True)


def fetch_once(root, log):
    def answer(address):
        with open(log, "a") as file:
            file.write("asked\n")
        time.sleep(0.5)
        return Answer(gzip.compress(CONTENT))

    receiving.open_address = answer
    require(one_file(), root, download=True)


def test_two_processes_download_once(tmp_path):
    context = multiprocessing.get_context("fork")
    log = tmp_path / "log"
    workers = [context.Process(target=fetch_once, args=(tmp_path, log)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert log.read_text() == "asked\n"
    assert (tmp_path / "SET/file").read_bytes() == CONTENT
