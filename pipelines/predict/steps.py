"""Readers: items to answer become steps as in training, in groups.

T steps of an item · N steps of several items, end to end · S height and width of a frame
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from inspect import signature
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from data.clips.clip import local_path
from data.decoding.decode import Reading, check_reading
from data.decoding.reading_ahead import ClipReader
from data.decoding.scaling import Fit, Interpolation
from data.files.errors import InputError
from data.files.folders import is_same_path
from data.files.workers import available_cores
from data.plain_text.content import clean
from data.tables.table_format import Quoting, TableFormat, table_format
from data.tokens.tokenizing import content_of, unknown_of
from pipelines.predict.inputs import Item, clip_items
from pipelines.tasks.allowed_classes import Trust
from pipelines.tasks.blueprint import planned

#: the most tokens of a text that are read, where training named no other number
MOST_READ = 2**20
# Texts are batched by length within such a group: large enough to fill batches of similar length.
_TEXTS_AT_ONCE, _CHARACTERS_AT_ONCE = 512, 2**22


class ItemSteps(NamedTuple):
    """Steps of one item."""

    item: Item
    """Item itself; its ``problem`` is the reason where there are no steps."""
    steps: np.ndarray
    """Tokens (T,) int64, or frames (T, S, S, 3) uint8."""
    seconds: np.ndarray | None = None
    """(T,) time of each frame, counted from the first frame of the file; None for texts."""
    unknown_share: float = 0.0
    """Share of out-of-vocabulary tokens."""

    @classmethod
    def unread(cls, item: Item, problem: str) -> "ItemSteps":
        """Item without steps, and the problem that is the reason."""
        return cls(item._replace(problem=problem), np.empty(0, np.int64))


class Reader(ABC):
    """Turns items into steps."""

    #: whether a source is the path of a file; otherwise it is the text itself
    takes_paths: bool = True
    #: whether an item may be a section of its file
    takes_sections: bool = False
    #: whether a running answer can be drawn on the source
    draws: bool = False
    #: number of reading processes; 0 reads in this process
    num_workers: int = 0
    #: maximum number of steps in a batch, padding included
    steps_per_batch: int
    #: size of the vocabulary; None where steps are not tokens
    num_tokens: int | None = None

    @classmethod
    def of(cls, description: dict[str, Any], *, num_workers: int | None = None) -> "Reader":
        """Reader that matches a checkpoint, built from the values that are arguments of this class.

        Raises:
            RefusedError: a value is not of the argument's type.
        """
        values = description["data"] | description["inputs"]
        told = {name: values[name] for name in signature(cls).parameters if name in values}
        return cls(**planned(cls, told | {"num_workers": num_workers}, trust=Trust()))

    @abstractmethod
    def groups(self, items: Iterable[Item]) -> Iterator[list[ItemSteps]]:
        """All items in their order, in groups."""

    @abstractmethod
    def together(self, items: Sequence[ItemSteps]) -> Tensor:
        """Steps (N, …) of several items, end to end."""

    def leave_cores(self) -> None:
        """Limit PyTorch to the cores that decoding leaves free; see `pipelines.runtime.cores`."""
        if self.num_workers and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(max(available_cores() - self.num_workers, 1))

    def items_at(self, source: str) -> list[Item]:
        """Items of a path, a folder or a pattern; only for readers that take paths."""
        raise NotImplementedError(f"{type(self).__name__} takes no paths")


class TextSteps(Reader):
    """Tokenizes texts.

    Args:
        tokenizer: the tokenizer as JSON.
        max_tokens: maximum number of tokens read of a text; None reads them all.
        steps_per_batch: maximum number of tokens in a batch, padding included.
        path, text_column, columns, encoding, quoting: the table that the model was trained on, and its
            format (see `TextDataModule`).
    """

    takes_paths = False

    def __init__(
        self,
        *,
        tokenizer: str,
        max_tokens: int | None = None,
        steps_per_batch: int = 16_384,
        path: str | None = None,
        text_column: str = "text",
        columns: str | None = None,
        encoding: str | None = None,
        quoting: Quoting = "double",
        num_workers: int | None = None,
    ) -> None:
        if max_tokens is not None and max_tokens < 1:
            raise InputError(f"--data.max_tokens={max_tokens}: at least 1, or null to read all")
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._unknown = unknown_of(self._tokenizer)
        self.max_tokens = max_tokens
        self.num_tokens = self._tokenizer.get_vocab_size()
        self.steps_per_batch = steps_per_batch
        self.path, self.text_column = path, text_column
        self._columns, self._encoding, self._quoting = columns, encoding, quoting

    def groups(self, items: Iterable[Item]) -> Iterator[list[ItemSteps]]:
        """All items in their order, in groups of some hundred."""
        remaining = iter(items)
        while group := _characters_bounded(remaining):
            yield self._read(group)

    def format_of(
        self, path: str, *, columns: str | None, encoding: str | None, quoting: Quoting | None
    ) -> TableFormat:
        """Format of a table to answer.

        Encoding and quoting default to those of training only for the training table itself, since
        another file may be written differently. Names of columns always default to those of training:
        a file that names its columns itself does not use them.
        """
        is_same = is_same_path(path, self.path)
        return table_format(
            columns=columns or self._columns,
            encoding=encoding or (self._encoding if is_same else None),
            quoting=quoting or (self._quoting if is_same else "double"),
            prefix="--",
        )

    def _read(self, items: Sequence[Item]) -> list[ItemSteps]:
        encoded = self._tokenizer.encode_batch_fast([clean(item.source) for item in items])
        found = []
        for item, one in zip(items, encoded, strict=True):
            if item.problem is not None:
                found.append(ItemSteps.unread(item, item.problem))
            elif not one.ids or content_of(item.source) == 0:
                found.append(ItemSteps.unread(item, "holds no word; give a text of at least one"))
            elif self.max_tokens is None and len(one) > MOST_READ:
                reason = f"has {len(one):,} tokens, and at most {MOST_READ:,} are read; divide it"
                found.append(ItemSteps.unread(item, reason))
            else:
                tokens = np.array(one.ids[: self.max_tokens], np.int64)
                share = float((tokens == self._unknown).mean())
                found.append(ItemSteps(item, tokens, unknown_share=share))
        return found

    def tokens(self, text: str) -> Tensor:
        """Tokens (T,) int64 of a text, as many as are read; none where it holds no word."""
        if content_of(text) == 0:
            return torch.empty(0, dtype=torch.int64)
        ids = self._tokenizer.encode(clean(text)).ids[: self.max_tokens]
        return torch.tensor(ids, dtype=torch.int64)

    def pieces(self, text: str, num_steps: int) -> list[str]:
        """Pieces of a text, one for each step (see `pieces_of`)."""
        return pieces_of(self._tokenizer, text, num_steps)

    def together(self, items: Sequence[ItemSteps]) -> Tensor:
        """Tokens (N,) of several items, end to end."""
        return torch.from_numpy(np.concatenate([one.steps for one in items]))


def pieces_of(tokenizer: Tokenizer, text: str, num_steps: int) -> list[str]:
    """The text cut where its tokens begin; what was not read is left out."""
    text = clean(text)
    offsets = tokenizer.encode(text).offsets
    starts = np.maximum.accumulate([start for start, _ in offsets])[:num_steps].tolist()
    starts[0] = 0
    end = len(text) if num_steps >= len(offsets) else offsets[num_steps][0]
    return [text[a:b] for a, b in zip(starts, [*starts[1:], end], strict=True)]


def _characters_bounded(items: Iterator[Item]) -> list[Item]:
    """Take the next items up to a number of characters; the last one may exceed it."""
    group: list[Item] = []
    num_characters = 0
    for item in islice(items, _TEXTS_AT_ONCE):
        group.append(item)
        num_characters += len(item.source)
        if num_characters >= _CHARACTERS_AT_ONCE:
            break
    return group


def batches_of(every: Iterable[ItemSteps], *, budget: int) -> Iterator[list[ItemSteps]]:
    """Group items in their order, as many as fit a step budget with padding."""
    group: list[ItemSteps] = []
    longest = num_read = 0
    for one in every:
        num_steps = len(one.steps)
        if num_read and max(longest, num_steps) * (num_read + 1) > budget and num_steps:
            yield group
            group, longest, num_read = [], 0, 0
        group.append(one)
        longest, num_read = max(longest, num_steps), num_read + (num_steps > 0)
    if group:
        yield group


class ClipSteps(Reader):
    """Decodes clips in processes that read ahead.

    Args:
        size_px, fit, interpolation, frames, max_frames, min_share: see `Reading`.
        limit_seconds: see `VideoDataModule`.
        steps_per_batch: maximum number of frames in a batch, padding included.
        num_workers: number of decoding processes; None takes half the cores, as in training.
    """

    takes_sections = True
    draws = True
    #: whether pictures are read too, as clips of one frame
    pictures: bool = False

    def __init__(
        self,
        *,
        size_px: int,
        fit: Fit = "crop",
        interpolation: Interpolation = "area",
        frames: str = "all",
        max_frames: int | None = None,
        min_share: float = 0.5,
        limit_seconds: float = 60.0,
        steps_per_batch: int = 1024,
        num_workers: int | None = None,
    ) -> None:
        self.steps_per_batch = steps_per_batch
        self.num_workers = num_workers or max(available_cores() // 2, 1)
        reading = Reading(size_px, fit, interpolation, frames, max_frames, min_share)
        check_reading(reading, limit_seconds=limit_seconds)
        #: options of decoding
        self.reading = reading
        self._reader = ClipReader(
            reading,
            limit_seconds=limit_seconds,
            num_workers=self.num_workers,
            # Frames decoded while a batch is being answered make up the next batch.
            frames_ahead=2 * steps_per_batch,
            pictures=self.pictures,
        )

    def items_at(self, source: str) -> list[Item]:
        """Clips of a path, see `clip_items`."""
        return clip_items(source, pictures=self.pictures)

    def groups(self, items: Iterable[Item]) -> Iterator[list[ItemSteps]]:
        """All items in their order, in groups that fill a batch."""
        return batches_of(self._read(list(items)), budget=self.steps_per_batch)

    def _read(self, items: list[Item]) -> Iterator[ItemSteps]:
        paths = [local_path(item.source) for item in items]
        clips = self._reader(paths, [item.section for item in items])
        for item, clip in zip(items, clips, strict=True):
            if clip.frames is None:
                yield ItemSteps.unread(item, str(clip.problem))
            else:
                pixels, seconds = clip.frames
                yield ItemSteps(item, pixels.transpose(0, 2, 3, 1), seconds)

    def together(self, items: Sequence[ItemSteps]) -> Tensor:
        """Frames (N, 3, S, S) uint8 of several items, end to end, channels last in memory."""
        frames = [one.steps for one in items]
        pixels = frames[0] if len(frames) == 1 else np.concatenate(frames)
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)


class PictureSteps(ClipSteps):
    """Decodes clips, and pictures as clips of one frame."""

    draws = False
    pictures = True
