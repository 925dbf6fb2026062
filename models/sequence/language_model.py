"""Language models, which predict after each step the next one.

B sequences · N steps in the batch · D features · V tokens in the vocabulary
"""

from collections.abc import Sequence

from torch import Tensor, nn

from models.chance import Dropout
from models.encoders.words import Encoder, WordEmbedding
from models.errors import OptionError
from models.heads.softmax import AdaptiveSoftmax, Softmax, TokenHead
from models.recurrence.cells import State
from models.recurrence.recurrences import Recurrence


class LanguageModel(nn.Module):
    """A recurrent model that predicts, after each step of a sequence, the next token.

    Mikolov et al. 2010, "Recurrent neural network based language model". Each token is encoded by
    itself. A recurrence reads on from where it was, its state carried from call to call. A softmax
    over the vocabulary gives the probability of every next token. Encoder and recurrence are those of
    `ManyToOne`, under the same names.

    Args:
        encoder: turns a token into features.
        recurrence: reads the features, in one direction. Backwards it would see the tokens that it
            is to predict.
        num_tokens: V.
        dropout: share of the recurrence's outputs that is zeroed while training.
        tied: whether the softmax uses the encoder's vectors as its weights (see `Softmax`).
        adaptive_cutoffs: the first token of each cluster of rare tokens, for a large vocabulary (see
            `AdaptiveSoftmax`). Those that a vocabulary does not reach fall away. None left: a
            softmax over all tokens.
        label_smoothing: see `Softmax`.

    Raises:
        OptionError: an encoder that looks back; a recurrence of two directions; tied to an encoder
            without vectors, or with an adaptive softmax; smoothed labels with that; cutoffs that do
            not rise.
    """

    def __init__(
        self,
        encoder: Encoder,
        recurrence: Recurrence,
        *,
        num_tokens: int,
        dropout: float = 0.0,
        tied: bool = False,
        adaptive_cutoffs: Sequence[int] = (),
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        if encoder.looks_back > 0:
            # At the start of a piece it would not know how the piece before ended.
            raise OptionError(
                f"--model.encoder={type(encoder).__name__}: looks back at earlier tokens, and a"
                " language model reads a text in pieces; give models.encoders.WordEmbedding"
            )
        if recurrence.num_directions != 1:
            raise OptionError(
                "bidirectional=true: a language model that reads backwards knows what comes next;"
                " set it to false"
            )
        self.encoder = encoder
        self.recurrence = recurrence
        self.dropout = Dropout(dropout)
        self.head = _head(
            encoder,
            recurrence.out_features,
            num_tokens,
            tied=tied,
            cutoffs=adaptive_cutoffs,
            label_smoothing=label_smoothing,
        )

    def read(
        self, steps: Tensor, lengths: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Tokens (N,), lengths (B,), the state before them → features (N, D), the state after.

        Raises:
            ValueError: a state of another number of sequences.
        """
        if state is not None and state[0].shape[1] != lengths.shape[0]:
            raise ValueError(f"a state of {state[0].shape[1]} sequences for {len(lengths)} to read")
        outputs, after = self.recurrence(self.encoder(steps), lengths, state, carry=True)
        return self.dropout(outputs), after

    def forward(
        self, steps: Tensor, lengths: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Tokens (N,), lengths (B,), state → log-probabilities of the next ones (N, V), state."""
        features, state = self.read(steps, lengths, state)
        return self.head.log_probabilities(features), state

    def losses(
        self, steps: Tensor, lengths: Tensor, targets: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Tokens (N,), lengths (B,), the next tokens (N,), state → their losses in nats (N,), state.

        Memory stays within `softmax.MAX_SCORES` scores, whatever N and V.
        """
        features, state = self.read(steps, lengths, state)
        return self.head.losses(features, targets), state


def _head(
    encoder: Encoder,
    in_features: int,
    num_tokens: int,
    *,
    tied: bool,
    cutoffs: Sequence[int],
    label_smoothing: float,
) -> TokenHead:
    if any(b <= a for a, b in zip([0, *cutoffs], cutoffs, strict=False)):
        raise OptionError(f"adaptive_cutoffs={list(cutoffs)}: numbers that rise, the first above 0")
    reached = [cutoff for cutoff in cutoffs if cutoff < num_tokens]
    if reached and tied:
        raise OptionError(
            "tied=true with adaptive_cutoffs: rare tokens have fewer features there than their"
            " vectors; choose one"
        )
    if reached and label_smoothing > 0:
        raise OptionError(
            f"label_smoothing={label_smoothing} with adaptive_cutoffs: rare tokens have no probability"
            " of their own to smooth; choose one"
        )
    if reached:
        return AdaptiveSoftmax(in_features, num_tokens, cutoffs=reached)
    if not tied:
        return Softmax(in_features, num_tokens, label_smoothing=label_smoothing)
    if not isinstance(encoder, WordEmbedding):
        raise OptionError(
            f"tied=true: {type(encoder).__name__} has no vectors to share; take WordEmbedding"
        )
    return Softmax(in_features, num_tokens, tied=encoder.embedding, label_smoothing=label_smoothing)
