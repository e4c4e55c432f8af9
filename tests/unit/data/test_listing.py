"""What is found in folders, what is left out, and that both are told."""

import os
import socket

import pytest
from PIL import Image
from real_formats import write_image

from translearn.data.files.images import FORMATS, why_no_image
from translearn.data.files.listing import TWICE, list_files
from translearn.errors import DataError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def listed(folder):
    return list_files(folder, why_no_image)


def test_paths_are_relative_and_sorted_by_their_parts(tmp_path):
    touch(tmp_path, "b/1.jpg", "a b/2.jpg", "a/10.jpg", "a/9.JPG", "z.png")
    assert listed(tmp_path).files == ("a/10.jpg", "a/9.JPG", "a b/2.jpg", "b/1.jpg", "z.png")
    assert listed(tmp_path).folders == ("a", "a b", "b")


THUMBNAILS = (
    "cat/.thumbnails/", "cat/@eaDir/", "__MACOSX/", "cat/Thumbs.db", "cat/._1.jpg", "._cat",
)  # fmt: skip


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        *(([name], "thumbnails") for name in THUMBNAILS),
        ([".git/", ".cache/", "cat/.hidden.jpg", ".DS_Store"], "hidden"),
        (["notes.txt", "cat/list.txt"], "of another kind (.txt)"),
        (["cat/photo.heic"], "of another kind (.heic)"),
        (["README"], "of another kind"),
        (["cat/a.nef", "cat/b.DNG"], "camera raw"),
    ],
)
def test_what_is_left_out_is_named_with_its_reason(tmp_path, names, reason):
    touch(tmp_path, "cat/1.jpg")
    touch(tmp_path, *(name + "x.jpg" if name.endswith("/") else name for name in names))
    found = listed(tmp_path)
    assert found.files == ("cat/1.jpg",)
    assert found.left_out == {reason: sorted(names)}
    assert found.found == 1 + len(names) and found.record()["used"] == 1
    assert found.record()["left_out"][reason] == {"count": len(names), "names": sorted(names)}
    assert reason in str(found) and names[0] in str(found)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("suffix", ["", ".dat", ".xyz.txt"])
def test_images_are_known_by_their_content(tmp_path, format, suffix):
    Image.new("RGB", (8, 8)).save(tmp_path / f"image{suffix}", format=format)
    assert listed(tmp_path).files == (f"image{suffix}",)


@pytest.mark.parametrize("format", ["EPS", "ICO", "PCX", "TGA", "PDF"])
def test_other_formats_are_left_out_and_told(tmp_path, format):
    Image.new("RGB", (8, 8)).save(tmp_path / f"image.{format.lower()}", format=format)
    found = listed(tmp_path)
    assert not found.files and found.left_out == {
        f"of another kind (.{format.lower()})": [f"image.{format.lower()}"]
    }


@pytest.mark.parametrize("text", [b"BMW prices", b"P3 is a room", b"P6\n", b"II", b"RIFF1234WAVE"])
def test_a_text_that_begins_as_an_image_is_none(tmp_path, text):
    (tmp_path / "notes.txt").write_bytes(text)
    assert not listed(tmp_path).files


def test_links_are_followed_once_and_the_files_own_place_comes_first(tmp_path):
    touch(tmp_path, "photos/real/1.jpg", "photos/real/2.jpg", "outside/deep/3.jpg")
    photos = tmp_path / "photos"
    (photos / "a_link").symlink_to(photos / "real")
    (photos / "b_link.jpg").symlink_to("real/1.jpg")
    (photos / "real" / "up").symlink_to("../..")
    (photos / "real" / "self").symlink_to(".")
    (photos / "out").symlink_to(tmp_path / "outside")
    (photos / "out_again").symlink_to(tmp_path / "outside" / "deep")
    (tmp_path / "outside" / "deep" / "loop").symlink_to(tmp_path / "outside")
    found = listed(photos)
    assert found.files == ("out/deep/3.jpg", "real/1.jpg", "real/2.jpg")
    assert found.left_out[TWICE] == sorted(
        ["a_link/", "b_link.jpg", "out/deep/loop/", "out_again/", "real/self/", "real/up/"]
    )


def test_a_folder_that_is_a_link_is_searched(tmp_path):
    touch(tmp_path, "real/cat/1.jpg")
    (tmp_path / "link").symlink_to("real")
    assert listed(tmp_path / "link").files == ("cat/1.jpg",)


def test_what_is_no_regular_file_is_left_out_unless_it_is_named_as_an_image(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dead").symlink_to("nowhere")
    (tmp_path / "dead.jpg").symlink_to("nowhere.jpg")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(tmp_path / "socket"))
        found = listed(tmp_path)
    assert found.files == ("dead.jpg", "pipe.png")
    assert found.left_out == {"no regular file": ["dead", "pipe", "socket"]}


@pytest.mark.parametrize("what", ["cat", "cat/inner", "cat/unknown"])
def test_what_cannot_be_listed_or_read_is_an_error_with_its_path(tmp_path, what, monkeypatch):
    touch(tmp_path, "cat/inner/1.jpg", "cat/unknown")
    tmp_path.chmod(0o755)
    (tmp_path / what).chmod(0)
    user = os.geteuid()
    if user == 0:
        for above in tmp_path.parents[:3]:
            above.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(DataError, match=r"cannot (list|read)") as caught:
            listed(tmp_path)
    finally:
        os.seteuid(user)
        (tmp_path / what).chmod(0o755)
    assert str(tmp_path / what) in str(caught.value) and "Permission denied" in str(caught.value)


def test_names_of_any_bytes_can_be_told(tmp_path):
    name = os.fsdecode(b"caf\xe9.txt")
    touch(tmp_path, name)
    write_image(tmp_path / "1.jpg")
    assert "caf\\udce9.txt" in str(listed(tmp_path))
    assert str(listed(tmp_path)).encode("utf-8")


def test_many_names_are_cut(tmp_path):
    touch(tmp_path, *(f"{number:03}.txt" for number in range(500)))
    found = listed(tmp_path)
    assert "and 497 more" in str(found) and len(str(found)) < 600
    assert len(found.record()["left_out"]["of another kind (.txt)"]["names"]) == 8
