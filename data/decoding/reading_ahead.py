"""Clips decoded ahead by several decoders, and returned in order.

T frames read · S their height and width
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Condition, Thread
from typing import NamedTuple

import numpy as np

from data.decoding.decode import Frames, Reading
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError
from data.decoding.sampling import WHOLE, Section

_FIRST_FRAMES = 64
# The most memory for decoded clips that wait, without the last clip of each decoder.
_AHEAD_BYTES = 2**30


class ReadClip(NamedTuple):
    """Result of reading a clip."""

    path: Path
    frames: Frames | None
    """None for a clip that could not be read."""
    problem: str | None
    """Reason that it could not be read."""


class ClipReader:
    """Reader of clips with several decoder processes (see `data.decoding.isolation`).

    The processes stay for the next call. Memory depends on the frames that wait, and not on the
    number of clips.

    Args:
        how: options of decoding.
        limit_seconds: time limit of a clip (see `Decoder`).
        num_workers: the most decoders.
        frames_ahead: number of waiting frames from which on no further clip is begun.
        pictures: see `Decoder`.
    """

    def __init__(
        self,
        how: Reading,
        *,
        limit_seconds: float,
        num_workers: int,
        frames_ahead: int,
        pictures: bool = False,
    ) -> None:
        self.how, self.num_workers = how, num_workers
        most = max(_AHEAD_BYTES // (how.size_px**2 * 3), 1)
        self.frames_ahead = min(frames_ahead, most)
        self._limit_seconds, self._pictures = limit_seconds, pictures
        self._idle: list[Decoder] = []

    def __call__(
        self, paths: Sequence[Path], sections: Sequence[Section] | None = None
    ) -> Iterator[ReadClip]:
        """Yield every clip in order; those that cannot be read carry the reason.

        Args:
            paths: the files.
            sections: the section of each file that is the clip; None: the whole files.
        """
        sections = [WHOLE] * len(paths) if sections is None else sections
        queue = _Queue(list(zip(paths, sections, strict=True)), self.frames_ahead)
        for _ in range(min(self.num_workers, len(paths))):
            # Daemon threads end with the process, even within a clip.
            Thread(target=self._work, args=(queue,), daemon=True).start()
        try:
            yield from queue.results()
        finally:
            queue.stop()

    def _work(self, queue: "_Queue") -> None:
        try:
            decoder = self._idle.pop()
        except IndexError:
            decoder = Decoder(limit_seconds=self._limit_seconds, pictures=self._pictures)
        while (taken := queue.take()) is not None:
            place, (path, section) = taken
            try:
                queue.put(place, self._read(decoder, path, section))
            except Exception as error:  # raised again where the clip is waited for
                queue.put(place, error)
        if len(self._idle) < self.num_workers:
            self._idle.append(decoder)
        else:
            decoder.close()

    def _read(self, decoder: Decoder, path: Path, section: Section) -> ReadClip:
        room = _Room(self.how.size_px)
        try:
            seconds = decoder.read_into(path, room, self.how, section=section)
        except UnreadableError as error:
            return ReadClip(path, None, str(error))
        pixels = room.pixels[: len(seconds)].transpose(0, 3, 1, 2)
        return ReadClip(path, Frames(pixels, seconds), None)


class _Queue:
    """Queue that hands out clips in order and returns their results in the same order.

    No clip is handed out while enough results wait. The clip that the caller waits for was then
    handed out before all of these, so there is no deadlock.
    """

    def __init__(self, clips: Sequence[tuple[Path, Section]], frames_ahead: int) -> None:
        self._clips, self._frames_ahead = clips, frames_ahead
        self._num_taken = self._num_ready = 0
        self._ready: dict[int, ReadClip | Exception] = {}
        self._is_stopped = False
        self._changed = Condition()

    def take(self) -> tuple[int, tuple[Path, Section]] | None:
        """Take the next clip and its place; None when there is no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._num_ready < self._frames_ahead)
            if self._is_stopped or self._num_taken == len(self._clips):
                return None
            self._num_taken += 1
            return self._num_taken - 1, self._clips[self._num_taken - 1]

    def put(self, place: int, found: ReadClip | Exception) -> None:
        """Add the result of the clip at a place."""
        with self._changed:
            if not self._is_stopped:
                self._ready[place] = found
                self._num_ready += _num_frames(found)
                self._changed.notify_all()

    def results(self) -> Iterator[ReadClip]:
        """Yield the results in order, each as soon as it is there."""
        for place in range(len(self._clips)):
            with self._changed:
                while place not in self._ready:
                    self._changed.wait()
                found = self._ready.pop(place)
                self._num_ready -= _num_frames(found)
                self._changed.notify_all()
            if isinstance(found, Exception):
                raise found
            yield found

    def stop(self) -> None:
        """Stop handing out clips."""
        with self._changed:
            self._is_stopped = True
            self._ready.clear()
            self._changed.notify_all()


def _num_frames(found: ReadClip | Exception) -> int:
    if isinstance(found, Exception) or found.frames is None:
        return 0
    return len(found.frames.seconds)


class _Room:
    """Room in an array that doubles when it is full."""

    def __init__(self, size_px: int) -> None:
        self.pixels = np.empty((_FIRST_FRAMES, size_px, size_px, 3), np.uint8)
        self._num_taken = 0

    def __call__(self) -> np.ndarray:
        if self._num_taken == len(self.pixels):
            self.pixels = np.concatenate([self.pixels, np.empty_like(self.pixels)])
        self._num_taken += 1
        return self.pixels[self._num_taken - 1]
