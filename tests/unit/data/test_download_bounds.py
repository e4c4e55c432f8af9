"""Downloads from servers that send too much, too little, too slowly, or elsewhere: all bounded."""

import contextlib
import gzip
import hashlib
import io
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from translearn.data.files import receiving
from translearn.data.files.checksums import content_sha256
from translearn.data.files.download import DataSet, Resource, require
from translearn.data.sets.catalog import MNIST, SETS
from translearn.errors import DataError

CONTENT = b"some digits" * 1000
SIZE = len(CONTENT)


@pytest.fixture(scope="module")
def server():
    """What it answers is set by its attribute ``answer``; how much was taken stands in ``sent``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.server.answer(self)

        def log_message(self, *words):
            pass

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.daemon_threads = True
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def address(server, monkeypatch):
    monkeypatch.setattr(receiving, "SCHEME", "http://127.0.0.1:")
    monkeypatch.setattr(receiving, "CONNECT_SECONDS", 20.0)
    server.sent = 0
    return f"http://127.0.0.1:{server.server_port}"


def head(handler, length=None, status=200, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def sending(content, length=None):
    def answer(handler):
        head(handler, length)
        handler.wfile.write(content)
        handler.server.sent = len(content)

    return answer


def endless(handler):
    head(handler)
    while True:
        handler.wfile.write(bytes(2**16))
        handler.server.sent += 2**16


def one_file(address, size=SIZE, **facts):
    facts = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": size, **facts}
    return DataSet("set", "a set", (Resource("SET/file", address, **facts),), "file in SET")


def refused(data_set, root):
    """What is said when a download is refused, of which nothing stays."""
    with pytest.raises(DataError) as caught:
        require(data_set, root, download=True)
    left = [path.name for path in root.rglob("*") if path.is_file()]
    assert left in ([], [".set.lock"])
    assert len(str(caught.value).splitlines()) <= 6
    return str(caught.value)


@pytest.mark.parametrize("length", [None, len(CONTENT)])
def test_a_plain_file_is_received(length, server, address, tmp_path):
    server.answer = sending(CONTENT, length)
    (path,) = require(one_file(f"{address}/file"), tmp_path, download=True)
    assert path.read_bytes() == CONTENT


def test_an_endless_answer_is_left_one_byte_past_the_size(server, address, tmp_path):
    server.answer = endless
    taken = []
    real = receiving.chunks

    def counted(answer, most):
        for chunk in real(answer, most):
            taken.append(len(chunk))
            yield chunk

    receiving.chunks = counted
    try:
        assert f"more than the {len(CONTENT)} bytes" in refused(one_file(f"{address}/f"), tmp_path)
    finally:
        receiving.chunks = real
    assert sum(taken) <= len(CONTENT)
    assert "more than" in refused(one_file(f"{address}/f", 0, most=10**5), tmp_path)
    assert "more than" in refused(one_file(f"{address}/f.gz"), tmp_path)


@pytest.mark.parametrize("length", [len(CONTENT) + 1, 10**15, "-5", "many", "9" * 5000])
def test_a_length_that_cannot_be_is_refused_before_anything_is_taken(
    length, server, address, tmp_path
):
    server.answer = sending(b"", length)
    assert "download failed" in refused(one_file(f"{address}/file"), tmp_path)


def test_fewer_bytes_than_said_are_told(server, address, tmp_path):
    server.answer = sending(CONTENT[:500], len(CONTENT))
    assert f"500 of {len(CONTENT)} bytes" in refused(one_file(f"{address}/file"), tmp_path)
    server.answer = sending(CONTENT, 500)
    assert "checksum" in refused(one_file(f"{address}/file"), tmp_path)


@pytest.mark.parametrize("gap", [0.02, 0.3])
def test_a_server_that_hardly_sends_is_left(gap, server, address, tmp_path, monkeypatch):
    monkeypatch.setattr(receiving, "STALL_SECONDS", 0.2)

    def trickle(handler):
        head(handler, len(CONTENT))
        for byte in CONTENT:
            handler.wfile.write(bytes([byte]))
            time.sleep(gap)

    server.answer = trickle
    start = time.monotonic()
    told = refused(one_file(f"{address}/file"), tmp_path)
    assert "bytes in" in told or "timed out" in told
    assert time.monotonic() - start < 10


def test_a_redirect_elsewhere_is_not_followed(server, address, tmp_path):
    asked = []

    def away(handler):
        asked.append(handler.path)
        to = {"/near": f"{address}/file"}.get(
            handler.path, f"http://localhost:{server.server_port}/x"
        )
        if handler.path == "/file":
            sending(CONTENT)(handler)
        else:
            head(handler, 0, 302, Location=to)

    server.answer = away
    assert "redirected away" in refused(one_file(f"{address}/far"), tmp_path)
    assert asked == ["/far"]  # the other was not even asked
    require(one_file(f"{address}/near"), tmp_path, download=True)


def test_a_circle_of_redirects_ends(server, address, tmp_path):
    server.answer = lambda handler: head(handler, 0, 302, Location=f"{address}/again")
    assert "download failed" in refused(one_file(f"{address}/again"), tmp_path)


@pytest.mark.parametrize("status", [404, 416, 500, 503])
def test_an_answer_that_is_none_is_told(status, server, address, tmp_path):
    server.answer = lambda handler: head(handler, 0, status)
    assert str(status) in refused(one_file(f"{address}/file"), tmp_path)


def test_a_bomb_of_gzip_is_unpacked_one_byte_past_the_size(server, address, tmp_path):
    server.answer = sending(gzip.compress(bytes(2**24), 9)[:10_000] + bytes(500))
    told = refused(one_file(f"{address}/f.gz"), tmp_path)
    assert f"unpacks to more than {len(CONTENT)} bytes" in told


def archive(members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def member(name, **facts):
    found = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(found, key, value)
    return found


def photos(address, most=10**5):
    digest = hashlib.sha256(b"1.jpg 3\none").hexdigest()
    resource = Resource(
        "PHOTOS", address, sha256=digest, samples=1, archive_folder="top", most=most
    )
    return DataSet("set", "photos", (resource,), "photos in PHOTOS")


ONE = (member("top/1.jpg"), b"one")


def test_members_outside_and_of_other_kinds_are_left(server, address, tmp_path):
    outside = [
        (member(name), b"evil")
        for name in ("../evil.jpg", "/tmp/evil.jpg", "top/../../evil.jpg", "top/sub/evil.jpg")
    ]
    kinds = [
        (member("top/2.jpg", type=kind, linkname="/etc/passwd"), b"")
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    ]
    server.answer = sending(archive([*outside, *kinds, ONE]))
    (folder,) = require(photos(f"{address}/a.tgz"), tmp_path / "root", download=True)
    assert [path.name for path in folder.iterdir()] == ["1.jpg"]
    assert not list(tmp_path.rglob("*evil*"))


def test_an_archive_that_unpacks_without_end_is_refused(server, address, tmp_path):
    for place in ("elsewhere/big", "top/2.jpg"):
        server.answer = sending(archive([(member(place), bytes(10**6)), ONE]))
        assert "unpacks to more than" in refused(photos(f"{address}/a.tgz"), tmp_path)


def test_an_archive_that_is_none_is_refused(server, address, tmp_path):
    whole = archive([ONE])
    names = gzip.compress(tarfile.TarInfo("x").tobuf() * 3)
    chain = member("long", type=tarfile.GNUTYPE_LONGNAME).tobuf() * 3000
    for content in (
        b"",
        whole[:-30],
        b"\x1f\x8b" + bytes(100),
        CONTENT,
        names,
        gzip.compress(chain),
    ):
        server.answer = sending(content)
        told = refused(photos(f"{address}/a.tgz", most=10**7), tmp_path)
        assert "download failed" in told or "checksum" in told


def test_a_local_bomb_is_another_content(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(bytes(2**22)))
    resource = one_file("", size=1000).resources[0]
    assert not resource.matches(path)
    with pytest.raises(ValueError, match="unpacks to more"):
        content_sha256(path, 1000)


def test_every_set_that_is_downloaded_has_a_bound():
    assert [resource.size for resource in MNIST.resources] == [47040016, 60008, 7840016, 10008]
    for data_set in SETS:
        for resource in data_set.resources:
            assert not resource.address or resource.limit < 2**30, resource.path
