"""Readers: a text, a clip or an array becomes the steps that a graph reads, as in training.

T steps · S height and width of a frame · D features
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tokenizers import Tokenizer

from data.decoding.decode import Reading
from data.decoding.isolation import Decoder
from data.decoding.opening import UnreadableError
from data.plain_text.content import clean, content
from pipelines.export.standalone.session import Session

_FRAMES_AT_ONCE = 64
#: the most tokens of a text that are read, where training named no other number
MOST_READ = 2**20


class Reader(Protocol):
    """Reads one item."""

    def __call__(self, source: str) -> np.ndarray:
        """Read an item → its steps (T, …).

        Raises:
            UnreadableError: it cannot be read; the message is the reason.
        """


class TextReader:
    """Reads texts as tokens (T,) int64.

    Args:
        tokenizer: the model's.
        max_tokens: the most that are read of a text; None: all.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int | None = None) -> None:
        self._tokenizer, self._max_tokens = tokenizer, max_tokens

    def __call__(self, source: str) -> np.ndarray:
        tokens = self._tokenizer.encode(clean(source)).ids
        if not tokens or not content(source):
            raise UnreadableError("holds no word; give a text of at least one")
        if self._max_tokens is None and len(tokens) > MOST_READ:
            raise UnreadableError(
                f"has {len(tokens):,} tokens, and at most {MOST_READ:,} are read; divide it"
            )
        return np.array(tokens[: self._max_tokens], np.int64)


class ClipReader:
    """Reads clips as features (T, D), some frames at a time: memory does not grow with their pixels.

    Args:
        reading: the options of decoding, as in `data.decoding.decode.Reading`.
        encoder: the graph of the frame encoder.
        pictures: whether pictures are read too, as clips of one frame.
    """

    def __init__(self, reading: dict[str, Any], encoder: Session, *, pictures: bool) -> None:
        self._how, self._encoder = Reading(**reading), encoder
        self._decoder = Decoder(pictures=pictures)

    def __call__(self, source: str) -> np.ndarray:
        size_px = self._how.size_px
        buffer = np.empty((_FRAMES_AT_ONCE, size_px, size_px, 3), np.uint8)
        features: list[np.ndarray] = []
        taken = 0

        def room() -> np.ndarray:
            nonlocal taken
            if taken == len(buffer):
                features.append(self._encoder.run({"frames": buffer})["features"])
                taken = 0
            taken += 1
            return buffer[taken - 1]

        self._decoder.read_into(Path(source), room, self._how)
        features.append(self._encoder.run({"frames": buffer[:taken]})["features"])
        return np.concatenate(features)


class VectorReader:
    """Reads arrays of numbers, files ``.npy`` of (T, C).

    Args:
        width: C.
    """

    def __init__(self, width: int) -> None:
        self._width = width

    def __call__(self, source: str) -> np.ndarray:
        try:
            steps = np.load(source, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UnreadableError(f"is no .npy file that can be read ({error})") from error
        if steps.ndim != 2 or steps.shape[1] != self._width or not len(steps):
            raise UnreadableError(f"has the shape {steps.shape}; (steps, {self._width}) is due")
        return np.ascontiguousarray(steps, np.float32)
