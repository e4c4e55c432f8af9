"""What a run reads is known by its content: changes are told, other places are none."""

import os
import shutil

import pytest
import torch
from embedded import digits
from PIL import Image

from translearn.data.arrangements.folders import FolderPair
from translearn.data.contents import changes, contents
from translearn.data.files.compared import digests
from translearn.data.identity import but_moved, changed_since, same_settings
from translearn.engine.data_record import (
    data_record,
    keep_record,
    refuse_changed,
    refuse_learned_test,
)
from translearn.errors import CheckpointError, ConfigError
from translearn.report.collect import collect
from translearn.report.rows import group

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


def places_of(photos):
    return {"source": str(photos / "source"), "target": str(photos / "target")}


def read(photos, **options):
    return contents(FolderPair(**places_of(photos), size=8, crop=8).load(), **options)


def record(photos, **options):
    tasks = FolderPair(**places_of(photos), size=8, crop=8, **options).load()
    return data_record(tasks, {"data": places_of(photos)}, most=None, seed=0)


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
    before = record(photos)
    config = {"data": places_of(photos)}
    keep_record(tmp_path, before, config)
    assert changed_since(tmp_path, config) == []
    change(photos)
    assert changed_since(tmp_path, config)
    now = record(photos)
    assert now.places != before.places
    assert now.fingerprint != before.fingerprint
    lines = list(changes(before.tasks, now.tasks))
    assert any(told in line for line in lines), lines
    with pytest.raises(CheckpointError, match="its data have changed") as caught:
        refuse_changed(tmp_path, now)
    assert len(str(caught.value).splitlines()) <= 6


@pytest.mark.parametrize("how", ["again", "touched", "moved", "copied", "linked", "no cache"])
def test_what_is_no_change(how, photos, tmp_path, cache):
    before = record(photos)
    stored = {"data": places_of(photos)}
    keep_record(tmp_path, before, stored)
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
    refuse_changed(tmp_path, record(photos))
    config = {"data": places_of(photos)}
    assert changed_since(tmp_path, config) == [] and same_settings(tmp_path, stored, config)
    assert not same_settings(tmp_path, {**stored, "seed": 1}, {**config, "seed": 2})
    assert record(photos, split_seed=3).places == before.places  # whatever cuts them


def test_a_place_with_more_in_it_is_another(photos, tmp_path):
    keep_record(tmp_path, record(photos), {"data": places_of(photos)})
    config = {"data": places_of(photos)}
    (photos / "source/cat/.hidden").write_text("x")
    assert changed_since(tmp_path, config) == []
    (photos / "source/cat/notes.txt").write_text("x")
    assert changed_since(tmp_path, config) == [f"data.source={photos / 'source'}"]


def test_a_label_in_a_table_counts(photos, tmp_path):
    rows = [f"cat/{n}.png,{'ab'[n % 2]}" for n in range(5)]
    table = photos / "source/labels.csv"
    table.write_text("\n".join(["path,label", *rows]))
    keep_record(tmp_path, record(photos), {"data": places_of(photos)})
    config = {"data": places_of(photos)}
    assert changed_since(tmp_path, config) == []
    table.write_text(table.read_text().replace("4.png,a", "4.png,b"))
    assert changed_since(tmp_path, config) == [f"data.source={photos / 'source'}"]


def test_the_model_that_a_run_starts_from_counts(photos, tmp_path):
    config = {"data": places_of(photos), "method": {"init": str(tmp_path / "init"), "name": "x"}}
    tasks = FolderPair(**places_of(photos), size=8, crop=8).load()
    (tmp_path / "init").mkdir()
    (tmp_path / "init/model.safetensors").write_bytes(b"1")
    before = data_record(tasks, config, most=None, seed=0)
    assert list(before.models) == ["method.init"]
    keep_record(tmp_path, before, config)
    refuse_changed(tmp_path, before)
    (tmp_path / "init/model.safetensors").write_bytes(b"2")
    with pytest.raises(CheckpointError, match=r"method\.init: another file"):
        refuse_changed(tmp_path, data_record(tasks, config, most=None, seed=0))


