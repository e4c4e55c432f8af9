"""Augmentation: draws per image, the same for one rank as for two."""

from functools import partial
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from runs import checked
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as reference

from translearn.components import build, check
from translearn.config import conf_dir
from translearn.data.access import TrainView, UnlabelledSet
from translearn.data.pipeline.augment import (
    Augment,
    Color,
    ColorNoise,
    Draw,
    NoAugment,
    Photo,
    center_crop,
)
from translearn.data.pipeline.views import Colors, Views
from translearn.data.types import Kind
from translearn.errors import ConfigError

CONFIGS = sorted(Path(conf_dir(), "augment").glob("*.yaml"))


def whole(count: int, seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed), count, slice(0, count))


def photos(count: int = 8, channels: int = 3, edge: int = 40) -> torch.Tensor:
    """Smooth images, all of them the same."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(1, channels, 5, 5, generator=generator)
    smooth = F.interpolate(coarse, size=(edge, edge), mode="bilinear")
    return smooth.expand(count, -1, -1, -1).contiguous()


VIEWS = Views(32, degrees=20, colors=partial(Colors, recolor=0.5))
AUGMENTATIONS = [Color(), ColorNoise(), Photo(32), VIEWS, NoAugment()]


@pytest.mark.parametrize("augment", AUGMENTATIONS, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("channels", [1, 3])
def test_two_ranks_make_the_rows_of_one(augment, channels):
    x = photos(channels=channels)
    once = augment(x, whole(8))
    halves = [
        augment(x[rows], Draw(torch.Generator().manual_seed(0), 8, rows))
        for rows in (slice(0, 4), slice(4, 8))
    ]
    assert torch.allclose(torch.cat(halves), once, atol=1e-6)


@pytest.mark.parametrize("augment", AUGMENTATIONS[:4], ids=lambda a: type(a).__name__)
def test_a_seed_decides_and_every_image_has_its_own_draw(augment):
    x = photos()
    once = augment(x, whole(8))
    assert torch.equal(once, augment(x, whole(8)))
    assert not torch.allclose(once, augment(x, whole(8, seed=1)), atol=0.05)
    for i in range(8):
        for j in range(i):
            assert (once[i] - once[j]).abs().mean() > 0.005, (i, j)


@pytest.mark.parametrize("augment", AUGMENTATIONS, ids=lambda a: type(a).__name__)
def test_the_stored_images_are_left_as_they_are(augment):
    x = photos()
    before = x.clone()
    augment(x, whole(8))
    assert torch.equal(x, before)


def test_color_noise_enlarges_bilinearly():
    """Without pixel noise it is the colour plus F.interpolate of a coarse grid of noise."""
    x = photos(edge=28)[..., :20]
    noise = ColorNoise(cells=4, pixel_noise=0.0)(x, whole(8)) - Color()(x, whole(8))
    draw = whole(8)
    draw.uniform(3, 1, 1), draw.uniform(3, 1, 1)
    coarse = draw.uniform(3, 4, 4, low=-0.5, high=0.5) * draw.uniform(1, 1, 1)
    expected = F.interpolate(coarse, size=(28, 20), mode="bilinear", align_corners=False)
    assert torch.allclose(noise, expected, atol=1e-5)


@pytest.mark.parametrize(("channels", "edge", "size"), [(3, 40, 32), (1, 40, 32), (3, 28, 28)])
def test_photo_shape_and_range(channels, edge, size):
    out = Photo(size, brightness=1.0, contrast=1.0)(photos(16, channels, edge), whole(16))
    assert out.shape == (16, channels, size, size)
    assert out.min() >= 0 and out.max() <= 1 and out.isfinite().all()


def still(size: int, **changes: object) -> Photo:
    """A Photo that changes nothing but what is asked for."""
    settings = {"scale": (1, 1), "ratio": (1, 1), "flip": 0.0} | dict.fromkeys(
        ("brightness", "contrast", "saturation"), 0.0
    )
    return Photo(size, **(settings | changes))


def test_photo_without_strength_is_the_identity():
    x = torch.rand(4, 3, 24, 24)
    assert torch.allclose(still(24)(x, whole(4)), x, atol=1e-5)


def test_photo_takes_grey_images_repeated_by_expand():
    x = torch.rand(4, 1, 24, 24).expand(-1, 3, -1, -1)
    assert torch.allclose(still(24)(x, whole(4)), x, atol=1e-5)


def test_flip_probability():
    x = torch.linspace(0, 1, 16).expand(2000, 1, 16, 16).contiguous()
    for probability in (0.0, 0.3, 1.0):
        out = still(16, flip=probability)(x, whole(2000))
        flipped = out[:, 0, 0, 0] > 0.5
        assert torch.allclose(out[flipped], x[flipped].flip(-1), atol=1e-5)
        assert abs(flipped.float().mean().item() - probability) < 0.04


def test_crops_lie_inside_and_have_the_areas_and_ratios_asked_for():
    """Coordinates as colours: what is left and right of a crop tells where it was."""
    edge, size, count = 64, 32, 500
    ramp = (torch.arange(edge) + 0.5) / edge
    x = torch.stack([ramp.expand(edge, edge), ramp[:, None].expand(edge, edge)])
    x = x.expand(count, -1, -1, -1)
    out = still(size, scale=(0.3, 0.8), ratio=(0.8, 1.25))(x, whole(count))
    steps = size - 1
    width = (out[:, 0, 16, -4] - out[:, 0, 16, 3]) / (steps - 6) * size
    height = (out[:, 1, -4, 16] - out[:, 1, 3, 16]) / (steps - 6) * size
    area, ratio = width * height, width / height
    assert 0.29 < area.min() < 0.32 and 0.78 < area.max() < 0.81
    assert 0.79 < ratio.min() < 0.82 and 1.22 < ratio.max() < 1.26
    centre = out[:, 0, 16, 15:17].mean(dim=1)
    assert ((centre - width / 2) > -0.02).all() and ((centre + width / 2) < 1.02).all()
    assert centre.std() > 0.05


def test_jitter_is_torchvisions_in_its_order():
    """Brightness, contrast, saturation; values in the middle, so that no clamp is met."""
    x = 0.4 + 0.2 * torch.rand(6, 3, 16, 16)
    photo = still(16, brightness=0.2, contrast=0.3, saturation=0.4)
    draw = whole(6)
    for _ in range(5):
        draw.uniform()  # the crop's
    factors = [draw.uniform(1, 1, low=1 - s, high=1 + s).flatten() for s in (0.2, 0.3, 0.4)]
    out = photo(x, whole(6))
    for i, (brightness, contrast, saturation) in enumerate(zip(*factors, strict=True)):
        expected = reference.adjust_brightness(x[i], brightness.item())
        expected = reference.adjust_contrast(expected, contrast.item())
        expected = reference.adjust_saturation(expected, saturation.item())
        assert torch.allclose(out[i], expected, atol=1e-3), i


@pytest.mark.parametrize(
    "wrong",
    [
        {"flip": 1.5},
        {"brightness": -0.1},
        {"saturation": 2.0},
        {"scale": (0.0, 1.0)},
        {"scale": (0.9, 0.5)},
        {"scale": (0.5,)},
        {"ratio": (2.0, 1.0)},
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))}="):
        checked(Photo, 32, **wrong)


def test_center_crop():
    x = torch.arange(36.0).view(1, 1, 6, 6)
    assert center_crop(x, 2).flatten().tolist() == [14.0, 15.0, 20.0, 21.0]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config(path):
    assert path.read_text().startswith("# about: ")
    config = OmegaConf.to_container(OmegaConf.load(path))
    check("augment", config, Augment, ["size"])
    augment = build(config, Augment, size=32)
    pixels = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    augment.see(TrainView({"target": UnlabelledSet(pixels)}))
    shapes = {Kind.waveform: (8, 400), Kind.vector: (8, 5), Kind.signal: (8, 3, 50)}
    x = torch.rand(shapes[augment.kind]) if augment.kind in shapes else photos(edge=32)
    assert augment(x, whole(8)).shape == x.shape
