"""Bad image files: all are named at once, or counted; workers hand over what fits any container."""

import os
import resource
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from real_formats import write_classes, write_image

from translearn.commands.data import run_command
from translearn.data.arrangements.folders import FolderPair
from translearn.data.files.images import FileImages, Reading, decode_image
from translearn.data.pipeline.decoding import PIECE, decoded, in_turn, pieces, read_all
from translearn.data.pipeline.reading import Reader
from translearn.data.types import Split
from translearn.errors import DataError, OutOfMemoryError


def pipe(path):
    os.mkfifo(path)


def truncated(path):
    write_image(path, edge=64)
    path.write_bytes(path.read_bytes()[:-300])


def large(path):
    Image.new("1", (8000, 7000)).save(path, format="BMP")


BAD = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no image"),
    "truncated": truncated,
    "pipe": pipe,
    "dead link": lambda path: path.symlink_to("nowhere"),
    "large": large,
    "psd": lambda path: path.write_bytes(b"8BPS\0\1" + bytes(20)),
    "header": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40)),
}


@pytest.fixture
def folders(tmp_path):
    """Two folders; the first has a bad file of every kind."""
    write_classes(tmp_path / "source", {"cat": 12, "dog": 12})
    write_classes(tmp_path / "target", {"cat": 12, "dog": 12})
    for name, make in BAD.items():
        make(tmp_path / "source" / "cat" / f"{name}.jpg")
    return tmp_path


def tasks(folders, **options):
    source, target = str(folders / "source"), str(folders / "target")
    return FolderPair(source=source, target=target, size=16, crop=12, **options).load()


def read(folders, workers=0, most=None, budget=10**9, seed=0, **options):
    return Reader(budget, workers, most, seed, show=False).read(tasks(folders, **options))


@pytest.mark.parametrize("budget", [0, 10**9])
def test_all_bad_files_are_named_at_once_before_anything_is_trained(folders, budget):
    with pytest.raises(DataError) as caught:
        read(folders, budget=budget)
    message = str(caught.value)
    assert message.startswith("8 of 56 image files cannot be read\n")
    assert all(f"cat/{name}.jpg" in message for name in BAD) and "data.on_bad=skip" in message
    assert len(message.splitlines()) <= 6


@pytest.mark.parametrize("budget", [0, 10**9])
def test_bad_files_are_skipped_and_counted_where_that_is_asked_for(folders, budget):
    whole = tasks(folders)
    found, files = read(folders, budget=budget, on_bad="skip")
    record = files["source"].record()
    assert (record["files"], record["read"], record["bad_count"]) == (32, 32, 8)
    assert {path.rsplit("/")[-1] for path in record["bad"]} == {f"{name}.jpg" for name in BAD}
    assert not files["target"].bad and "8 files left out" in str(files["source"])
    for name in ("train", "val", "test"):
        before = getattr(whole.tasks["source"], name)
        split = getattr(found.tasks["source"], name)
        good = [n for n, path in enumerate(before.x.paths) if path.stem not in BAD]
        assert split.y.tolist() == before.y[good].tolist()
        for row, position in enumerate(good):
            image = split.x[row] if budget else split.x.decode(row)
            assert torch.equal(image, before.x.decode(position))


def test_a_part_is_drawn_by_the_seed_and_only_it_is_read(folders):
    found, files = read(folders, most=2, seed=3, on_bad="skip")
    assert files["target"].record()["read"] == 2 * 3 and files["target"].record()["files"] == 24
    sizes = [len(split) for split in (found.tasks["target"].train, found.tasks["target"].test)]
    assert sizes == [2, 2] and "6 of 24 files read" in str(files["target"])
    again, _ = read(folders, most=2, seed=3, on_bad="skip")
    other, _ = read(folders, most=2, seed=4, on_bad="skip")
    same, changed = (one.tasks["target"].train.x for one in (again, other))
    assert torch.equal(found.tasks["target"].train.x, same)
    assert not torch.equal(found.tasks["target"].train.x, changed)


def test_the_same_files_of_two_splits_are_read_once(folders):

    whole = tasks(folders)
    domain = whole.tasks["target"]
    twice = replace(domain, test=Split(domain.train.x, domain.train.y))
    both = replace(whole, tasks={"target": twice})
    found, files = Reader(10**9, 0, None, 0, show=False).read(both)
    assert found.tasks["target"].train.x is found.tasks["target"].test.x
    assert files["target"].files == len(domain.train) + len(domain.val)