def test_an_earlier_run_must_not_have_learned_the_test(photos, tmp_path):
    keep_record(tmp_path, record(photos), {"data": places_of(photos)})
    refuse_learned_test(str(tmp_path), record(photos))
    (photos / "source/eel").mkdir()
    for path in [*photos.glob("source/cat/*.png"), *photos.glob("source/dog/*.png")]:
        path.rename(photos / "source/eel" / f"{path.parent.name}{path.name}")  # another cut of them
    for name in HERE:
        rewritten(photos / "source" / name / "0.png")
    with pytest.raises(ConfigError, match="images that are test images here"):
        refuse_learned_test(str(tmp_path), record(photos))


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
    keep_record(tmp_path, record(photos), {"data": places_of(photos)})
    assert but_moved(tmp_path, lines, config) == lines[1:]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"tasks": 3}', b"{", b'{"tasks": {"source": 1}}']
)
def test_a_broken_record_is_refused(content, photos, tmp_path):
    (tmp_path / "data.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"data\.json"):
        refuse_changed(tmp_path, record(photos))


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
    assert not (tmp_path / "run/.hydra/moved.yaml").exists()  # what is refused is not remembered
    shutil.rmtree(tmp_path / "run")
    photos = (tmp_path / "elsewhere").rename(tmp_path / "photos")
    assert tl_run(*options).returncode == 0
    (tmp_path / "run/result.json").unlink()
    photos.rename(tmp_path / "elsewhere")
    assert tl_run("run.resume=run", *moved).returncode == 0
    (tmp_path / "run/result.json").unlink()
    (tmp_path / "run").rename(tmp_path / "away")
    again = tl_run("run.resume=away")  # knows where they are since
    assert again.returncode == 0, again.stderr
    (tmp_path / "elsewhere").rename(photos)  # and back, which nobody needs to tell
    assert "is done" in tl_run("run.resume=away").stdout
    (tmp_path / "away/result.json").unlink()
    back = tl_run("run.resume=away")
    assert back.returncode == 0, back.stderr


@pytest.mark.full
def test_a_sweep_takes_what_is_done_on_the_same_data_alone(photos, tl_run, tmp_path):
    options = ("-m", "run.skip_done=true", "method=source_only", "data=folder", "backbone=lenet",
               "augment=none", "data.size=28", "data.crop=28", "run.device=cpu", "run.max_steps=3",
               "run.batch_size=2", "run.evaluate=[val]",
               "seed=0,1", "run.figures=false")  # fmt: skip
    here = ("data.source=photos/source", "data.target=photos/target")
    first = tl_run(*options, *here, "hydra.sweep.dir=outputs/sweeps/first")
    assert first.returncode == 0, first.stderr
    photos.rename(tmp_path / "elsewhere")
    moved = ("data.source=elsewhere/source", "data.target=elsewhere/target")
    again = tl_run(*options, *moved)
    assert again.returncode == 0 and again.stdout.count("is done already") == 2, again.stdout
    rewritten(tmp_path / "elsewhere/source/cat/1.png")
    (tmp_path / "elsewhere").rename(photos)
    kept = (tmp_path / "outputs/sweeps/first/0/result.json").read_bytes()
    over = tl_run(*options, *here, "hydra.sweep.dir=outputs/sweeps/first")
    assert over.returncode == 2 and "its data have changed since" in over.stderr, over.stderr
    assert (tmp_path / "outputs/sweeps/first/0/result.json").read_bytes() == kept
    anew = tl_run(*options, *here, "hydra.sweep.dir=outputs/sweeps/anew")
    assert anew.returncode == 0 and "is done already" not in anew.stdout, anew.stdout
    rows = [row.settings for row in group(collect([tmp_path / "outputs"]))[0]]
    assert len(rows) == 2 and rows[0] != rows[1]
