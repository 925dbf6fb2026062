"""Gated inputs: the input of each step, times gates that are set by what was read before it.

N steps in the batch · B sequences · R directions · D features of an input · H hidden size · F gated
features
"""

import torch
from torch import Tensor, nn

# tanh(0.5) = 0.46: at first a step says what its input says, whatever stands before it.
_OPEN = 0.5


class GatedInputs(nn.Module):
    """Features that stand beside a recurrence's outputs: v_t = tanh(U h_{t-1} + b) ⊙ (V x_t).

    A gate below 0 turns what an input says, as “not” turns “boring” (contextual valence shifters:
    Polanyi & Zaenen 2006). It does not see the input itself, so that a denial that was learnt with some
    words holds for others. An LSTM, whose gates lie between 0 and 1, needs a unit of its own for each
    sign. Products of this kind: Irsoy & Cardie 2015, "Modeling Compositionality with Multiplicative
    Recurrent Neural Networks".

    A direction that reads backwards has gates of its own, set by the steps behind each.

    Args:
        in_features: D.
        hidden_size: H, of one direction of the recurrence.
        features: F, of one direction.
        num_directions: R.
    """

    def __init__(
        self, in_features: int, hidden_size: int, *, features: int, num_directions: int = 1
    ) -> None:
        super().__init__()
        self.num_directions = num_directions
        #: R · (H + F)
        self.out_features = num_directions * (hidden_size + features)
        each = range(num_directions)
        self.gates = nn.ModuleList(nn.Linear(hidden_size, features) for _ in each)
        self.values = nn.ModuleList(nn.Linear(in_features, features) for _ in each)
        for gate in self.gates:
            nn.init.constant_(gate.bias, _OPEN)  # type: ignore[arg-type]

    def forward(self, inputs: Tensor, before: Tensor, *, direction: int = 0) -> Tensor:
        """Inputs (…, D), and outputs (…, H) at the steps before them → (…, F)."""
        return self.gates[direction](before).tanh() * self.values[direction](inputs)

    def beside(self, outputs: Tensor, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Put the gated inputs of whole sequences beside their outputs.

        Args:
            outputs: (N, R · H), those of the backward direction last.
            inputs: (N, D).
            lengths: (B,), summing to N.

        Returns:
            (N, R · (H + F)): outputs and gated inputs of one direction, then of the other.
        """
        ends = lengths.cumsum(0)
        parts = []
        for direction, one in enumerate(outputs.chunk(self.num_directions, dim=1)):
            back, first = (-1, ends - 1) if direction else (1, ends - lengths)
            before = one.roll(back, dims=0).index_fill(0, first, 0.0)
            parts += [one, self(inputs, before, direction=direction)]
        return torch.cat(parts, dim=1)
