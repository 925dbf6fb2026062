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

    Where the model looks at the background of a clip, all its frames are kept until it is known.

    Args:
        reading: the options of decoding, as in `data.decoding.decode.Reading`.
        encoder: the graph of the frame encoder.
        pictures: whether pictures are read too, as clips of one frame.
        background_frames: see `encode_clip`.
    """

    def __init__(
        self,
        reading: dict[str, Any],
        encoder: Session,
        *,
        pictures: bool,
        background_frames: int | None = None,
    ) -> None:
        self._how, self._encoder = Reading(**reading), encoder
        self._background_frames = background_frames
        self._decoder = Decoder(pictures=pictures)

    def __call__(self, source: str) -> np.ndarray:
        if self._background_frames is not None:
            return self._read_whole(source, self._background_frames)
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

    def _read_whole(self, source: str, background_frames: int) -> np.ndarray:
        frames: list[np.ndarray] = []

        def room() -> np.ndarray:
            frames.append(np.empty((self._how.size_px, self._how.size_px, 3), np.uint8))
            return frames[-1]

        num_frames = len(self._decoder.read_into(Path(source), room, self._how))
        kept = np.stack(frames[:num_frames])
        return encode_clip(self._encoder, kept, background_frames=background_frames)


def encode_clip(
    encoder: Session, frames: np.ndarray, *, background_frames: int | None = None
) -> np.ndarray:
    """Encode the frames (T, S, S, 3) of one clip → (T, D).

    Args:
        encoder: the graph of the frame encoder.
        frames: the frames.
        background_frames: the most frames, evenly spread, whose median is the clip's background;
            None: the model does not look at that.
    """
    given: dict[str, np.ndarray] = {}
    if background_frames is not None:
        some, last = frames, background_frames - 1
        if len(frames) > background_frames:
            some = frames[[k * (len(frames) - 1) // last for k in range(background_frames)]]
        # The median of an even number of frames is the mean of the two in the middle, rounded down.
        given["background"] = np.median(some, axis=0).astype(np.uint8)
    features = [
        encoder.run({"frames": some, **given})["features"]
        for some in np.split(frames, range(_FRAMES_AT_ONCE, len(frames), _FRAMES_AT_ONCE))
    ]
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
