"""Specimens: a text or a clip, prepared for a trained recurrence whose states are recorded.

T steps · D features · S height and width of a frame
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from data.decoding.decode import Reading, read_frames
from data.decoding.probe import UnreadableError
from data.files.encodings import read_text, typed_text
from data.files.errors import InputError
from data.files.folders import why_no_file
from data.plain_text.content import clean
from data.running_text.documents import pieces
from models.encoders.words import Encoder
from models.recurrence.recurrences import Recurrence
from models.recurrence.traces import cells_of
from models.sequence.classifier import Classifier
from models.sequence.many_to_one import ManyToOne
from pipelines.microscope.tracks import Syntax, Track, frame_tracks, guess_syntax, text_tracks
from pipelines.tasks.next_token import NextToken
from pipelines.tasks.text_checkpoints import tokenizer_of

# Number of steps that are encoded and read at a time.
STEPS_AT_ONCE = 2048
# Memory limit for the states of all steps: a larger model reads fewer of them.
_STATE_BYTES = 2**30
_PIECE_CHARACTERS = 10_000


class Cut(NamedTuple):
    """Text cut into steps."""

    text: str
    """Part of the text that is read."""
    tokens: np.ndarray
    """(T,) int64"""
    starts: np.ndarray
    """(T,) int64: index of the first character of each step."""
    ends: np.ndarray
    """(T,) int64: index behind the last character of each step."""
    is_whole: bool
    """True if the steps reach the end of the text."""


class Specimen(NamedTuple):
    """Input, the recurrence that reads it, and the tracks of its steps."""

    source: str
    recurrence: Recurrence
    inputs: Callable[[], Iterator[Tensor]]
    """Iterates over the recurrence's inputs (T, D), in pieces from the first to the last."""
    num_steps: int
    step: str
    """Unit of a step: ``character``, ``token`` (a word, or a part of one) or ``frame``."""
    is_whole: bool
    """True if the input is read to its end."""
    tracks: list[Track]
    syntax: Syntax | None = None
    cut: Cut | None = None
    """Only for a text."""
    pixels: np.ndarray | None = None
    """(T, 3, S, S) uint8, only for a clip."""


def language_specimen(
    task: NextToken, text: str, *, source: str, most: int, syntax: Syntax | None
) -> Specimen:
    """Prepare a text for a language model that starts from a zero state.

    Args:
        task: the language model.
        text: the text to read.
        source: name of the text; its suffix tells the syntax where ``syntax`` is None.
        most: the largest number of steps to read.
        syntax: syntax of the text; None: it is guessed.
    """
    cut = cut_text(tokenizer_of(task), text, most=_affordable(task.model.recurrence, most))
    steps = torch.from_numpy(cut.tokens)

    def inputs() -> Iterator[Tensor]:
        yield from (task.model.encoder(piece) for piece in steps.split(STEPS_AT_ONCE))

    return _of_text(cut, task.model.recurrence, inputs, source, syntax)


def text_specimen(
    model: Classifier,
    text: str,
    *,
    member: int,
    source: str,
    most: int,
    syntax: Syntax | None,
) -> Specimen:
    """Prepare a text for one member of a classifier; see `language_specimen`."""
    reader = _member(model, member)
    tokenizer = Tokenizer.from_str(model.description["inputs"]["tokenizer"])
    cut = cut_text(tokenizer, text, most=_affordable(reader.recurrence, most))
    steps = torch.from_numpy(cut.tokens)
    return _of_text(cut, reader.recurrence, _inputs_of(reader, steps), source, syntax)


def video_specimen(model: Classifier, path: Path, *, member: int, most: int) -> Specimen:
    """Prepare a clip for one member of a classifier, with frames read as in its training."""
    reader = _member(model, member)
    if not os.path.isfile(path):
        raise InputError(f"INPUT={path}: {why_no_file(path)}; give a video file")
    reading = Reading.among(model.description["inputs"])
    most = min(_affordable(reader.recurrence, most), reading.max_frames or most)
    try:
        # One frame beyond the limit tells whether the clip goes on.
        frames = read_frames(path, **reading._replace(max_frames=most + 1)._asdict()).pixels
    except UnreadableError as error:
        raise InputError(f"INPUT={path}: {error}; give a video file that plays") from error
    pixels = np.ascontiguousarray(frames[:most])
    steps = torch.from_numpy(pixels)
    return Specimen(
        source=path.name,
        recurrence=reader.recurrence,
        inputs=_inputs_of(reader, steps),
        num_steps=len(pixels),
        step="frame",
        is_whole=len(frames) <= most,
        tracks=frame_tracks(pixels),
        pixels=pixels,
    )


