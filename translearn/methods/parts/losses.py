"""Pieces of losses that several methods share."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class _ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * -ctx.strength, None


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    """Identity forward; the gradient comes back times ``-strength``.

    The gradient reversal layer of Ganin et al., "Domain-adversarial training of neural networks"
    (JMLR 2016), eqs. 16 and 17.
    """
    reversed_x = _ReverseGradient.apply(x, strength)
    assert isinstance(reversed_x, Tensor)
    return reversed_x


def adversarial_ramp(progress: float) -> float:
    """The paper's strength lambda(p) = 2 / (1 + exp(-10 p)) - 1, from 0 towards 1."""
    return 2.0 / (1.0 + math.exp(-10.0 * progress)) - 1.0


def distillation(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(softmax(teacher / T) || softmax(logits / T)), the mean over the batch.

    Hinton, Vinyals and Dean (2015, section 2); as the term that keeps a network's old outputs,
    Li and Hoiem, "Learning without forgetting" (ECCV 2016, eq. 2, T = 2), up to a constant. T^2
    keeps the size of the gradient when T changes.
    """
    old = (teacher.float() / temperature).softmax(dim=1)
    new = (logits.float() / temperature).log_softmax(dim=1)
    return F.kl_div(new, old, reduction="batchmean") * temperature**2


def squared_distance(parameters: Sequence[Tensor], start: Sequence[Tensor] | None = None) -> Tensor:
    """||w - w0||^2 / 2 over all tensors, where ``start`` is w0; None means zeros.

    The two parts of L2-SP, alpha on what was transferred and beta on what is new (Li, Grandvalet
    and Davoine, "Explicit inductive bias for transfer learning", ICML 2018, eq. 2).
    """
    if start is not None:
        parameters = [p - s for p, s in zip(parameters, start, strict=True)]
    return torch.stack([p.float().square().sum() for p in parameters]).sum() / 2


def feature_distance(maps: Sequence[Tensor], start: Sequence[Tensor]) -> Tensor:
    """Sum over layers of the mean squared difference of feature maps, halved.

    DELTA without attention: every channel weighs the same (Li et al., "DELTA: deep learning
    transfer using feature map with attention", ICLR 2019, eqs. 3 and 4). The mean instead of the
    paper's sum over the values of a map makes one weight fit layers and images of any size.
    """
    pairs = zip(maps, start, strict=True)
    return torch.stack([F.mse_loss(new.float(), old.float()) for new, old in pairs]).sum() / 2


def spectral_shrinkage(features: Tensor, count: int = 1) -> Tensor:
    """The sum of the ``count`` smallest squared singular values of a batch of features (B, D).

    Batch spectral shrinkage against negative transfer (Chen et al., "Catastrophic forgetting meets
    negative transfer", NeurIPS 2019, eq. 4). A batch with fewer than min(B, D) different images
    has singular values of zero already, and then there is nothing to shrink.
    """
    values: Tensor = torch.linalg.svdvals(features.float())
    return values[-count:].square().sum()


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Float matrix products inside autocast, which would round their inputs to bf16."""
    return torch.autocast(x.device.type, enabled=False)


def covariance(features: Tensor) -> Tensor:
    """The covariance (D, D) of features (N, D) over the samples, with N - 1; of one sample zero."""
    centered = features - features.mean(dim=0)
    found: Tensor = centered.T @ centered / max(1, len(features) - 1)
    return found


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The contrastive loss of SimCLR over two views (N, D) of the same N images.

    Chen et al., "A simple framework for contrastive learning of visual representations" (ICML
    2020, eq. 1): each of the 2 N embeddings has to find its partner among the 2 N - 1 others by
    cosine similarity over ``temperature``; the mean over all of them.
    """
    both = F.normalize(torch.cat([first, second]).float(), dim=1)
    with full_precision(both):
        similarity = both @ both.T / temperature
    similarity.fill_diagonal_(-math.inf)
    count = len(first)
    partner = torch.arange(2 * count, device=both.device).roll(count)
    return F.cross_entropy(similarity, partner)


def invariance(first: Tensor, second: Tensor) -> Tensor:
    """VICReg's invariance term: the mean squared difference of two views (N, D).

    Bardes et al., "VICReg" (ICLR 2022), eq. 5, divided by D as in the authors' code.
    """
    return F.mse_loss(first.float(), second.float())


def variance_hinge(embeddings: Tensor, floor: float = 1.0) -> Tensor:
    """VICReg's variance term (eq. 1): how far each dimension's deviation is below ``floor``."""
    deviation = (embeddings.float().var(dim=0) + 1e-4).sqrt()
    return F.relu(floor - deviation).mean()


def covariance_penalty(embeddings: Tensor) -> Tensor:
    """VICReg's covariance term (eqs. 3 and 4): squared covariances off the diagonal, over D."""
    with full_precision(embeddings):
        covariance = torch.cov(embeddings.float().T)
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    return off_diagonal / embeddings.shape[1]


def entropies(p: Tensor) -> Tensor:
    """The entropy of each distribution of (B, classes), in nats."""
    found: Tensor = torch.special.entr(p).sum(dim=1)
    return found


def neighbour_consistency(anchors: Tensor, neighbours: Tensor) -> Tensor:
    """SCAN's consistency term: -log of the inner product of two cluster assignments.

    Van Gansbeke et al., "SCAN: learning to classify images without labels" (ECCV 2020, eq. 2).

    Args:
        anchors: cluster logits (N, K).
        neighbours: logits (N, K) of one neighbour of each.
    """
    one, other = anchors.float().log_softmax(dim=1), neighbours.float().log_softmax(dim=1)
    return -torch.logsumexp(one + other, dim=1).mean()


def cluster_entropy(logits: Tensor) -> Tensor:
    """Entropy of the mean cluster assignment of a batch of logits (N, K), in nats (eq. 2)."""
    mean = logits.float().softmax(dim=1).mean(dim=0).clamp_min(1e-8)  # log 0 has no gradient
    return -(mean * mean.log()).sum()


def from_shares(logits: Tensor, shares: Tensor) -> Tensor:
    """KL divergence of the mean cluster assignment of logits (N, K) from the ``shares`` (K,).

    For equal shares it is log K minus ``cluster_entropy``, the entropy term of SCAN (eq. 2) but for
    a constant: never below zero, and zero where the mean assignment has these shares.
    """
    mean = logits.float().softmax(dim=1).mean(dim=0).clamp_min(1e-8)  # log 0 has no gradient
    return (mean * (mean.log() - shares.clamp_min(1e-8).log())).sum()


def self_label(teacher: Tensor, logits: Tensor, confidence: float) -> Tensor:
    """Cross-entropy with the confident assignments of another view, clusters weighing the same.

    SCAN's self-labelling (section 2.3). Without a confident one it is zero.

    Args:
        teacher: logits (B, K) of one view.
        logits: of the other.
        confidence: least probability that counts.
    """
    sure, label = teacher.softmax(dim=1).max(dim=1)
    chosen = sure > confidence
    counts = torch.bincount(label[chosen], minlength=logits.shape[1]).float()
    weight = torch.where(chosen, 1.0 / counts.clamp_min(1.0)[label], 0.0)
    losses = F.cross_entropy(logits, label, reduction="none")
    return (losses * weight).sum() / weight.sum().clamp_min(1e-12)
