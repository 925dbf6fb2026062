"""Watching of a video stream by a classifier of clips, or by a captioner.

S height and width of a frame
"""

import logging
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from data.decoding.decode import Reading
from data.decoding.opening import UnreadableError
from data.files.errors import InputError
from data.streams.address import Address
from data.streams.arrivals import Arrivals
from data.streams.choosing import refuse_whole_clip
from data.streams.frames import Connected, Frame, Happening, Lost, StreamFrames, pause_after
from models.encoders.words import Encoder
from pipelines.predict.predictor import Predictor
from pipelines.predict.writing.captioner import Captioner
from pipelines.processes.signals import received_signal
from pipelines.watch.options import refuse_options, window_of
from pipelines.watch.readings import (
    SequenceReading,
    StepReading,
    caption_window,
    class_window,
)
from pipelines.watch.resets import Resets, Stillness, parse_resets
from pipelines.watch.segments import Segments
from pipelines.watch.sequences import Sequences
from pipelines.watch.telling import Teller

log = logging.getLogger(__name__)

# Seconds after which a wait looks whether a signal has come.
_LOOK_SECONDS = 0.2
# More than the rounding error of sums of floats.
_ROUNDING_SECONDS = 1e-6


def watch_clips(model: Predictor, address: Address, options: Any, out: TextIO) -> int:
    """Watch by a classifier of clips.

    Args:
        model: the classifier.
        address: the source.
        options: those of the command.
        out: where lines go.

    Returns:
        the exit code.
    """
    window = window_of(options, unit="seconds")
    if window is None:
        reading: SequenceReading = StepReading(
            model.model, device=model.device, advice="--window_seconds=10"
        )
    else:
        encoder = model.model.model.encoder
        reading = class_window(
            model.model,
            device=model.device,
            keeps_features=encoder.looks_back == 0 and not encoder.looks_ahead,
            length=window[0],
            stride=window[1],
        )
    encoder = model.model.model.encoders[0]
    description = model.model.description
    return _watch(reading, description, encoder, address, options, out, classes=model.classes)


def watch_captions(model: Captioner, address: Address, options: Any, out: TextIO) -> int:
    """Watch by a captioner, whose captions are of windows; see `watch_clips`."""
    window = window_of(options, unit="seconds")
    if window is None:
        raise InputError(
            "CKPT: a captioner writes of what it has read to the end; read windows of it by"
            " --window_seconds=10 --stride_seconds=5"
        )
    if options.overlay is not None:
        raise InputError("--overlay draws classes, and CKPT is a captioner; leave it out")
    reading = caption_window(model, length=window[0], stride=window[1])
    encoder = model.model.model.source.encoder
    return _watch(reading, model.model.description, encoder, address, options, out, classes=[])


def _watch(
    reading: SequenceReading,
    description: dict[str, Any],
    encoder: Encoder,
    address: Address,
    options: Any,
    out: TextIO,
    *,
    classes: list[str],
) -> int:
    refuse_options(options, "window_tokens", "stride_tokens", "encoding", because="clips")
    resets = parse_resets(options.reset, allowed=("seconds", "quiet"))
    how = Reading.among(description["data"] | description["inputs"])
    refuse_whole_clip(how.frames)
    sequences = Sequences(
        reading,
        Teller(options.format, steps_name="frames", out=out),
        every_seconds=options.every_seconds,
        every_steps=options.every_steps,
        most_steps=how.max_frames,
        steps_name="frames",
    )
    frames = StreamFrames(
        address,
        how,
        keeps_pictures=options.overlay is not None,
        paces=options.pace,
        timeout_seconds=options.timeout_seconds,
        most_reopened=options.reopen,
        pause=pause_after,
    )
    watch = _ClipWatch(sequences, resets, quiet_level=options.quiet_level)
    with ExitStack() as stack:
        if options.overlay is not None:
            watch.segments = stack.enter_context(
                Segments(Path(options.overlay), seconds=options.segment_seconds, classes=classes)
            )
        arrivals = Arrivals(
            iter(frames),
            num_bytes=lambda one: one.num_bytes if isinstance(one, Frame) else 0,
            may_drop=watch.may_drop,
            late_seconds=options.late_seconds,
        )
        stack.callback(arrivals.close)
        stack.callback(frames.stop)
        # As many as the encoder takes at once.
        most: Any = getattr(encoder, "chunk_size", None) or getattr(encoder, "cpu_chunk_size", 1)
        try:
            watch.work_off(arrivals, most=most)
        except UnreadableError as error:
            raise InputError(f"{address.name}: {error}") from error
    return watch.exit_code


