"""What a run reads is known by its content: changes are told, other places are none."""

import os
import shutil

import pytest
import torch
from embedded import digits
from PIL import Image

from translearn.artifacts.folder import but_moved
from translearn.data.arrangements.folders import FolderPair
from translearn.data.contents import changes, contents, fingerprint
from translearn.data.files.compared import digests
from translearn.engine.data_record import keep_contents, refuse_changed
from translearn.errors import CheckpointError

HERE = ("cat", "dog")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def photos(tmp_path):
    """A folder with a source of two classes and an unlabelled target."""
    draws = torch.Generator().manual_seed(0)
    for place in (*(f"source/{name}" for name in HERE), "target"):
        (tmp_path / "photos" / place).mkdir(parents=True)
        for number in range(5):
            pixels = torch.randint(0, 256, (8, 8, 3), generator=draws, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(tmp_path / "photos" / place / f"{number}.png")
    return tmp_path / "photos"


def read(photos, **options):
    place = {"source": str(photos / "source"), "target": str(photos / "target")}
    return contents(FolderPair(**place, size=8, crop=8).load(), **options)


def rewritten(path):
    Image.new("RGB", (8, 8), "red").save(path)


def renamed(path, name):
    path.rename(path.with_name(name))


CHANGES = {
    "a file changed": (lambda p: rewritten(p / "source/cat/1.png"), "1 file changed: cat/1.png"),
    "a target changed": (lambda p: rewritten(p / "target/3.png"), "1 file changed: 3.png"),
    "a file gone": (lambda p: (p / "source/dog/2.png").unlink(), "1 file gone: dog/2.png"),
    "a file renamed": (lambda p: renamed(p / "source/cat/1.png", "9.png"), "1 file new: cat/9.png"),
    "a class added": (lambda p: shutil.copytree(p / "source/cat", p / "source/zebra"),
                      "1 class new: zebra"),
    "a class renamed": (lambda p: renamed(p / "source/cat", "ant"),
                        "1 class gone: cat; 1 class new: ant"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told_and_refused(name, photos, tmp_path):
    change, told = CHANGES[name]
    before = read(photos)
    keep_contents(tmp_path, before)
    change(photos)
    now = read(photos)
    assert fingerprint(now) != fingerprint(before)
    assert any(told in line for line in changes(before, now)), list(changes(before, now))
    with pytest.raises(CheckpointError, match="its data have changed") as caught:
        refuse_changed(tmp_path, now)
    assert len(str(caught.value).splitlines()) <= 6


@pytest.mark.parametrize("how", ["again", "touched", "moved", "copied", "linked", "no cache"])
def test_what_is_no_change(how, photos, tmp_path, cache):
    before = read(photos)
    keep_contents(tmp_path, before)
    match how:
        case "touched":
            for path in photos.rglob("*.png"):
                os.utime(path, ns=(5, 5))
        case "moved":
            photos = photos.rename(tmp_path / "elsewhere")
        case "copied":
            photos = shutil.copytree(photos, tmp_path / "copy", copy_function=shutil.copyfile)
        case "linked":
            (tmp_path / "link").symlink_to(photos)
            photos = tmp_path / "link"
        case "no cache":
            for note in cache.rglob("*"):
                note.is_file() and note.write_bytes(b"{broken")
    refuse_changed(tmp_path, read(photos))


def test_a_part_is_known_as_a_part(photos):
    part = read(photos, most=2, seed=3)
    assert {split["samples"] for split in part["source"]["splits"].values()} <= {1, 2}
    assert part == read(photos, most=2, seed=3)
    assert part != read(photos)


def test_what_is_in_memory_counts_with_its_labels_and_its_cut():
    first, again = contents(digits().load()), contents(digits().load())
    assert first == again and list(changes(first, again)) == []
    other = contents(digits(split_seed=1).load())
    assert "source/train: other samples or labels" in list(changes(first, other))


def test_files_are_read_for_it_once(photos, monkeypatch):
    read(photos)
    monkeypatch.setattr("translearn.data.files.compared.sha256_of", lambda path: 1 / 0)
    read(photos)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads every file")
def test_a_file_that_may_be_read_again_is_no_change(photos, tmp_path):
    before = read(photos)
    (photos / "source/cat/1.png").chmod(0)
    assert before != read(photos)
    (photos / "source/cat/1.png").chmod(0o644)
    assert before == read(photos)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    assert digests([tmp_path / "1.png"]) == {tmp_path / "1.png": ("1.png", "unreadable")}


@pytest.mark.parametrize("note", [b"[]", b"3", b'{"1.png": 3}', b'{"1.png": null}', b"\xff"])
def test_a_broken_cache_is_written_anew(note, photos, cache):
    before = read(photos)
    notes = [path for path in cache.rglob("*") if path.is_file()]
    for path in notes:
        path.write_bytes(note)
    assert read(photos) == before
    assert notes and all(path.read_bytes() != note for path in notes)


def test_a_time_that_was_set_back_hides_nothing(photos):
    path = photos / "source/cat/1.png"
    before, status = read(photos), path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert list(changes(before, read(photos))) == ["source: 1 file changed: cat/1.png"]


def test_a_user_without_a_home_forgets(photos, monkeypatch):
    before = read(photos)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("pathlib.Path.expanduser", without_home)
    assert read(photos) == before


def without_home(path):
    if str(path).startswith("~"):
        raise RuntimeError("Could not determine home directory.")
    return path


def test_a_place_is_followed_where_the_content_decides(photos, tmp_path):
    config = {"data": {"source": str(photos / "source"), "target": "nowhere"}}
    lines = ["data.source: old -> new", "data.target: old -> nowhere", "seed: 0 -> 1"]
    assert but_moved(tmp_path, lines, config) == lines
    keep_contents(tmp_path, read(photos))
    assert but_moved(tmp_path, lines, config) == lines[1:]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"tasks": 3}', b"{", b'{"tasks": {"source": 1}}']
)
def test_a_broken_record_is_refused(content, photos, tmp_path):
    (tmp_path / "data.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"data\.json"):
        refuse_changed(tmp_path, read(photos))


@pytest.mark.full
def test_a_run_goes_on_with_moved_data_and_not_with_changed(photos, tl_run, tmp_path):
    options = ("data=folder", "backbone=lenet", "augment=none", "data.size=28", "data.crop=28",
               "run.device=cpu", "run.max_steps=3", "run.batch_size=2", "data.source=photos/source",
               "data.target=photos/target", "hydra.run.dir=run", "run.evaluate=[val]")  # fmt: skip
    done = tl_run(*options)
    assert done.returncode == 0, done.stderr
    (tmp_path / "run/result.json").unlink()
    photos.rename(tmp_path / "elsewhere")
    moved = ("data.source=elsewhere/source", "data.target=elsewhere/target")
    rewritten(tmp_path / "elsewhere/source/cat/1.png")
    refused = tl_run("run.resume=run", *moved)
    assert refused.returncode == 6 and "1 file changed: cat/1.png" in refused.stderr
    shutil.rmtree(tmp_path / "run")
    photos = (tmp_path / "elsewhere").rename(tmp_path / "photos")
    assert tl_run(*options).returncode == 0
    (tmp_path / "run/result.json").unlink()
    photos.rename(tmp_path / "elsewhere")
    assert tl_run("run.resume=run", *moved).returncode == 0
