"""Maps of fixed features that bring source and target together, found without labels at once."""

import torch
from torch import Tensor, nn

from translearn.errors import ConfigError
from translearn.methods.parts.losses import covariance, full_precision
from translearn.ranges import Count, Positive


class Alignment(nn.Module):
    """Base of the maps; it is also the map that changes nothing.

    Args:
        inputs: length D of a feature vector.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs = self.out_dim = inputs

    def fit(self, source: Tensor, target: Tensor) -> None:
        """Find the map from the features (N, D) of the source and (M, D) of the target."""

    def forward(self, features: Tensor, domain: str) -> Tensor:
        """Features (B, D) of ``source`` or ``target`` -> (B, out_dim)."""
        return features


class Coral(Alignment):
    """The source takes the target's second moments (CORAL: Sun, Feng & Saenko, AAAI 2016).

    Algorithm 1: x -> x (C_s + r I)^(-1/2) (C_t + r I)^(1/2), about the means of the domains, which
    the paper has at zero. The target stays as it is.

    Args:
        inputs: length of a feature vector.
        regulariser: r, added to the variances.
    """

    shift: Tensor
    matrix: Tensor
    center: Tensor

    def __init__(self, inputs: int, *, regulariser: Positive = 1.0) -> None:
        super().__init__(inputs)
        self.regulariser = regulariser
        self.register_buffer("shift", torch.zeros(inputs))
        self.register_buffer("matrix", torch.eye(inputs))
        self.register_buffer("center", torch.zeros(inputs))

    def fit(self, source: Tensor, target: Tensor) -> None:
        """Both covariances over the samples, with n - 1."""
        whiten = power(covariance(source.double()), self.regulariser, -0.5)
        recolor = power(covariance(target.double()), self.regulariser, 0.5)
        self.shift.copy_(source.double().mean(dim=0))
        self.center.copy_(target.double().mean(dim=0))
        self.matrix.copy_(whiten @ recolor)

    def forward(self, features: Tensor, domain: str) -> Tensor:
        """The source's features recolored, the target's untouched."""
        if domain == "target":
            return features
        with full_precision(features):
            recolored: Tensor = (features.float() - self.shift) @ self.matrix + self.center
        return recolored


class Subspace(Alignment):
    """Principal components of the source, turned to those of the target.

    Fernando, Habrard, Sebban & Tuytelaars (ICCV 2013), eq. 3: the source is x P_s P_s^T P_t, the
    target x P_t.

    Args:
        inputs: length of a feature vector.
        components: d, of each domain.

    Raises:
        ConfigError: features have fewer numbers than that, or a domain too few samples.
    """

    def __init__(self, inputs: int, *, components: Count = 20) -> None:
        super().__init__(inputs)
        if components > inputs:
            raise ConfigError(
                f"method.align.components={components}, and a sample has {inputs} features\n"
                "lower it"
            )
        self.out_dim = components
        for domain in ("source", "target"):
            self.register_buffer(f"{domain}_mean", torch.zeros(inputs))
            self.register_buffer(f"{domain}_map", torch.zeros(inputs, components))

    def fit(self, source: Tensor, target: Tensor) -> None:
        """The components of both domains by a singular value decomposition."""
        bases = {}
        for domain, features in (("source", source), ("target", target)):
            if len(features) <= self.out_dim:
                raise ConfigError(
                    f"method.align.components={self.out_dim}, and the {domain} has "
                    f"{len(features)} samples\nlower it"
                )
            mean = features.double().mean(dim=0)
            right = torch.linalg.svd(features.double() - mean, full_matrices=False).Vh
            bases[domain] = right[: self.out_dim].T
            self.get_buffer(f"{domain}_mean").copy_(mean)
        turned = bases["source"] @ (bases["source"].T @ bases["target"])
        self.get_buffer("source_map").copy_(turned)
        self.get_buffer("target_map").copy_(bases["target"])

    def forward(self, features: Tensor, domain: str) -> Tensor:
        """(B, components), the source's in the target's coordinates."""
        with full_precision(features):
            centered = features.float() - self.get_buffer(f"{domain}_mean")
            return centered @ self.get_buffer(f"{domain}_map")


def power(matrix: Tensor, regulariser: float, exponent: float) -> Tensor:
    """(matrix + regulariser I)^exponent of a symmetric positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    scaled = (values.clamp_min(0) + regulariser) ** exponent
    found: Tensor = (vectors * scaled) @ vectors.T
    return found
