"""Encoder-decoders as they are exported: the source that is read once, and a step of the decoder.

B sources · K hypotheses of each · T source steps of the longest · P places of a picture · S remembered
steps · D features of a remembered step · A features of a key · L layers · H hidden size of the decoder ·
V tokens in the vocabulary
"""

import copy

import torch
from torch import Tensor, nn

from models.errors import OptionError
from models.forms.operators import OperatorRecurrence
from models.forms.padded import encoded, means
from models.heads.attention import Attended
from models.sequence.encoder_decoder import EncoderDecoder, Memory
from models.sequence.sources import ReadSource, SeenSource, Source


class SourceForm(nn.Module):
    """Reads padded sources into what a decoder attends to.

    Args:
        model: the trained model.

    Raises:
        OptionError: a source or a recurrence that cannot be exported.
    """

    def __init__(self, model: EncoderDecoder) -> None:
        super().__init__()
        self.model = on_operators(model)
        source = self.model.source
        if not isinstance(source, ReadSource | SeenSource):
            raise OptionError(f"{type(source).__name__}: a source that cannot be exported")

    def forward(self, steps: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """Read B sources.

        Args:
            steps: (B, T) tokens, or features of encoded frames, (B, T, D) or (B, T, P, D).
            lengths: (B,) int64, from 1 to T.

        Returns:
            by name: the decoder's first state (L, B, H) each; with attention ``values`` (B, S, D),
            ``keys`` (B, S, A) and ``is_padding`` (B, S) bool; ``summary`` (B, D) where each step
            sees it.
        """
        mask = torch.arange(steps.shape[1], device=steps.device) < lengths.unsqueeze(1)
        source = self.model.source
        remembered, mask, summary = _read(source, steps, lengths, mask)
        first = self.model.first_state(summary)
        found = dict(zip(self.model.decoder.recurrence.state_names, first, strict=True))
        if self.model.attention is not None:
            attended = self.model.attention.remember(remembered, ~mask)
            found |= attended._asdict()
        if self.model.start == "each":
            found["summary"] = summary
        return found


class DecoderStepForm(nn.Module):
    """One token further, in K hypotheses of each source; see `EncoderDecoder.step`.

    Args:
        model: the trained model.

    Raises:
        OptionError: a recurrence that cannot be exported.
    """

    def __init__(self, model: EncoderDecoder) -> None:
        super().__init__()
        self.model = on_operators(model)

    def forward(
        self, tokens: Tensor, state: dict[str, Tensor], memory: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, ...]:
        """Read the last token of each hypothesis.

        Args:
            tokens: (B, K) int64.
            state: (L, B, K, H) by name.
            memory: what `SourceForm` gives, but for the state; None: nothing more.

        Returns:
            log-probabilities (B, K, V); the state; with attention its weights (B, K, S).
        """
        attended, memory = None, memory or {}
        if "values" in memory:
            attended = Attended(memory["values"], memory["keys"], memory["is_padding"])
        # Its number of sources is asked for, and nothing else of the first state.
        counted = (tokens.new_zeros(1, tokens.shape[0], 1),)
        scores, after, weights = self.model.step(
            tokens.flatten(),
            tuple(part.flatten(1, 2) for part in state.values()),
            Memory(counted, attended, memory.get("summary")),
        )
        rows = tokens.shape
        answer = [scores.unflatten(0, rows), *(part.unflatten(1, rows) for part in after)]
        if attended is not None:
            answer.append(weights.unflatten(0, rows))
        return tuple(answer)


def on_operators(model: EncoderDecoder) -> EncoderDecoder:
    """A copy whose recurrences are of operators."""
    made = copy.deepcopy(model)
    decoder = made.decoder
    decoder.recurrence = OperatorRecurrence(decoder.recurrence)  # type: ignore[assignment]
    if isinstance(made.source, ReadSource):
        made.source.recurrence = OperatorRecurrence(made.source.recurrence)  # type: ignore[assignment]
    return made


def _read(
    source: Source, steps: Tensor, lengths: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Remembered steps (B, S, D), the mask (B, S) of them, the summary (B, …)."""
    features = encoded(source.encoder, steps)
    if isinstance(source, ReadSource):
        recurrence = source.recurrence
        assert isinstance(recurrence, OperatorRecurrence)
        outputs, state = recurrence.read(features.transpose(0, 1), lengths)
        remembered = outputs.transpose(0, 1)
        if source.with_features:
            remembered = torch.cat([features, remembered], dim=2)
        last = state[0][-recurrence.num_directions :]
        return remembered, mask, last.transpose(0, 1).flatten(1)
    assert isinstance(source, SeenSource)
    if hasattr(source, "suit"):
        features = source.suit(features)
    if features.ndim == 4:
        mask = mask.unsqueeze(2).expand(-1, -1, features.shape[2]).flatten(1)
        features = features.flatten(1, 2)
    return features, mask, means(features, mask)
