"""The augmentation of views: each part against what it should be, alone."""

import math

import pytest
import torch
from runs import checked
from torchvision.transforms.v2 import functional as reference

from translearn.data.pipeline.augment import Draw
from translearn.data.pipeline.views import Views
from translearn.errors import ConfigError


def whole(count: int, seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed), count, slice(0, count))


def still(size: int, **changes: object) -> Views:
    """Views that change nothing but what is asked for."""
    settings = {"scale": (1, 1), "ratio": (1, 1)} | dict.fromkeys(
        ("flip", "brightness", "contrast", "saturation", "recolor", "grey", "blur"), 0.0
    )
    return Views(size, **(settings | changes))


def test_without_strength_it_is_the_identity():
    x = torch.rand(4, 3, 24, 24)
    assert torch.allclose(still(24)(x, whole(4)), x, atol=1e-5)


@pytest.mark.parametrize("area", [1.5, 2.0, 4.0])
def test_a_crop_larger_than_the_image_makes_it_smaller_with_black_around(area):
    x = torch.ones(16, 1, 40, 40)
    out = still(40, scale=(area, area), beyond="zeros")(x, whole(16))
    assert torch.allclose(out.mean(dim=(1, 2, 3)), torch.full((16,), 1 / area), atol=0.05)
    assert torch.allclose(still(40, scale=(area, area))(x, whole(16)), x)
    assert len(set(out.flatten(1).argmax(dim=1).tolist())) > 8  # each in a place of its own


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_grey(probability):
    x = torch.rand(400, 3, 8, 8)
    out = still(8, grey=probability)(x, whole(400))
    grey = (out - out.mean(dim=1, keepdim=True)).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert torch.allclose(out[~grey], x[~grey], atol=1e-5)
    assert torch.allclose(out[grey][:, 0], x[grey].mean(dim=1), atol=1e-5)
    assert abs(grey.float().mean().item() - probability) < 0.1


def test_recolor_maps_black_and_white_to_two_colours():
    x = torch.zeros(200, 3, 8, 8)
    x[:, :, :, 4:] = 1.0
    out = still(8, recolor=0.5)(x, whole(200))
    assert (out[..., :4] - out[..., :1]).abs().max() < 1e-5
    changed = (out - x).abs().amax(dim=(1, 2, 3)) > 1e-4
    assert 0.35 < changed.float().mean() < 0.65


def test_blur_is_a_gaussian_away_from_the_edge():
    x = torch.rand(3, 1, 32, 32)
    out = still(32, blur=1.0, sigma=(1.3, 1.3))(x, whole(3))
    expected = reference.gaussian_blur(x, [17, 17], [1.3, 1.3])
    assert torch.allclose(out[..., 9:-9, 9:-9], expected[..., 9:-9, 9:-9], atol=1e-4)
    assert torch.allclose(still(32, blur=1.0)(torch.ones_like(x), whole(3)), torch.ones_like(x))


def test_turns_keep_angles_and_areas_and_lie_within_their_range():
    views = still(16, degrees=30.0)
    maps = views._lean(views._crops(whole(500)), whole(500, seed=1))[..., :2]
    assert torch.allclose(torch.linalg.det(maps), torch.ones(500), atol=1e-5)
    assert torch.allclose(maps @ maps.transpose(1, 2), torch.eye(2).expand(500, 2, 2), atol=1e-5)
    angle = torch.atan2(maps[:, 1, 0], maps[:, 0, 0]) * 180 / math.pi
    assert -30 <= angle.min() < -27 and 27 < angle.max() <= 30


def test_shear_moves_x_by_y_and_leaves_areas():
    views = still(16, shear=0.3)
    maps = views._lean(views._crops(whole(500)), whole(500, seed=1))[..., :2]
    assert torch.allclose(torch.linalg.det(maps), torch.ones(500), atol=1e-5)
    assert torch.allclose(maps[:, 1], torch.tensor([0.0, 1.0]).expand(500, 2), atol=1e-6)
    assert maps[:, 0, 1].abs().max() <= 0.3 and maps[:, 0, 1].std() > 0.1


def test_a_turned_image_is_the_image_turned():
    x = torch.zeros(1, 1, 33, 33)
    x[:, :, 16, 20:30] = 1.0
    views = still(33, degrees=40.0)
    maps = views._lean(views._crops(whole(1)), _after_crops(whole(1)))
    angle = math.degrees(math.atan2(maps[0, 1, 0], maps[0, 0, 0]))
    out = views(x, whole(1))
    expected = reference.rotate(x, angle, reference.InterpolationMode.BILINEAR)
    assert abs(angle) > 3 and torch.allclose(out, expected, atol=0.02)


def _after_crops(draw: Draw) -> Draw:
    for _ in range(5):
        draw.uniform()  # the crop's
    return draw


@pytest.mark.parametrize(
    "wrong",
    [{"grey": 2.0}, {"recolor": -1.0}, {"blur": 1.1}, {"degrees": 200}, {"shear": 2},
     {"sigma": (2.0, 1.0)}],
)  # fmt: skip
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))}="):
        checked(Views, 32, **wrong)
