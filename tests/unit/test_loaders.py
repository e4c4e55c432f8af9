import pytest
import torch
from PIL import Image

from translearn.data.access import LabelledSet, UnlabelledSet
from translearn.data.files.images import FileImages
from translearn.data.pipeline.augment import ColorNoise
from translearn.data.pipeline.loaders import FileStream, Order, make_resident, make_stream
from translearn.data.pipeline.preparation import ImagePreparation, Preparation
from translearn.data.types import Kind
from translearn.runtime import Runtime

CPU = torch.device("cpu")


def runtime(rank=0, world=1):
    return Runtime(CPU, rank, world, bf16=False, threads=1)


def draw(step):
    return torch.Generator().manual_seed(step)


def stream(data, rank=0, world=1, workers=0, views=0, **options):
    here = runtime(rank, world)
    prepare = Preparation.of(Kind.image, (3, 12, 12), (0.5,) * 3, (0.5,) * 3, here)
    return make_stream(
        data, "source", "train", 5, 6, prepare, [ColorNoise()] * max(1, views), views > 0, here,
        workers, **options,
    )  # fmt: skip


def image_files(folder, count=9):
    paths = []
    for i in range(count):
        pixels = torch.randint(0, 256, (12, 12, 3), dtype=torch.uint8)
        paths.append(folder / f"{i}.png")
        Image.fromarray(pixels.numpy()).save(paths[-1])
    return FileImages(tuple(paths), 12)


def test_every_image_is_drawn_once_an_epoch():
    order = Order(10, 3, CPU)
    first, second = order.drawn(0, 10), order.drawn(10, 20)
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(10))
    assert first.tolist() != second.tolist()
    assert order.drawn(7, 13).tolist() == [*first.tolist()[7:], *second.tolist()[:3]]


def test_two_ranks_draw_what_one_draws():
    images = torch.randint(0, 256, (20, 3, 12, 12), dtype=torch.uint8)
    data = LabelledSet(images, torch.arange(20))
    whole = stream(data).batch(4, draw(4))
    halves = [stream(data, r, 2).batch(4, draw(4)) for r in (0, 1)]
    assert torch.equal(whole.y, torch.cat([half.y for half in halves]))
    assert torch.allclose(whole.x, torch.cat([half.x for half in halves]), atol=1e-6)


def test_files_give_the_same_batches_resident_or_streamed_and_with_any_workers(tmp_path):
    files = image_files(tmp_path)
    resident = make_resident(files, 10**6, 0)
    assert isinstance(resident, torch.Tensor)
    assert make_resident(files, 10, 0) is files
    kept = stream(UnlabelledSet(resident))
    streams = [stream(UnlabelledSet(files), workers=workers) for workers in (0, 2)]
    assert all(isinstance(s, FileStream) for s in streams)
    for step in (0, 1, 2, 5):
        expected = kept.batch(step, draw(step))
        for other in streams:
            batch = other.batch(step, draw(step))
            assert torch.equal(batch.index, expected.index)
            assert torch.equal(batch.x, expected.x)


PARTNERS = torch.tensor([[(i + 1) % 9, (i + 2) % 9] for i in range(9)])


@pytest.mark.parametrize(
    ("options", "copies"),
    [({"views": 2}, 2), ({"views": 1, "partners": PARTNERS}, 2), ({"partners": PARTNERS}, 2)],
    ids=["two views", "a view and its partner", "a partner"],
)
def test_views_and_partners_are_stacked_in_front(options, copies, tmp_path):
    files = image_files(tmp_path)
    resident = make_resident(files, 10**6, 0)
    whole = stream(UnlabelledSet(resident), **options).batch(2, draw(2))
    assert whole.x.shape == (copies, 6, 3, 12, 12) and whole.index.shape == (6,)
    assert whole.x.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
    assert (whole.x[0] - whole.x[1]).abs().mean() > 0.05
    halves = [stream(UnlabelledSet(resident), r, 2, **options).batch(2, draw(2)) for r in (0, 1)]
    assert torch.allclose(whole.x, torch.cat([half.x for half in halves], dim=1), atol=1e-6)
    assert torch.equal(whole.index, torch.cat([half.index for half in halves]))
    for workers in (0, 2):
        other = stream(UnlabelledSet(files), workers=workers, **options).batch(2, draw(2))
        assert torch.equal(other.x, whole.x) and torch.equal(other.index, whole.index)


def test_partners_come_from_the_table_and_change_with_the_epoch():
    order = Order(9, 3, CPU, PARTNERS)
    seen = set()
    for epoch in range(20):
        index, partner = order.drawn(9 * epoch, 9 * epoch + 9)
        assert sorted(index.tolist()) == list(range(9))
        seen |= set(zip(index.tolist(), partner.tolist(), strict=True))
    assert seen == {(i, j) for i, row in enumerate(PARTNERS.tolist()) for j in row}


def test_preparation_normalises_repeats_grey_and_crops():
    prepare = ImagePreparation((3, 4, 4), (0.5, 0.4, 0.3), (0.5, 0.25, 0.2), runtime())
    grey = torch.full((2, 1, 6, 6), 255, dtype=torch.uint8)
    grey[:, :, 0, 0] = 0  # outside the crop
    x = prepare(grey)
    assert x.shape == (2, 3, 4, 4)
    expected = torch.tensor([1.0, 2.4, 3.5])
    assert torch.allclose(x, expected.view(1, 3, 1, 1).expand_as(x), atol=1e-5)


def test_the_first_of_two_views_may_be_a_weak_one():
    images = torch.randint(0, 256, (20, 3, 12, 12), dtype=torch.uint8)
    here = runtime()
    prepare = Preparation.of(Kind.image, (3, 12, 12), (0.5,) * 3, (0.5,) * 3, here)
    drawn = make_stream(
        UnlabelledSet(images), "target", "train", 5, 6, prepare, [None, ColorNoise()], True, here, 0
    ).batch(0, draw(0))
    weak, strong = drawn.x
    assert torch.equal(weak, prepare(images[drawn.index]))
    assert not torch.equal(strong, weak)
