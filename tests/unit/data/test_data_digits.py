import numpy as np
import torch
from embedded import digits

from translearn.data.sets.digits import DIGIT, FRAME, MASK_ABOVE, blend, enlarge, photos


def test_sizes_and_names():
    tasks = digits().load()
    assert tasks.name == "digits_photos" and tasks.input_shape == (3, FRAME, FRAME)
    source, target = tasks.tasks["source"], tasks.tasks["target"]
    assert [len(s) for s in (source.train, source.val, source.test)] == [1294, 143, 360]
    assert source.train.x.shape[1:] == (1, 28, 28) and target.train.x.shape[1:] == (3, 28, 28)
    assert source.train.x.dtype == target.train.x.dtype == torch.uint8
    assert torch.equal(source.train.y, target.train.y)
    assert torch.equal(source.test.y, target.test.y)


def test_it_is_a_function_of_the_seed():
    first, again, other = (digits(split_seed=seed).load() for seed in (0, 0, 1))
    for task in ("source", "target"):
        for split in ("train", "val", "test"):
            x = getattr(first.tasks[task], split).x
            assert torch.equal(x, getattr(again.tasks[task], split).x)
            assert not torch.equal(x, getattr(other.tasks[task], split).x)


def test_the_target_is_the_source_over_photos():
    tasks = digits().load()
    grey, blended = tasks.tasks["source"].test.x, tasks.tasks["target"].test.x
    assert blended.float().std(dim=(2, 3)).mean() > 10
    # with one crop for all, the difference between two digits shows exactly where their ink differs
    photo = [torch.full((3, FRAME, FRAME), 40, dtype=torch.uint8)]
    over_plain = blend(grey[:5], photo, seed=0)
    ink = (grey[:5] > MASK_ABOVE).expand(-1, 3, -1, -1)
    assert torch.equal(over_plain == 215, ink) and torch.equal(over_plain == 40, ~ink)


def test_crops_are_drawn_digit_by_digit():
    grey, pictures = digits().read()["source"].train.x[:50], photos()
    generator = np.random.default_rng(3)
    for digit, blended in zip(grey, blend(grey, pictures, seed=3), strict=True):
        picture = pictures[generator.integers(len(pictures))]
        top, left = (int(generator.integers(edge - FRAME + 1)) for edge in picture.shape[1:])
        crop = picture[:, top : top + FRAME, left : left + FRAME]
        assert torch.equal(blended, torch.where(digit > MASK_ABOVE, 255 - crop, crop))


def test_enlarged_digits_stay_in_their_frame():
    large = enlarge(torch.full((2, 8, 8), 255.0))
    margin = (FRAME - DIGIT) // 2
    assert large.shape == (2, 1, FRAME, FRAME)
    assert np.unique(large[..., margin:-margin, margin:-margin]).tolist() == [255]
    assert large.sum() == 2 * DIGIT * DIGIT * 255


def test_label_budget():
    tasks = digits(target_labels_per_class=3).load()
    assert torch.bincount(tasks.tasks["target"].train.y).tolist() == [3] * 10
    assert len(tasks.tasks["target"].unlabelled) == 1294 - 30