def many(folder, count, edge=24):
    return tuple(write_image(folder / f"{n:03}.jpg", seed=n, edge=edge) for n in range(count))


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.full)])
@pytest.mark.parametrize("size", [8, 400])  # many images in a piece, and two
def test_pieces_are_small_in_order_and_put_together_again(tmp_path, workers, size):
    images = FileImages(many(tmp_path, 10), size)
    batches = [[3, 1, 3], [0], [9, 8, 7, 6, 5]]
    for piece in pieces(images, batches, workers, 4):
        assert piece.x.nbytes <= max(PIECE, images.nbytes // 10)
    found = list(decoded(images, batches, 5, workers))
    assert [batch.positions.tolist() for batch in found] == batches
    for batch in found:
        for row, position in enumerate(batch.positions.tolist()):
            assert torch.equal(batch.x[row], images.decode(position))


@pytest.mark.parametrize("size", [8, 400])
def test_a_bad_file_is_told_by_its_row(tmp_path, size):
    paths = many(tmp_path, 6)
    paths[2].write_bytes(b"")
    batches = [[0, 1, 2, 3], [4, 5], [2, 2]]
    found = list(decoded(FileImages(paths, size), batches, 4, 0))
    assert [sorted(batch.bad) for batch in found] == [[2], [], [0, 1]]
    assert not found[0].x[2].any() and found[0].x[1].any()
    with pytest.raises(DataError, match=r"002\.jpg"):
        found[0].whole()


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.full)])
def test_everything_is_decoded_into_one_array(tmp_path, workers):
    images = FileImages(many(tmp_path, 70), 16)
    whole = read_all(images, workers, show=False)
    assert torch.equal(whole.x, torch.stack([images.decode(n) for n in range(70)]))
    assert read_all(images, workers, keep=False, show=False).x is None
    assert read_all(FileImages((), 16), workers, show=False).x.shape == (0, 3, 16, 16)


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path):
    images = FileImages(many(tmp_path, 1) * 10**6, 4000)
    with pytest.raises(
        OutOfMemoryError, match=r"needs about 48000 GB, .* are free\nlower run\.res"
    ):
        read_all(images, 0, show=False)


def test_decoding_draws_nothing_at_random(tmp_path):
    images = FileImages(many(tmp_path, 3), 16)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    read_all(images, 0, show=False)
    list(decoded(images, in_turn(3, 2), 2, 0))
    assert torch.equal(torch.rand(3), expected)


def test_a_bar_is_shown_where_it_takes_longer_than_a_moment(tmp_path, capsys, monkeypatch):
    images = FileImages(many(tmp_path, 3), 16)
    read_all(images, 0, title="source (photos)")
    assert not capsys.readouterr().err
    monkeypatch.setattr("translearn.data.pipeline.decoding.SHOWN_AFTER", 1e-9)
    read_all(images, 0, title="source (photos)")
    assert "reading source (photos)" in capsys.readouterr().err
    read_all(images, 0, title="source (photos)", show=False)
    assert not capsys.readouterr().err


@pytest.mark.full
def test_few_descriptors_and_no_shared_memory_are_needed(tmp_path, monkeypatch):
    """As in a container: 64 files may be open, and temporary files have very long paths."""
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(deep))
    images = FileImages(many(tmp_path, 40), 256)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 64, before[1]))
    free = os.statvfs("/dev/shm").f_bavail
    try:
        total = 0
        for batch in decoded(images, in_turn(40, 40) * 30, 40, 2):
            total += len(batch.x)
            assert os.statvfs("/dev/shm").f_bavail > free - 2**22 // 4096
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert total == 40 * 30


def test_check_lists_every_bad_file_with_its_reason(folders, capsys):
    assert run_command(["check", str(folders / "source"), "--workers", "0"]) == 3
    told = capsys.readouterr()
    lines = {line.split(": ")[1] for line in told.out.splitlines() if line.startswith("bad: ")}
    assert lines == {f"cat/{name}.jpg" for name in BAD}
    assert "8 of 32 images cannot be read" in told.err and "32 files found" in told.out
    assert all(": " in line for line in told.out.splitlines())
    assert run_command(["check", str(folders / "target"), "--workers", "0"]) == 0
    assert "all 24 images can be read" in capsys.readouterr().out
    assert run_command(["check", str(folders / "nowhere")]) == 3
    assert run_command(["check", str(folders), "--workers", "-1"]) == 2


def test_check_tells_what_is_changed_to_show_an_image(tmp_path, capsys):
    Image.fromarray(np.full((8, 8), 4000, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert run_command(["check", str(tmp_path), "--workers", "0"]) == 0
    assert "shown: 1 I;16 from 0 to 4095" in capsys.readouterr().out


@pytest.mark.parametrize("name", BAD)
def test_the_error_of_one_file_has_its_name_and_two_lines(tmp_path, name):
    BAD[name](tmp_path / "a\nb.jpg")
    with pytest.raises(DataError, match="cannot read the image") as caught:
        decode_image(tmp_path / "a\nb.jpg", 8, Reading())
    assert len(str(caught.value).splitlines()) == 2
