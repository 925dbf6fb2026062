"""Exact decoding of the wanted frames of a file, and of as few others as possible.

Decoding starts at the last key frame at or before a wanted frame, and goes on until that frame comes
out. B-frames that are displayed before a key frame and stored behind it belong to the group before:
they are never wanted from that key frame on.
"""

from collections.abc import Callable, Iterator

import av
import numpy as np

from data.decoding.packets import REPORT_EVERY, Packets, time_of
from data.decoding.probe import Probe

# The least number of frames to skip by a seek: shorter ways are decoded, since seeks cost time.
MIN_SKIP = 8

# Number of frames before a key frame to seek to: in MPEG transport streams a seek may overshoot.
_BACK = (0, 8, 64)

# Codecs whose non-reference pictures can be skipped safely.
_SKIPS_NON_REFERENCES = ("h264", "mpeg1video", "mpeg2video", "mpeg4")


class SeekError(Exception):
    """A seek to a wrong position, or a wanted frame that did not come out."""


def decode_at(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    found: Probe,
    wanted: np.ndarray,
    *,
    may_seek: bool = True,
    progress: Callable[[int], object] = lambda _: None,
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Decode wanted frames of a newly opened file, each with its index in `Probe.pts`.

    Args:
        container, stream: results of `open_video`.
        found: probe of the same file.
        wanted: (T,) ascending indices.
        may_seek: whether to seek over unwanted frames.
        progress: called from time to time with the number of unwanted frames decoded since.

    Raises:
        SeekError: only with ``may_seek``; the frames before it are right.
    """
    if not found.times_are_exact:
        yield from _by_counting(container, stream, wanted, progress)
        return
    run = _Run(container, stream, found, wanted)
    while run.left:
        key = run.key_before_next()
        # Seek if that skips enough frames.
        if may_seek and key > run.place + MIN_SKIP:
            packets = run.packets_from(key)
        elif run.place < 0:
            packets = iter(Packets(container, stream))
        yield from run.decode(packets, may_seek=may_seek)
        if not may_seek:
            return


class _Run:
    """One pass through a file, from wanted frame to wanted frame."""

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        found: Probe,
        wanted: np.ndarray,
    ) -> None:
        self.container, self.stream, self.found = container, stream, found
        self.left = wanted.tolist()[::-1]
        self.place = -1
        self._wanted_pts = set(found.pts[wanted].tolist())
        # A field may be a packet of its own, whose time differs from that of the frame.
        codec = stream.codec_context.name
        self._skips = codec in _SKIPS_NON_REFERENCES and not found.has_fields

    def key_before_next(self) -> int:
        """Index of the last key frame at or before the next wanted frame; -1 if there is none."""
        at = int(np.searchsorted(self.found.keyframes, self.left[-1], side="right")) - 1
        return int(self.found.keyframes[at]) if at >= 0 else -1

    def packets_from(self, key: int) -> Iterator[av.Packet]:
        """Seek to a key frame, and return the packets from there on."""
        wanted = self.found.pts[key]
        for back in _BACK:
            try:
                self.container.seek(int(self.found.pts[max(key - back, 0)]), stream=self.stream)
            except (av.FFmpegError, OSError) as error:
                raise SeekError from error
            packets = iter(Packets(self.container, self.stream))
            for packet in packets:
                if not packet.is_keyframe or packet.size == 0:
                    continue
                if (time := time_of(packet)) == wanted:
                    self.place = key - 1
                    return _chain(packet, packets)
                if time is None or time > wanted:
                    break
        raise SeekError

    def decode(
        self, packets: Iterator[av.Packet], *, may_seek: bool
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield wanted frames, until the next one is better reached by a seek."""
        for packet in packets:
            if self._skips:
                wants = packet.size == 0 or time_of(packet) in self._wanted_pts
                self.stream.codec_context.skip_frame = "DEFAULT" if wants else "NONREF"
            try:
                frames = packet.decode()
            except (av.FFmpegError, OSError, ValueError):
                continue
            for frame in frames:
                yield from self._take(frame, may_seek=may_seek)
                if not self.left:
                    return
            if may_seek and self.key_before_next() > self.place + MIN_SKIP:
                return
        if may_seek and self.left:
            raise SeekError
        self.left = []

    def _take(self, frame: av.VideoFrame, *, may_seek: bool) -> Iterator[tuple[int, av.VideoFrame]]:
        if frame.pts is None:
            return
        pts = self.found.pts
        self.place = max(self.place, int(np.searchsorted(pts, frame.pts)))
        while self.left and pts[self.left[-1]] <= frame.pts:
            place = self.left.pop()
            if pts[place] == frame.pts:
                yield place, frame
            elif may_seek:
                raise SeekError


def _by_counting(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    wanted: np.ndarray,
    progress: Callable[[int], object],
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Decode wanted frames by counting, for files whose frames do not carry exact times."""
    left = set(wanted.tolist())
    place = 0
    for packet in Packets(container, stream):
        try:
            frames = packet.decode()
        except (av.FFmpegError, OSError, ValueError):
            continue
        for frame in frames:
            if place in left:
                left.remove(place)
                yield place, frame
            place += 1
            if place % REPORT_EVERY == 0:
                progress(REPORT_EVERY)
        if not left:
            return


def _chain(first: av.Packet, rest: Iterator[av.Packet]) -> Iterator[av.Packet]:
    yield first
    yield from rest
