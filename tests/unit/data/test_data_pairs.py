import pytest
import torch
from real_formats import (
    digits,
    real_root,
    write_classes,
    write_fsdd,
    write_mnist,
    write_svhn,
    write_usps,
)
from runs import checked

from translearn.data.arrangements.pair import Pair
from translearn.data.sets.digit_images import resize
from translearn.data.sets.mnist import Mnist
from translearn.data.sets.mnist_m import MnistM
from translearn.errors import ConfigError


@pytest.fixture
def root(tmp_path):
    write_mnist(tmp_path)
    write_usps(tmp_path)
    write_svhn(tmp_path)
    return str(tmp_path)


def load(root, source, target, **options):
    return Pair(root, source, target, download=False, **options).load()


def test_mnist_usps_in_grey(root):
    tasks = load(root, "mnist", "usps", val_fraction=0.25)
    assert tasks.name == "mnist_usps" and tasks.protocol == "published"
    assert tasks.input_shape == (1, 28, 28)
    for domain in tasks.tasks.values():
        assert domain.train.x.shape == (30, 1, 28, 28) and domain.train.x.dtype == torch.uint8
        assert len(domain.val) == 10 and len(domain.test) == 20
        assert len(domain.classes) == 10


def test_svhn_mnist_at_32_in_colour(root):
    tasks = load(root, "svhn", "mnist", size=32)
    assert tasks.input_shape == (3, 32, 32)
    assert tasks.tasks["source"].test.x.shape == (20, 3, 32, 32)
    padded = tasks.tasks["target"].test.x
    images = torch.from_numpy(digits(20, 28, seed=20)[0])
    assert torch.equal(padded[:, 0, 2:-2, 2:-2], images)
    assert padded[:, :, :2].sum() == 0 and padded[:, :, :, -2:].sum() == 0


def test_splits_are_disjoint_complete_and_seeded(root):
    def contents(tasks):
        domain = tasks.tasks["source"]
        return [{x.numpy().tobytes() for x in split.x} for split in (domain.train, domain.val)]

    train, val = contents(load(root, "mnist", "usps", val_fraction=0.25))
    assert not train & val and len(train | val) == 40
    again, other = (
        load(root, "mnist", "usps", val_fraction=0.25, split_seed=seed) for seed in (0, 1)
    )
    assert contents(again) == [train, val] and contents(other) != [train, val]
    first = load(root, "mnist", "usps", val_fraction=0.25).tasks["source"].train
    assert torch.equal(first.x, again.tasks["source"].train.x)


def test_labels_stay_with_their_images(root):
    images, labels = digits(40, 28, seed=40)
    known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    train = load(root, "mnist", "usps").tasks["source"].train
    assert all(known[x.numpy().tobytes()] == y for x, y in zip(train.x, train.y, strict=True))


def test_label_budget(root):
    tasks = load(root, "mnist", "usps", target_labels_per_class=2)
    assert len(tasks.tasks["target"].train) == 20 and tasks.tasks["target"].unlabelled is not None


def test_resize_is_bilinear_and_leaves_the_right_size_alone():
    ramp = torch.arange(0, 256, 16, dtype=torch.uint8).expand(1, 1, 16, 16)
    labels = torch.zeros(1, dtype=torch.int64)
    grey = ramp[:, 0].numpy(), labels.numpy()
    large = resize(grey, 32).x
    assert large.shape == (1, 1, 32, 32)
    assert large[0, 0, 0, :6].tolist() == [0, 4, 12, 20, 28, 36]
    assert torch.equal(resize(grey, 16).x, ramp)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "mnst"}, "did you mean mnist"),
        ({"target": "mnist"}, "both mnist"),
        ({"size": 30}, "28, 32"),
        ({"target": None}, r"data\.target is not set; choose from digits"),
        ({"crop": 20}, r"data\.crop is no option of mnist, usps"),
        ({"sze": 28}, r"data\.sze is no option of mnist, usps; did you mean data\.size"),
        ({"protocol": "splits"}, "one of transductive, split"),
    ],
)
def test_wrong_options_are_refused_before_any_file_is_read(options, message):
    with pytest.raises(ConfigError, match=message):
        checked(Pair, **{"root": "/nowhere", "source": "mnist", "target": "usps", **options})


@pytest.mark.parametrize(("source", "target"), [("digits", "mnist"), ("svhn", "digits_photos")])
def test_any_two_sets_whose_classes_agree(root, source, target):
    tasks = load(root, source, target)
    assert tasks.name == f"{source}_{target}" and tasks.protocol == "seeded"
    assert tasks.input_shape[1:] == (28, 28)
    assert [domain.name for domain in tasks.tasks.values()] == [source, target]
    for name, domain in zip((source, target), tasks.tasks.values(), strict=True):
        assert len(domain.test) == (360 if name.startswith("digits") else 20)


def test_sets_that_do_not_agree_are_refused(root, tmp_path):
    write_fsdd(tmp_path)
    write_classes(tmp_path / "office31/webcam/images", {"bike": 5, "mug": 5})
    with pytest.raises(ConfigError, match=r"(?s)two kinds, image and waveform.*data=tasks"):
        load(root, "mnist", "fsdd")
    with pytest.raises(ConfigError, match=r"data\.target=webcam have different classes: 0, 1"):
        load(root, "mnist", "webcam")
    with pytest.raises(ConfigError, match=r"differ in size: source 1x28x28, target 3x32x32"):
        load(root, "digits", "svhn", size=32)
    with pytest.raises(ConfigError, match=r"(?s)split of mnist .* is published.*leave data"):
        load(root, "mnist", "usps", protocol="transductive")


@pytest.mark.realdata
@pytest.mark.parametrize("size", [28, 32])
def test_the_real_mnist_m_has_mnists_digits_in_place(size):
    root = real_root()
    grey, samples = Mnist(root, size, False).read().train, MnistM(root, size, False).read()
    colour = samples.train
    assert samples.protocol == "published" and len(samples.test) == 9001
    assert colour.x.shape == (59001, 3, size, size)
    assert torch.equal(grey.y[:59001], colour.y)
    # ink inverts the photo, so neighbours inside and outside the digit differ far more at its rim
    ink = grey.x[:200] > 0
    rim = ink[..., 1:] != ink[..., :-1]
    step = (colour.x[:200, :, :, 1:].int() - colour.x[:200, :, :, :-1].int()).abs().float()
    step = step.mean(1, keepdim=True)
    assert step[rim].mean() > 3 * step[~rim].mean()


@pytest.mark.realdata
def test_the_real_mnist_usps():
    tasks = load(real_root(), "mnist", "usps")
    assert len(tasks.tasks["source"].train) == 54000 and len(tasks.tasks["source"].val) == 6000
    assert len(tasks.tasks["target"].train) == 6562 and len(tasks.tasks["target"].test) == 2007
