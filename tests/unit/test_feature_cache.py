"""Features kept between runs are those that would be computed."""

import os

import pytest
import torch
from runs import MACHINE, same_weights, train
from torch import nn

from translearn.data.pipeline.preparation import ImagePreparation
from translearn.engine import features
from translearn.engine.feature_cache import digest_of, file_of, keep, make_room, read
from translearn.runtime import Runtime

CPU = Runtime(torch.device("cpu"), 0, 1, False, 1)
OPTIONS = ("method=source_only", "data=digits_photos", "backbone=lenet", "backbone.learn=none",
           "run=smoke", *MACHINE)  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/translearn/features"


def prepared(mean=0.5):
    return ImagePreparation((3, 8, 8), (mean,) * 3, (0.5,) * 3, CPU)


def net(fill=1.0):
    built = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2)).eval()
    nn.init.constant_(built[0].weight, fill)
    nn.init.zeros_(built[0].bias)
    return built


def test_all_that_decides_the_bits_has_a_file_of_its_own(monkeypatch):
    pixels = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    brighter = pixels.clone()
    brighter[0, 0, 0, 0] = 1
    plain = file_of(digest_of(net(), prepared(), CPU, 16), pixels)
    assert plain == file_of(digest_of(net(), prepared(), CPU, 16), pixels.clone())
    others = {
        file_of(digest_of(net(), prepared(), CPU, 16), brighter),
        file_of(digest_of(net(2.0), prepared(), CPU, 16), pixels),
        file_of(digest_of(net(), prepared(0.4), CPU, 16), pixels),
        file_of(digest_of(net(), prepared(), CPU, 8), pixels),
        file_of(digest_of(net(), prepared(), Runtime(CPU.device, 0, 1, True, 1), 16), pixels),
        file_of(digest_of(net(), prepared(), Runtime(CPU.device, 0, 1, False, 2), 16), pixels),
    }
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    others.add(file_of(digest_of(net(), prepared(), CPU, 16), pixels))
    assert len(others | {plain}) == 8


def test_what_is_kept_is_read_and_what_is_damaged_is_not(cache):
    kept = torch.randn(4, 3)
    keep(cache / "a.safetensors", kept)
    assert torch.equal(read(cache / "a.safetensors", (4, 3)), kept)
    assert read(cache / "a.safetensors", (5, 3)) is None
    for content in (b"", b"{", (cache / "a.safetensors").read_bytes()[:-1]):
        (cache / "a.safetensors").write_bytes(content)
        assert read(cache / "a.safetensors", (4, 3)) is None
    assert read(cache / "none", (4, 3)) is None


def test_the_oldest_make_room(cache):
    for number in range(4):
        keep(cache / f"{number}.safetensors", torch.zeros(10, 10))
        os.utime(cache / f"{number}.safetensors", (number, number))
    read(cache / "0.safetensors", (10, 10))
    make_room(cache, 600)
    assert [path.name for path in cache.iterdir()] == ["0.safetensors"]


def test_a_second_run_takes_them_and_ends_with_the_same_bits(cache, tmp_path, monkeypatch):
    train(tmp_path / "first", *OPTIONS)
    assert list(cache.iterdir())
    train(tmp_path / "other", *OPTIONS, "run.feature_cache=false")
    monkeypatch.setattr(features.Extraction, "features", lambda *given: 1 / 0)
    train(tmp_path / "second", *OPTIONS)
    assert same_weights(tmp_path / "first", tmp_path / "second")
    assert same_weights(tmp_path / "first", tmp_path / "other")


def test_without_a_home_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    train(tmp_path / "run", *OPTIONS)
