"""Watching of a text that comes bit by bit by a classifier of texts."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import torch
from tokenizers import Tokenizer

from data.files.encodings import check_encoding
from data.files.errors import InputError
from data.files.folders import why_no_file
from data.streams.address import Address
from data.streams.arrivals import Arrivals
from data.streams.opening import is_pipe, pipe_of
from data.streams.texts import text_blocks
from data.tokens.pieces import TextPieces, cuts_as_known
from pipelines.predict.predictor import Predictor
from pipelines.processes.signals import received_signal
from pipelines.watch.options import refuse_options, window_of
from pipelines.watch.readings import SequenceReading, StepReading, class_window
from pipelines.watch.resets import Resets, parse_resets
from pipelines.watch.sequences import Sequences
from pipelines.watch.telling import Teller

# Characters that wait at most; the source waits meanwhile.
_MOST_BYTES = 2**20
# Seconds after which a wait looks whether a signal has come.
_LOOK_SECONDS = 0.2


def watch_texts(model: Predictor, address: Address, options: Any, out: TextIO) -> int:
    """Watch by a classifier of texts; see `pipelines.watch.clips.watch_clips`."""
    refuse_options(options, "window_seconds", "stride_seconds", "overlay", "pace", because="texts")
    _require_text(address)
    if options.encoding is not None:
        check_encoding(options.encoding, option="--encoding")
    resets = parse_resets(options.reset, allowed=("quiet", "tokens", "line"))
    description = model.model.description
    tokenizer = Tokenizer.from_str(description["inputs"]["tokenizer"])
    if not resets.line and not cuts_as_known(tokenizer):
        raise InputError(
            "CKPT: its tokenizer is none of this project's, so that a part of a text may have other"
            " tokens than the whole; --reset=line reads each line as a whole"
        )
    window = window_of(options, unit="tokens")
    reading: SequenceReading = (
        StepReading(model.model, device=model.device, advice="--window_tokens=200")
        if window is None
        else class_window(
            model.model,
            device=model.device,
            keeps_features=False,
            length=window[0],
            stride=window[1],
            per_step=1.0,
        )
    )
    sequences = Sequences(
        reading,
        Teller(options.format, steps_name="tokens", out=out),
        every_seconds=options.every_seconds,
        every_steps=options.every_steps,
        most_steps=description["data"].get("max_tokens"),
        steps_name="tokens",
    )
    watch = _TextWatch(sequences, TextPieces(tokenizer), resets)
    with ExitStack() as stack:
        descriptor = stack.enter_context(pipe_of(address))
        arrivals = Arrivals(
            text_blocks(descriptor, name=address.name, encoding=options.encoding),
            num_bytes=len,
            most_bytes=_MOST_BYTES,
        )
        stack.callback(arrivals.close)
        watch.work_off(arrivals)
    return 0


def _require_text(address: Address) -> None:
    if address.kind == "pipe":
        return
    if address.kind != "file":
        raise InputError(
            f"{address.name}: is a source of video, and CKPT is a model for texts; give a text file or"
            " - (standard input)"
        )
    if not os.path.isfile(address.target) and not is_pipe(address.target):
        raise InputError(
            f"{address.name}: {why_no_file(Path(address.target))}; give a text file or - (standard"
            " input)"
        )


class _TextWatch:
    """Handling of the characters of a stream."""

    def __init__(
        self,
        sequences: Sequences,
        pieces: TextPieces,
        resets: Resets,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sequences, self._pieces, self._resets = sequences, pieces, resets
        self._clock = clock
        self._began_at = clock()

    def work_off(self, arrivals: Arrivals[str]) -> None:
        """Read what arrives, until its end or a signal."""
        ended = "interrupted"
        quiet = self._resets.quiet
        came_at = self._clock()
        while received_signal() is None:
            some = arrivals.take(64, timeout_seconds=min(_LOOK_SECONDS, quiet or _LOOK_SECONDS))
            if some is None:
                ended = "the source ended"
                break
            if some:
                came_at = self._clock()
                for text in some:
                    self._add(text)
            elif quiet is not None and self._clock() - came_at >= quiet:
                self._end(f"quiet={quiet:g}")
        self._end(ended)
        sequences = self._sequences
        print(
            f"read {sequences.num_read:,} tokens in {sequences.num_sequences:,} sequences",
            file=sys.stderr,
        )

    def _add(self, text: str) -> None:
        *lines, rest = text.split("\n") if self._resets.line else [text]
        for line in lines:
            self._pieces.hold(line)
            self._end("line")
        if self._resets.line:
            self._pieces.hold(rest)
        else:
            self._read(self._pieces.add(rest))

    def _end(self, reason: str) -> None:
        self._read(self._pieces.end())
        self._sequences.end(reason)

    def _read(self, tokens: list[int]) -> None:
        if not tokens:
            return
        seconds = self._clock() - self._began_at
        most = self._resets.tokens
        for token in self._sequences.reading.encode(torch.tensor(tokens)):
            self._sequences.read(token, seconds, place=self._sequences.num_steps + 1.0)
            if most is not None and self._sequences.num_steps >= most:
                self._sequences.end(f"tokens={most:g}")
