"""The augmentation of views: each part against what it should be, alone."""

import math
from functools import partial

import pytest
import torch
from runs import checked
from torchvision.transforms.v2 import functional as reference

from translearn.components import build
from translearn.data.pipeline.augment import Augment, Draw
from translearn.data.pipeline.views import Blur, Colors, Views
from translearn.errors import ConfigError
from translearn.launch.arguments import compose_jobs
from translearn.renamed import present


def whole(count: int, seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed), count, slice(0, count))


COLORLESS = partial(Colors, brightness=0.0, contrast=0.0, saturation=0.0, grey=0.0)
SHARP = partial(Blur, probability=0.0)


def still(size: int, **changes: object) -> Views:
    """Views that change nothing but what is asked for."""
    settings = {"scale": (1, 1), "ratio": (1, 1), "flip": 0.0, "colors": COLORLESS, "blur": SHARP}
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
    out = still(8, colors=partial(COLORLESS, grey=probability))(x, whole(400))
    grey = (out - out.mean(dim=1, keepdim=True)).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert torch.allclose(out[~grey], x[~grey], atol=1e-5)
    assert torch.allclose(out[grey][:, 0], x[grey].mean(dim=1), atol=1e-5)
    assert abs(grey.float().mean().item() - probability) < 0.1


def test_recolor_maps_black_and_white_to_two_colours():
    x = torch.zeros(200, 3, 8, 8)
    x[:, :, :, 4:] = 1.0
    out = still(8, colors=partial(COLORLESS, recolor=0.5))(x, whole(200))
    assert (out[..., :4] - out[..., :1]).abs().max() < 1e-5
    changed = (out - x).abs().amax(dim=(1, 2, 3)) > 1e-4
    assert 0.35 < changed.float().mean() < 0.65


def test_blur_is_a_gaussian_away_from_the_edge():
    x = torch.rand(3, 1, 32, 32)
    out = still(32, blur=partial(Blur, probability=1.0, sigma=(1.3, 1.3)))(x, whole(3))
    expected = reference.gaussian_blur(x, [17, 17], [1.3, 1.3])
    assert torch.allclose(out[..., 9:-9, 9:-9], expected[..., 9:-9, 9:-9], atol=1e-4)
    assert torch.allclose(
        still(32, blur=partial(Blur, probability=1.0))(torch.ones_like(x), whole(3)),
        torch.ones_like(x),
    )


def test_turns_keep_angles_and_areas_and_lie_within_their_range():
    views = still(16, degrees=30.0)
    maps = views.maps(whole(500))[..., :2]
    assert torch.allclose(torch.linalg.det(maps), torch.ones(500), atol=1e-5)
    assert torch.allclose(maps @ maps.transpose(1, 2), torch.eye(2).expand(500, 2, 2), atol=1e-5)
    angle = torch.atan2(maps[:, 1, 0], maps[:, 0, 0]) * 180 / math.pi
    assert -30 <= angle.min() < -27 and 27 < angle.max() <= 30


def test_shear_moves_x_by_y_and_leaves_areas():
    views = still(16, shear=0.3)
    maps = views.maps(whole(500))[..., :2]
    assert torch.allclose(torch.linalg.det(maps), torch.ones(500), atol=1e-5)
    assert torch.allclose(maps[:, 1], torch.tensor([0.0, 1.0]).expand(500, 2), atol=1e-6)
    assert maps[:, 0, 1].abs().max() <= 0.3 and maps[:, 0, 1].std() > 0.1


def test_a_turned_image_is_the_image_turned():
    x = torch.zeros(1, 1, 33, 33)
    x[:, :, 16, 20:30] = 1.0
    views = still(33, degrees=40.0)
    maps = views.maps(whole(1))
    angle = math.degrees(math.atan2(maps[0, 1, 0], maps[0, 0, 0]))
    out = views(x, whole(1))
    expected = reference.rotate(x, angle, reference.InterpolationMode.BILINEAR)
    assert abs(angle) > 3 and torch.allclose(out, expected, atol=0.02)


@pytest.mark.parametrize(
    ("part", "wrong"),
    [(Views, {"degrees": 200}), (Views, {"shear": 2}), (Colors, {"grey": 2.0}),
     (Colors, {"recolor": -1.0}), (Blur, {"probability": 1.1}), (Blur, {"sigma": (2.0, 1.0)})],
)  # fmt: skip
def test_values_out_of_range_are_refused(part, wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))}="):
        checked(part, **wrong)


FLAT = {"brightness": 0.1, "contrast": 0.2, "saturation": 0.3, "recolor": 0.5, "grey": 0.7,
        "blur": 0.6, "sigma": [0.5, 1.0]}  # fmt: skip


@pytest.mark.parametrize("target", ["translearn.data.views.Views", f"{Views.__module__}.Views"])
def test_stored_views_have_their_options_in_their_parts(target):
    stored = {"_target_": target, "name": "views_digits", "flip": 0.0, **FLAT}
    config = present({"views": stored})["views"]
    assert config == present({"views": config})["views"]
    assert not {"brightness", "sigma"} & config.keys()
    views = build(stored, Augment, size=16)
    again = Views(
        16, flip=0.0, blur=partial(Blur, probability=0.6, sigma=(0.5, 1.0)),
        colors=partial(Colors, brightness=0.1, contrast=0.2, saturation=0.3, recolor=0.5, grey=0.7),
    )  # fmt: skip
    x = torch.rand(8, 3, 16, 16)
    assert torch.equal(views(x, whole(8)), again(x, whole(8)))


@pytest.mark.parametrize("choice", ["augment", "augment@views"])
def test_options_that_moved_are_answered_with_the_new_line(choice):
    group = choice.partition("@")[2] or choice
    words = [f"{choice}=views_digits", *(f"{group}.{key}={value}" for key, value in FLAT.items())]
    with pytest.raises(ConfigError) as error:
        compose_jobs(words)
    new = {"blur": "blur.probability", "sigma": "blur.sigma"}
    assert str(error.value).splitlines() == [
        f"{group}.{key}={value} has moved: write {group}.{new.get(key, f'colors.{key}')}={value}"
        for key, value in FLAT.items()
    ]


def test_an_option_of_another_augmentation_stays_where_it_is():
    (config,) = compose_jobs(["augment=photo", "augment.brightness=0.1"])
    assert config.augment.brightness == 0.1
