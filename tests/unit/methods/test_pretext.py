"""Pretexts and the parts of clustering, each against a slow reference or a known case."""

from functools import partial

import pytest
import torch
from runs import checked
from torch import nn
from torch.nn import functional as F

from translearn.backbones.digits import LeNet, Wide
from translearn.data.access import TrainView, Unlabelled, UnlabelledSet
from translearn.errors import ConfigError
from translearn.methods.parts.grouping import cluster_choices, fit_kmeans, nearest_neighbours
from translearn.methods.parts.losses import nt_xent, self_label
from translearn.methods.parts.pretext import Autoencoder, Rotation
from translearn.methods.parts.pretraining import (
    collapse_advice,
    pretrain_domains,
    pretrain_streams,
    spread,
    together,
)
from translearn.methods.parts.sparse_coding import SparseCoding
from translearn.methods.parts.two_views import SimCLR, VICReg
from translearn.methods.selfcluster import SelfCluster
from translearn.methods.selftaught import SelfTaught

SHAPE = (3, 28, 28)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "make",
    [SimCLR, VICReg, Rotation, partial(Autoencoder, noise=0.3)],
    ids=["simclr", "vicreg", "rotation", "autoencoder"],
)
def test_every_parameter_learns(make):
    torch.manual_seed(0)
    backbone = Wide(SHAPE, 0.25)
    pretext = make(backbone, SHAPE)
    x = random(2, 8, *SHAPE)[: pretext.views] if pretext.views else random(8, *SHAPE)
    terms = pretext.loss(backbone, x)
    torch.stack(list(terms.values())).sum().backward()
    for part in (backbone, pretext):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in part.parameters())
    assert spread(pretext.seen)["feature_std"] > 0


def test_simclr_pairs_the_views_of_one_image():
    torch.manual_seed(0)
    backbone = LeNet(SHAPE).eval()
    pretext = SimCLR(backbone, SHAPE).eval()
    x = random(2, 6, *SHAPE)
    first, second = (pretext.embed(backbone(view)) for view in x)
    loss = pretext.loss(backbone, x)["contrast"]
    assert loss.item() == pytest.approx(nt_xent(first, second, 0.2).item(), rel=1e-4)
    swapped = pretext.loss(backbone, torch.stack([x[0], x[0]]))["contrast"]
    assert swapped < loss  # the same image twice is the nearest there is


def test_the_projector_begins_with_a_middle_for_classifiers():
    backbone = LeNet(SHAPE)
    for widths, inner in (((32, 16), 32), ((64, 32, 16), 64)):
        pretext = SimCLR(backbone, SHAPE, projector=widths)
        features = random(5, backbone.out_dim)
        assert pretext.middle(features).shape == (5, inner) and pretext.middle_width == inner
        assert pretext.embed(features).shape == (5, 16) and pretext.width == 16
        linear = [m.out_features for m in pretext.modules() if isinstance(m, nn.Linear)]
        assert linear == list(widths)
    flat = VICReg(backbone, SHAPE, projector=(16,))
    assert flat.middle_width == backbone.out_dim and not list(flat.middle.parameters())


def test_rotation_labels_are_the_turns():
    """A backbone that reads one corner's pixel, and a head that knows where each turn puts it."""

    class Corners(nn.Module):
        out_dim = 4

        def forward(self, x):
            return torch.stack([x[:, 0, 0, 0], x[:, 0, -1, 0], x[:, 0, -1, -1], x[:, 0, 0, -1]], 1)

    pretext = Rotation(Corners(), SHAPE)
    with torch.no_grad():
        pretext.head.weight.copy_(20 * torch.eye(4))
        pretext.head.bias.zero_()
    x = torch.zeros(1, 10, *SHAPE)
    x[..., 0, 0] = 1.0  # rot90 turns counter-clockwise: down the left side first
    assert pretext.loss(Corners(), x)["rotation"].item() < 1e-6
    x = x.flip(-1)
    assert pretext.loss(Corners(), x)["rotation"].item() > 5


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 30, 30)])
def test_autoencoder_makes_images_of_the_same_shape(shape):
    backbone = LeNet(shape)
    pretext = Autoencoder(backbone, shape)
    made = pretext.decoder(backbone(random(2, *shape)))
    assert made.shape[1] == shape[0] and made.shape[-1] >= shape[-1]
    x = random(2, *shape)
    expected = F.mse_loss(made[..., : shape[1], : shape[2]], random(2, *shape))
    assert pretext.loss(backbone, x)["reconstruction"].item() == pytest.approx(expected.item())


def sparse(sparsity=0.2, images=None):
    images = random(300, 1, 6, 6) if images is None else images
    pretext = SparseCoding(LeNet(SHAPE), (1, 6, 6), atoms=20, sparsity=sparsity)
    view = TrainView(
        {"source": UnlabelledSet(images)}, compute=lambda task, samples, module: module(samples)
    )
    pretext.enter(view, ["source"])
    return pretext


