"""The augmentation of signals and vectors: what it changes, by how much, with whose draws."""

import pytest
import torch

from translearn.data.pipeline.augment import Draw
from translearn.data.pipeline.noise import Signals, Vectors


def draw(count, rows=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Draw(generator, count, rows or slice(0, count))


def test_each_part_of_the_augmentation_of_signals_is_as_large_as_asked():
    x = torch.ones(200, 3, 50)
    noisy = Signals(jitter=0.2, scaling=0.0, masking=0.0)(x, draw(200))
    assert abs(float((noisy - x).std()) - 0.2) < 0.01
    scaled = Signals(jitter=0.0, scaling=0.3, masking=0.0)(x, draw(200))
    assert torch.equal(scaled, scaled[..., :1].expand_as(scaled))
    assert abs(float(scaled[..., 0].std()) - 0.3) < 0.05
    masked = Signals(jitter=0.0, scaling=0.0, masking=0.4)(x, draw(200)) == 0
    assert torch.equal(masked, masked[:, :1].expand_as(masked))  # in all channels at once
    lengths = masked[:, 0].sum(dim=1)
    assert 15 < int(lengths.max()) <= 21 and int(lengths.min()) < 5
    assert int((masked[:, 0].int().diff(dim=1) == 1).sum(dim=1).max()) <= 1  # one stretch


def test_numbers_of_vectors_are_masked_one_by_one():
    masked = Vectors(jitter=0.0, masking=0.25)(torch.ones(300, 20), draw(300)) == 0
    assert abs(float(masked.float().mean()) - 0.25) < 0.03
    assert not torch.equal(masked[0], masked[1])


@pytest.mark.parametrize(("augment", "shape"), [(Signals(), (3, 40)), (Vectors(), (7,))])
def test_a_rank_draws_for_its_rows_what_one_process_would(augment, shape):
    x = torch.randn(8, *shape)
    whole = augment(x, draw(8))
    part = augment(x[2:6], draw(8, slice(2, 6)))
    assert torch.equal(whole[2:6], part) and not torch.equal(whole, x)


@pytest.mark.parametrize(("augment", "shape"), [
    (Signals(0.0, 0.0, 0.0), (3, 40)), (Vectors(0.0, 0.0), (7,))])  # fmt: skip
def test_nothing_asked_for_is_nothing_changed(augment, shape):
    x = torch.randn(8, *shape)
    assert torch.equal(augment(x, draw(8)), x)
