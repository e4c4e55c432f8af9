"""No network: feature vectors that were computed before."""

from torch import Tensor

from translearn.backbones.base import Backbone


class Identity(Backbone):
    """Hands feature vectors on as they are. It has no parameters and so no layer groups.

    Args:
        input_shape: (D,) of the vectors.
    """

    input_dimensions = (1,)

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.out_dim = input_shape[0]
        self.group_paths = {}

    def features(self, x: Tensor) -> Tensor:
        """The vectors (B, D) themselves."""
        return x