def text_of(text: str | None, path: str | None) -> tuple[str, str]:
    """Read the given text, and name its source.

    Raises:
        InputError: neither or both are given; the file does not exist or holds no text.
    """
    if (text is None) == (path is None):
        given = "both were given" if text is not None else "neither was given"
        raise InputError(f'INPUT=file or TEXT="…": {given}; give one of them')
    if path is None:
        assert text is not None
        return clean(typed_text(text, option="TEXT")), "the text given"
    file = Path(path)
    if not os.path.isfile(file):
        raise InputError(f"INPUT={path}: {why_no_file(file)}; give a text file")
    found = clean(read_text(file, option=None))
    if "\0" in found:
        raise InputError(f"INPUT={path}: holds no text (a zero byte in it); give a text file")
    return found, file.name


def cut_text(tokenizer: Tokenizer, text: str, *, most: int) -> Cut:
    """Cut a text into at most ``most`` steps, and find their positions in it.

    Raises:
        InputError: the text has no step.
    """
    tokens: list[int] = []
    spans: list[tuple[int, int]] = []
    before = 0
    for piece, _ in pieces([text], num_characters=_PIECE_CHARACTERS):
        encoded = tokenizer.encode(piece)
        tokens += encoded.ids
        spans += [(before + start, before + end) for start, end in encoded.offsets]
        before += len(piece)
        if len(tokens) > most:
            break
    if not tokens:
        raise InputError(
            "INPUT or TEXT: holds nothing that the model reads; give a text with words"
        )
    starts, ends = np.array(spans[:most], np.int64).T
    # A tokenizer of bytes may split a character: each of its bytes spans the whole character.
    ends = np.maximum.accumulate(np.maximum(ends, starts + 1))
    is_whole = len(tokens) <= most
    return Cut(
        text if is_whole else text[: ends[-1]], np.array(tokens[:most], np.int64), starts, ends,
        is_whole,
    )  # fmt: skip


def _of_text(
    cut: Cut,
    recurrence: Recurrence,
    inputs: Callable[[], Iterator[Tensor]],
    source: str,
    syntax: Syntax | None,
) -> Specimen:
    syntax = syntax or guess_syntax(cut.text, source)
    return Specimen(
        source=source,
        recurrence=recurrence,
        inputs=inputs,
        num_steps=len(cut.tokens),
        step="character" if (cut.ends - cut.starts).max() == 1 else "token",
        is_whole=cut.is_whole,
        tracks=text_tracks(cut.text, cut.ends, syntax),
        syntax=syntax,
        cut=cut,
    )


def _member(model: Classifier, member: int) -> ManyToOne:
    if not 0 <= member < len(model.members):
        raise InputError(
            f"--member={member}: the model has {len(model.members)}; give 0 to"
            f" {len(model.members) - 1}"
        )
    reader = model.members[member]
    if not reader.recurrence.state_names:
        raise InputError(f"--member={member}: it has no memory to look at; give another")
    return reader


def _inputs_of(reader: ManyToOne, steps: Tensor) -> Callable[[], Iterator[Tensor]]:
    """Make the inputs of a classifier's recurrence from steps (T, …), in pieces if each stands alone."""

    def inputs() -> Iterator[Tensor]:
        encoded = _encoded(reader.encoder, steps)
        if reader.inputs is None:
            yield from map(reader.chosen, encoded)
        else:
            yield reader.read_from(torch.cat(list(encoded)), torch.tensor([len(steps)]))

    return inputs


def _encoded(encoder: Encoder, steps: Tensor) -> Iterator[Tensor]:
    """Encode one sequence: features (T, D), in pieces from the first to the last."""
    if encoder.looks_ahead:
        yield encoder.encode_ragged(steps, torch.tensor([len(steps)]))
        return
    for start in range(0, len(steps), STEPS_AT_ONCE):
        # An encoder that looks back needs the steps before the piece; their features are dropped.
        first = max(start - encoder.looks_back, 0)
        piece = steps[first : start + STEPS_AT_ONCE]
        yield encoder.encode_ragged(piece, torch.tensor([len(piece)]))[start - first :]


def _affordable(recurrence: Recurrence, most: int) -> int:
    step_bytes = sum(4 * len(cell.state_names) * cell.hidden_size for cell in cells_of(recurrence))
    return max(min(most, _STATE_BYTES // step_bytes), 1)