def test_sparse_codes_minimise_what_the_paper_says():
    """The optimality conditions of the lasso, at each code of each image."""
    x = random(300, 1, 6, 6)
    pretext = sparse(0.5, x)
    codes = pretext(x[:20])
    residual = x[:20].flatten(1) - pretext.centre - codes @ pretext.dictionary
    slope = residual @ pretext.dictionary.T  # equals sparsity * sign(a), or lies within
    used = codes != 0
    assert 0.05 < used.float().mean() < 0.9
    assert torch.allclose(slope[used], 0.5 * codes[used].sign(), atol=0.01)
    assert (slope[~used].abs() <= 0.51).all()
    norms = pretext.dictionary.norm(dim=1)
    assert (norms <= 1 + 1e-4).all()


def test_sparse_coding_is_for_small_images():
    with pytest.raises(ConfigError, match="small images"):
        SparseCoding(LeNet(SHAPE), (3, 224, 224))


def test_unknown_names_are_refused():
    for found in (SelfTaught, SelfCluster):
        with pytest.raises(ConfigError, match="pretrain_on=all must be one of"):
            checked(found, pretrain_on="all")


def test_pretraining_draws_samples_without_labels():
    assert pretrain_domains("both") == ("source", "target")
    streams = pretrain_streams(("source", "target"), Rotation(LeNet(SHAPE), SHAPE))
    assert list(streams) == ["source", "target"]
    assert all(stream.unlabelled for stream in streams.values())


def test_streams_are_joined_view_by_view():
    one, two = random(2, 3, 1, 4, 4), random(2, 5, 1, 4, 4, seed=1)
    index = torch.arange(5)
    batch = {"source": Unlabelled(one, index[:3]), "target": Unlabelled(two, index)}
    assert torch.equal(together(batch, True), torch.cat([one, two], dim=1))
    plain = {name: Unlabelled(part.x[0], part.index) for name, part in batch.items()}
    assert torch.equal(together(plain, False), torch.cat([one[0], two[0]]))


def test_collapse_is_seen_and_told():
    healthy = spread(random(256, 16))
    assert healthy["feature_std"] == pytest.approx(1.0, abs=0.05) and healthy["feature_rank"] > 14
    assert collapse_advice(healthy, SimCLR) is None
    point = spread(torch.ones(256, 16) + 1e-4 * random(256, 16))
    assert point["feature_std"] < 0.01
    line = spread(random(256, 1) * torch.ones(16))
    assert line["feature_rank"] == pytest.approx(1.0, abs=0.01)
    for bad in (point, line):
        assert "collapsed" in collapse_advice(bad, SimCLR)
    assert "method.pretext.weights" in collapse_advice(point, VICReg)
    assert spread(None) == {} and collapse_advice({}, SimCLR) is None


def test_nearest_neighbours():
    embeddings = F.normalize(random(40, 5), dim=1)
    found = nearest_neighbours(embeddings, 3)
    for i, row in enumerate(found.tolist()):
        order = sorted((j for j in range(40) if j != i),
                       key=lambda j: -float(embeddings[i] @ embeddings[j]))  # fmt: skip
        assert row == order[:3]
    assert nearest_neighbours(embeddings[:3], 20).shape == (3, 2)


def blobs(count=3, each=100):
    corners = 10 * torch.eye(count, 6)
    return corners.repeat(each, 1) + random(count * each, 6)


def test_kmeans_finds_the_blobs_and_silhouette_their_number():
    for choices in ([3], [2, 3, 4, 5]):
        centroids = fit_kmeans(blobs(), choices, 0)
        assert centroids.shape == (3, 6)
        distance = torch.cdist(10 * torch.eye(3, 6), centroids)
        assert sorted(distance.argmin(dim=1).tolist()) == [0, 1, 2] and distance.amin(1).max() < 1
    with pytest.raises(ConfigError, match="too few"):
        fit_kmeans(blobs()[:3], [3], 0)


def test_numbers_of_clusters():
    assert cluster_choices(None, (2, 20), 10) == [10]
    assert cluster_choices(7, (2, 20), 10) == [7]
    assert cluster_choices("auto", (3, 5), 10) == [3, 4, 5]
    for wrong in (
        {"clusters": 1},
        {"clusters": "many"},
        {"clusters": 2.5},
        {"cluster_range": (5, 3)},
    ):
        with pytest.raises(ConfigError, match=f"{next(iter(wrong))}="):
            checked(SelfCluster, **wrong)


def test_self_label():
    teacher, logits = 4 * random(12, 3), random(12, 3, seed=1)
    sure, label = teacher.softmax(1).max(1)
    losses = {}
    for i in range(12):
        if sure[i] > 0.9:
            loss = -float(logits[i].log_softmax(0)[label[i]])
            losses.setdefault(int(label[i]), []).append(loss)
    expected = sum(sum(of) / len(of) for of in losses.values()) / len(losses)
    assert 0 < sum(map(len, losses.values())) < 12
    assert self_label(teacher, logits, 0.9).item() == pytest.approx(expected, rel=1e-5)
    assert self_label(torch.zeros(12, 3), logits, 0.9).item() == 0.0
