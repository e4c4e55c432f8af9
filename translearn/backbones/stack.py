"""Small networks: named layers one after the other."""

from typing import ClassVar

from torch import Tensor, nn

from translearn.backbones.base import Backbone
from translearn.errors import ConfigError


class Stack(Backbone):
    """Named layers one after the other, each a group of its own.

    Attributes:
        made_for: what an input should look like, for messages.

    Raises:
        ConfigError: the inputs are too small for the layers.
    """

    head_hidden: tuple[int, ...] = (100, 100)
    discriminator_hidden: tuple[int, ...] = (100,)
    made_for: ClassVar[str] = "28x28, as digits are"

    def __init__(self, input_shape: tuple[int, ...], **layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)
        self.group_paths = {name: (f"layers.{name}",) for name in layers}
        try:
            self.out_dim = self._probe(input_shape)
        except RuntimeError as error:
            raise ConfigError(
                f"inputs of {'x'.join(map(str, input_shape[1:]))} are too small for this network\n"
                f"it is made for {self.made_for}"
            ) from error

    def features(self, x: Tensor) -> Tensor:
        """Network input (B, ...) -> features (B, out_dim)."""
        for layer in self.layers.values():
            x = layer(x)
        return x.flatten(1)
