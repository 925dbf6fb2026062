"""Language models as they are exported: whole texts, or one token and the state.

B sequences · T tokens of the longest · L layers · H hidden size · V tokens in the vocabulary
"""

import copy

import torch
from torch import Tensor, nn

from models.forms.operators import OperatorRecurrence
from models.recurrence.cells import State
from models.sequence.language_model import LanguageModel


class LanguageForm(nn.Module):
    """A language model of padded texts, each read from its beginning.

    Args:
        model: the trained model.

    Raises:
        OptionError: a recurrence that cannot be exported.
    """

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = model
        self.recurrence = OperatorRecurrence(model.recurrence)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (B, T), lengths (B,) → log-probabilities (B, T, V) of the token after each."""
        features = self.model.encoder(tokens.flatten()).unflatten(0, tokens.shape)
        outputs, _ = self.recurrence.read(features.transpose(0, 1), lengths)
        flat = outputs.transpose(0, 1).flatten(0, 1)
        return self.model.head.log_probabilities(flat).unflatten(0, tokens.shape)


class LanguageStepForm(nn.Module):
    """A language model, one token at a time.

    Args:
        model: the trained model.

    Raises:
        OptionError: a recurrence that cannot be exported.
    """

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = on_operators(model)

    def start(self, batch_size: int) -> dict[str, Tensor]:
        """The state before the first token, zeros: (L, B, H) by name."""
        recurrence = self.model.recurrence
        shape = (len(recurrence.layers), batch_size, recurrence.out_features)
        return {name: torch.zeros(shape) for name in recurrence.state_names}

    def forward(self, tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Tokens (B,) and the state before → log-probabilities (B, V) of the next, the state."""
        carried: State = tuple(state.values())
        found, after = self.model(tokens, torch.ones_like(tokens), carried)
        return found, dict(zip(state, after, strict=True))


def on_operators(model: LanguageModel) -> LanguageModel:
    """A copy whose recurrence is of operators, for single steps."""
    made = copy.deepcopy(model)
    made.recurrence = OperatorRecurrence(made.recurrence)  # type: ignore[assignment]
    return made
