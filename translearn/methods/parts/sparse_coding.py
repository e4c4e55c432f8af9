"""The pretext of the first self-taught learning: sparse codes in a dictionary of images."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import MiniBatchDictionaryLearning, sparse_encode
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.data.access import TrainView
from translearn.data.types import Shape
from translearn.errors import ConfigError
from translearn.methods.parts.pretext import Pretext
from translearn.ranges import Positive, Width

MOST_PIXELS = 3 * 32 * 32  # values of an image that sparse coding is for


class SparseCoding(Pretext):
    """Self-taught learning as it began: codes of images in a dictionary of unlabelled ones.

    Raina et al., "Self-taught learning: transfer learning from unlabeled data" (ICML 2007, eqs. 1
    and 2): the codes minimise ||x - sum_j a_j b_j||^2 / 2 + sparsity ||a||_1. Dictionary and codes
    are scikit-learn's. It is its own trunk: no backbone is trained.

    Args:
        backbone: not used.
        shape: of an image.
        atoms: images of the dictionary.
        sparsity: weight of the L1 norm of the codes.

    Raises:
        ConfigError: a value is out of range, or the images are large.
    """

    trains = False
    own_trunk = True

    def __init__(
        self, backbone: Backbone, shape: Shape, *, atoms: Width = 256, sparsity: Positive = 1.0
    ) -> None:
        super().__init__(atoms)
        values = math.prod(shape)
        if values > MOST_PIXELS:
            raise ConfigError(
                f"method/pretext=sparse_coding is for small images of at most {MOST_PIXELS} values;"
                f" these have {values}\nchoose another pretext, such as simclr"
            )
        self.sparsity, self.seed = sparsity, int(torch.randint(2**31, ()))
        self.register_buffer("dictionary", torch.zeros(atoms, values))
        self.register_buffer("centre", torch.zeros(values))
        self.dictionary: Tensor
        self.centre: Tensor

    def enter(self, view: TrainView, domains: Sequence[str]) -> None:
        """Learn the dictionary, in one pass over the images in a seeded order."""
        images = torch.cat(
            [view.outputs(task, nn.Flatten(), unlabelled=True) for task in domains]
        ).float()
        self.centre.copy_(images.mean(dim=0))
        learner = MiniBatchDictionaryLearning(
            self.width,
            alpha=self.sparsity,
            batch_size=256,
            max_iter=1,
            fit_algorithm="cd",
            random_state=self.seed,
        )
        with nearly_converged():
            learner.fit(self._centred(images))
        self.dictionary.copy_(torch.from_numpy(learner.components_))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images (B, C, H, W) -> codes (B, atoms)."""
        dictionary = self.dictionary.double().cpu().numpy()
        images = self._centred(x.flatten(1))
        with nearly_converged():
            codes = sparse_encode(images, dictionary, algorithm="lasso_cd", alpha=self.sparsity)
        return torch.from_numpy(codes).float().to(x.device)

    def _centred(self, images: Tensor) -> NDArray[np.float64]:
        """In double precision, in which coordinate descent comes close to its end."""
        centred: NDArray[np.float64] = (images.double() - self.centre).cpu().numpy()
        return centred


@contextmanager
def nearly_converged() -> Iterator[None]:
    """Say nothing of codes whose duality gap is a little wide.

    scikit-learn asks for 1e-8 of an image's energy, and a code here and there stops near 1e-4
    (the worst of `digits`: 1.4e-4) after its thousand iterations. Hundreds of lines would say so.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