class _ClipWatch:
    """Handling of the frames of a stream."""

    def __init__(self, sequences: Sequences, resets: Resets, *, quiet_level: float) -> None:
        self._sequences, self._resets = sequences, resets
        self._stillness = Stillness(quiet_level)
        self._is_still = False
        self._drops = False
        self._num_reopened = 0
        self._arrivals: Arrivals[Happening]
        self.segments: Segments | None = None
        #: 1 where the source was lost for good
        self.exit_code = 0

    def may_drop(self, one: Happening) -> bool:
        """Whether an event may be dropped; asked by the thread that reads."""
        if isinstance(one, Connected):
            self._drops = one.may_drop
        return self._drops and isinstance(one, Frame)

    def work_off(self, arrivals: Arrivals[Happening], *, most: int) -> None:
        """Read what arrives, until its end or a signal."""
        ended = "the source ended"
        try:
            while received_signal() is None:
                some = arrivals.take(most, timeout_seconds=_LOOK_SECONDS)
                if some is None:
                    break
                self._sequences.num_dropped = arrivals.num_dropped
                self._together(some)
            else:
                ended = "interrupted"
        finally:
            self._sequences.num_dropped = arrivals.num_dropped
        self._sequences.end(ended)
        print(self._summary(arrivals.num_dropped), file=sys.stderr)

    def _together(self, some: list[Happening]) -> None:
        """Read what came together: frames are encoded together, and read one by one."""
        pixels = [one.pixels for one in some if isinstance(one, Frame) and one.pixels is not None]
        if pixels:
            steps = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
            encoded = iter(self._sequences.reading.encode(steps))
        for one in some:
            if isinstance(one, Frame):
                if one.pixels is not None:
                    self._reset_before(one.pixels, one.seconds)
                    self._sequences.read(next(encoded), one.seconds, place=one.seconds)
                if self.segments is not None and one.picture is not None:
                    self.segments.add(one.picture, one.seconds, self._sequences.answer())
            elif isinstance(one, Lost):
                self._lost(one)
            else:
                self._connected(one)

    def _reset_before(self, pixels: np.ndarray, seconds: float) -> None:
        sequences, resets = self._sequences, self._resets
        lasts = seconds - sequences.began_at
        if resets.seconds is not None and lasts >= resets.seconds - _ROUNDING_SECONDS:
            sequences.end(f"seconds={resets.seconds:g}")
        if resets.quiet is None:
            return
        stands = self._stillness.seconds(pixels, seconds)
        is_still = stands >= resets.quiet - _ROUNDING_SECONDS
        # Once for each time that the picture stands still.
        if is_still and not self._is_still:
            sequences.end(f"quiet={resets.quiet:g}")
        self._is_still = is_still

    def _lost(self, one: Lost) -> None:
        self._sequences.end("the source was lost")
        if one.pause_seconds is None:
            log.warning("the source was lost (%s), and is given up (--reopen)", one.reason)
            self.exit_code = 1
        else:
            log.warning(
                "the source was lost (%s); it is opened again in %g s",
                one.reason,
                one.pause_seconds,
            )

    def _connected(self, one: Connected) -> None:
        if one.is_again:
            self._num_reopened += 1
            log.warning("the source is open again; a new sequence begins")
        if self.segments is not None:
            self.segments.connect(one.pixel_aspect)

    def _summary(self, num_dropped: int) -> str:
        sequences = self._sequences
        told = f"read {sequences.num_read:,} frames in {sequences.num_sequences:,} sequences"
        return f"{told}; dropped {num_dropped:,}; opened again {self._num_reopened:,} times"
