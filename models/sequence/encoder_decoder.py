"""Encoder and decoder: a source in, a sequence of tokens out (captions, translations).

B sources · K sequences of each · N source steps in the batch · M tokens in the batch · T decoder steps ·
S remembered steps · D features of a remembered step · H of the decoder · V tokens in the vocabulary
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from models.errors import OptionError
from models.heads.attention import Attended, Attention
from models.recurrence.cells import State
from models.recurrence.layout import Layout
from models.sequence.language_model import LanguageModel
from models.sequence.sources import Remembered, Source

Start = Literal["state", "input", "both", "each"]


class Memory(NamedTuple):
    """Sources that were read: the first state of their decoder, and what it sees beside each token."""

    state: State
    """The decoder's state before its first token, (num_layers, B, H) each."""
    attended: Attended | None
    """Remembered steps to attend to; None for a decoder without attention."""
    summary: Tensor | None = None
    """(B, D) the sources in one vector each, where that is seen beside each token."""

    @property
    def num_sources(self) -> int:
        """Number B of sources."""
        return self.state[0].shape[1]

    @property
    def num_steps(self) -> list[int]:
        """Number of remembered steps of each source; 0 without attention."""
        if self.attended is None:
            return [0] * self.num_sources
        return (~self.attended.is_padding).sum(1).tolist()

    def rows(self, rows: Tensor) -> "Memory":
        """Select sources by index (R,), which may repeat them."""
        return Memory(
            tuple(part.index_select(1, rows) for part in self.state),
            None if self.attended is None else self.attended.rows(rows),
            None if self.summary is None else self.summary.index_select(0, rows),
        )


class EncoderDecoder(nn.Module):
    """A source that is read once, and a language model that writes with it in mind.

    Sutskever et al. 2014, "Sequence to Sequence Learning with Neural Networks"; Vinyals et al. 2015,
    "Show and Tell". The decoder reads [END, w₁ …] and predicts [w₁ …, END], as a `LanguageModel`
    does, so one that was trained on text alone can start it. Attention stands *after* the recurrence
    (Luong et al. 2015, eq. 5): h̃ = tanh(W [c; h]). Nothing in the recurrence waits for it, and
    training reads all tokens in one call of the fused kernel.

    Args:
        source: reads the source.
        decoder: encodes, reads and scores the tokens; its head takes what its recurrence puts out.
        attention: weighs the remembered steps for each token; None leaves the decoder the summary alone.
        start: place of the summary: into the ``state`` before the first token, into an ``input``
            that is read before it (Vinyals et al. 2015, eq. 10), or ``both``; ``each`` is both, and
            beside the recurrence's output for each token (Tanti, Gatt & Camilleri 2018, "Where to put
            the image in an image caption generator", §3: merge), h̃ = tanh(W [s; h]).

    Raises:
        OptionError: attention of other sizes.
    """

    def __init__(
        self,
        source: Source,
        decoder: LanguageModel,
        *,
        attention: Attention | None = None,
        start: Start = "state",
    ) -> None:
        super().__init__()
        self.source, self.decoder, self.attention, self.start = source, decoder, attention, start
        recurrence = decoder.recurrence
        size = recurrence.out_features
        if attention is not None:
            made = (attention.query_features, attention.features)
            if made != (size, source.out_features):
                raise OptionError(
                    f"{type(attention).__name__} of {made[0]} and {made[1]} features: the decoder"
                    f" has {size}, the source {source.out_features}"
                )
        beside = source.out_features if attention is not None else 0
        beside += source.summary_features if start == "each" else 0
        if beside:
            self.combine = nn.Linear(beside + size, size)
        self._num_parts = len(recurrence.state_names)
        self._num_layers = len(recurrence.layers)
        if start != "input":
            self.to_state = nn.Linear(
                source.summary_features, self._num_parts * self._num_layers * size
            )
        if start != "state":
            self.to_input = nn.Linear(source.summary_features, decoder.encoder.out_features)

    def remember(self, steps: Tensor, lengths: Tensor, *, is_encoded: bool = False) -> Memory:
        """Read source steps (N, …) of lengths (B,), once for all tokens to be written."""
        found = self.source(steps, lengths, is_encoded=is_encoded)
        seen = found.summary if self.start == "each" else None
        return Memory(self.first_state(found.summary), self._attended(found), seen)

    def losses(self, memory: Memory, tokens: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
        """Losses -ln p of the right tokens, all read at once (teacher forcing).

        Args:
            memory: of B sources.
            tokens: (M,) the tokens read, each sequence beginning with END.
            lengths: (B,) the number of them in each sequence.
            targets: (M,) the token after each.

        Returns:
            (M,) float32, in nats.
        """
        features, _ = self.decoder.read(tokens, lengths, memory.state)
        if hasattr(self, "combine"):
            layout = Layout(lengths, len(tokens))
            grid = layout.pad(features).transpose(0, 1)
            features = layout.unpad(self._informed(grid, memory)[0].transpose(0, 1))
        return self.decoder.head.losses(features, targets)

    def step(self, tokens: Tensor, state: State, memory: Memory) -> tuple[Tensor, State, Tensor]:
        """One token further, in K sequences of each source.

        Args:
            tokens: (B · K,) the last token of each sequence, END before the first; those of a source
                side by side.
            state: the state that the step before returned, at first ``memory.state``, K times each.
            memory: of B sources.

        Returns:
            log-probabilities of the next tokens (B · K, V); the state; the attention (B · K, S), S
            being 0 without any.
        """
        features, state = self.decoder.read(tokens, torch.ones_like(tokens), state)
        weights = features.new_zeros(len(tokens), 0)
        if hasattr(self, "combine"):
            grid = features.unflatten(0, (memory.num_sources, -1))
            grid, all_weights = self._informed(grid, memory)
            features, weights = grid.flatten(0, 1), all_weights.flatten(0, 1)
        return self.decoder.head.log_probabilities(features), state, weights

    def _informed(self, grid: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Features (B, T, H) → those with what is seen beside, (B, T, H); the attention (B, T, S)."""
        beside, weights = [], grid.new_zeros(*grid.shape[:2], 0)
        if memory.attended is not None:
            assert self.attention is not None
            contexts, weights = self.attention(grid, memory.attended)
            beside.append(contexts)
        if memory.summary is not None:
            beside.append(memory.summary.unsqueeze(1).expand(-1, grid.shape[1], -1))
        combined = self.combine(torch.cat([*beside, grid], dim=2)).tanh()
        return self.decoder.dropout(combined), weights

    def first_state(self, summary: Tensor) -> State:
        """The decoder's state before its first token, of summaries (B, …)."""
        if self.start == "input":
            size = self.decoder.recurrence.out_features
            zeros = summary.new_zeros(self._num_layers, summary.shape[0], size)
            state: State = (zeros,) * self._num_parts
        else:
            flat = self.to_state(summary).tanh()
            parts = flat.unflatten(1, (self._num_parts, self._num_layers, -1))
            state = tuple(parts.permute(1, 2, 0, 3).contiguous())
        if self.start != "state":
            lengths = torch.ones(summary.shape[0], dtype=torch.int64, device=summary.device)
            _, state = self.decoder.recurrence(self.to_input(summary), lengths, state, carry=True)
        return state

    def _attended(self, found: Remembered) -> Attended | None:
        if self.attention is None:
            return None
        layout = Layout(found.lengths, len(found.steps))
        values = layout.pad(found.steps).transpose(0, 1)
        return self.attention.remember(values, layout.padding().T)
