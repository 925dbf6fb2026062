"""Part of a data set of pairs: tokens to batches."""

from collections.abc import Sequence

import numpy as np
import torch

from data.batches.pair_batch import PairBatch, taught
from data.batches.part import Part
from data.tokens.token_rows import TokenRows


class PairPart(Part):
    """Pairs of one part, as tokens.

    Args:
        sources, targets: the texts, n each.
        ids: see `Part`.
        source_tokens, target_tokens: their tokens.
        end: END, the token that a decoder reads first and writes last.
    """

    is_ready_made = True

    def __init__(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
        *,
        ids: np.ndarray,
        source_tokens: TokenRows,
        target_tokens: TokenRows,
        end: int,
    ) -> None:
        self.texts, self.targets, self.ids, self.end = sources, targets, ids, end
        self.labels = np.zeros(len(ids), np.int64)
        self.source_tokens, self.target_tokens = source_tokens, target_tokens
        # A batch costs what is read of it and what is written.
        self.lengths = source_tokens.lengths + target_tokens.lengths + 1
        self.truncated_steps = source_tokens.num_cut_off + target_tokens.num_cut_off

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """List the texts to translate."""
        return [self.texts[k] for k in (range(len(self)) if positions is None else positions)]

    def written(self) -> list[list[str]]:
        """List the one translation of each example."""
        return [[target] for target in self.targets]

    def __getitems__(self, positions: Sequence[int]) -> PairBatch:  # type: ignore[override]
        """Make the batch of the pairs at some positions."""
        steps = [self.source_tokens[k] for k in positions]
        read, token_lengths, write = taught(
            [self.target_tokens[k] for k in positions], end=self.end
        )
        return PairBatch(
            torch.from_numpy(np.concatenate([np.empty(0, np.int64), *steps]).astype(np.int64)),
            torch.tensor([len(one) for one in steps], dtype=torch.int64),
            read,
            token_lengths,
            write,
            torch.arange(len(steps)),
            torch.from_numpy(self.ids[list(positions)]),
        )
