"""Part of a data set of captions: pictures or clips, and the tokens of what is said of them.

n examples · R captions of an example
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from tokenizers import Tokenizer

from data.batches.pair_batch import PairBatch, taught
from data.batches.part import Part
from data.batches.ragged import RaggedBatch
from data.tokens.token_rows import TokenRows, end_of


class References:
    """Captions of all examples of a source, by the example's row in it, with their tokens.

    Args:
        texts: R captions of each example.
        tokenizer: cuts them.
        max_tokens: the most tokens of a caption that are kept; None: all.
    """

    def __init__(
        self, texts: Sequence[Sequence[str]], tokenizer: Tokenizer, *, max_tokens: int | None
    ) -> None:
        self.texts, self.end = texts, end_of(tokenizer)
        self._tokens = TokenRows(
            [text for some in texts for text in some], tokenizer, max_tokens=max_tokens
        )
        self._ends = np.cumsum([len(some) for some in texts])
        self.num_cut_off = self._tokens.num_cut_off

    def tokens(self, row: int) -> Iterator[np.ndarray]:
        """Yield the tokens of each caption of an example."""
        end = int(self._ends[row])
        return (self._tokens[k] for k in range(end - len(self.texts[row]), end))

    def num_tokens(self, row: int) -> int:
        """Number of tokens to write of all captions of an example, each with END."""
        return sum(len(one) + 1 for one in self.tokens(row))


class CaptionPart(Part):
    """Pictures or clips of one part, with their captions.

    Args:
        inputs: the part of the pictures or clips, or of their features.
        references: captions of all examples of the source.
    """

    def __init__(self, inputs: Part, references: References) -> None:
        self._inputs, self.references = inputs, references
        self.ids, self.labels = inputs.ids, inputs.labels
        self.contents, self.traits = inputs.contents, inputs.traits
        self.truncated_steps = inputs.truncated_steps
        self.is_ready_made, self.augments = inputs.is_ready_made, inputs.augments
        # A batch costs what is seen of it and what is written.
        written = [references.num_tokens(row) for row in self.ids.tolist()]
        self.lengths = inputs.lengths + np.array(written, np.int64)

    @property
    def inputs(self) -> Part:
        """The part of the pictures or clips, or of their features."""
        return self._inputs

    @property
    def view(self) -> Literal["pictures", "words"] | None:  # type: ignore[override]
        """As the inputs have it."""
        return self._inputs.view

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """List the paths of examples."""
        return self._inputs.sources(positions)

    def written(self) -> list[list[str]]:
        """List the captions of each example."""
        return [list(self.references.texts[row]) for row in self.ids.tolist()]

    def num_workers(self) -> int:
        """As the inputs need."""
        return self._inputs.num_workers()

    def batches_ahead(self, *, steps_per_batch: int, num_workers: int) -> int:
        """As the inputs need."""
        return self._inputs.batches_ahead(steps_per_batch=steps_per_batch, num_workers=num_workers)

    def advice(self, *, num_workers: int, num_cores: int, is_first_epoch: bool) -> str | None:
        """As for the inputs."""
        return self._inputs.advice(
            num_workers=num_workers, num_cores=num_cores, is_first_epoch=is_first_epoch
        )

    def shown(self, positions: Sequence[int]) -> RaggedBatch:
        """Make the batch of frames for a person to look at."""
        return self._inputs.shown(positions)

    def __getitems__(self, positions: Sequence[int]) -> PairBatch:  # type: ignore[override]
        """Make the batch of the examples at some positions, with all their captions."""
        read = self._inputs.__getitems__(positions)
        targets, source_of = [], []
        for place, row in enumerate(read.ids.tolist()):
            for tokens in self.references.tokens(row):
                targets.append(tokens)
                source_of.append(place)
        to_read, token_lengths, to_write = taught(targets, end=self.references.end)
        return PairBatch(
            read.steps,
            read.lengths,
            to_read,
            token_lengths,
            to_write,
            torch.tensor(source_of, dtype=torch.int64),
            read.ids,
            skipped=read.skipped,
            is_encoded=read.is_encoded,
        )
