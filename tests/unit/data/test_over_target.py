"""Source images pasted over target images: what is seen, and what comes of it."""

import pytest
import torch

from translearn.data.access import TrainView, UnlabelledSet
from translearn.data.pipeline.augment import Draw
from translearn.data.pipeline.over_target import OverTarget
from translearn.errors import ConfigError


def whole(count, seed=0):
    return Draw(torch.Generator().manual_seed(seed), count, slice(0, count))


def over(images, **options):
    augment = OverTarget(images.shape[-1], **options)
    augment.see(TrainView({"target": UnlabelledSet(images)}))
    return augment


def test_without_a_stroke_it_is_a_background_and_with_one_a_colour():
    images = torch.arange(5, dtype=torch.uint8).mul(50)[:, None, None, None].expand(5, 3, 8, 8)
    black, white = torch.zeros(400, 3, 8, 8), torch.ones(400, 3, 8, 8)
    behind = over(images)(black, whole(400))
    assert set(behind.mul(255).round().unique().tolist()) == {0.0, 50.0, 100.0, 150.0, 200.0}
    filled = over(images)(white, whole(400))
    assert (filled - filled[..., :1, :1]).abs().max() < 1e-6  # one colour an image
    assert filled[:, 0, 0, 0].unique().numel() > 300


def test_the_background_is_another_view_of_the_same_pixels():
    image = torch.randint(0, 256, (1, 3, 9, 9), dtype=torch.uint8)
    behind = over(image)(torch.zeros(60, 3, 9, 9), whole(60)).mul(255).round()
    expected = image.flatten(2).sort(dim=2).values[0].float()
    assert all(torch.equal(one.flatten(1).sort(dim=1).values, expected) for one in behind)
    assert len({tuple(one.flatten().tolist()) for one in behind}) > 30


def test_inverted_as_mnist_m_was_made():
    image = torch.randint(0, 256, (1, 3, 9, 9), dtype=torch.uint8)
    white, black = torch.ones(8, 3, 9, 9), torch.zeros(8, 3, 9, 9)
    augment = over(image, invert=1.0, gain=0.0)
    assert torch.allclose(augment(white, whole(8)), 1 - augment(black, whole(8)), atol=1e-6)


def test_gain_makes_strokes_stronger_up_to_white():
    x = torch.full((200, 1, 6, 6), 0.3)
    black = torch.zeros(1, 1, 6, 6, dtype=torch.uint8)
    mild, strong = (over(black, gain=gain)(x, whole(200)).mean() for gain in (0.0, 2.0))
    assert strong > 1.5 * mild


@pytest.mark.parametrize("images", [None, torch.zeros(4, 3, 9, 9, dtype=torch.uint8)])
def test_data_without_such_images_are_refused(images):
    view = TrainView({} if images is None else {"target": UnlabelledSet(images)})
    with pytest.raises(ConfigError, match="8 x 8 pixels"):
        OverTarget(8).see(view)
