"""An encoder of steps that are vectors already: poses, audio features, measurements.

N steps in the batch · C numbers of a step · D features
"""

from torch import Tensor, nn

from models.encoders.words import Encoder


class VectorEncoder(Encoder):
    """A linear map of each step's numbers, normalised over them (Ba et al. 2016), and a ReLU.

    Args:
        num_inputs: C.
        features: D.
    """

    def __init__(self, num_inputs: int, *, features: int = 64) -> None:
        super().__init__()
        self.out_features = features
        self.layers = nn.Sequential(
            nn.Linear(num_inputs, features), nn.LayerNorm(features), nn.ReLU()
        )

    def forward(self, steps: Tensor) -> Tensor:
        """(N, C) float32 → (N, D)."""
        return self.layers(steps)
