"""Reading the frames of a video file with PyAV: all of them, or those that a rule takes.

T frames read · S their height and width
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from data.decoding.frame_times import seconds_of
from data.decoding.opening import UnreadableError, open_video, pixel_aspect
from data.decoding.packets import Census, Packets, decode
from data.decoding.probe import Given, Probe, probe, when_shown
from data.decoding.sampling import WHOLE, Section, parse_sampling, within
from data.decoding.scaling import Fit, FrameScaler, Interpolation
from data.decoding.seeking import SeekError, decode_at

_FIRST_BYTES = 2**28

Room = Callable[[], np.ndarray]
"""Gives room for one more frame, (S, S, 3) uint8, each time it is called."""


class Frames(NamedTuple):
    """Frames of a clip, in the order in which they are shown."""

    pixels: np.ndarray
    """(T, 3, S, S) uint8, RGB; in memory the channels lie last."""
    seconds: np.ndarray
    """(T,) float64: when each is shown, from the file's first frame on."""


class Reading(NamedTuple):
    """How a clip is read: all that decides which pixels come out, as plain values.

    `size_px` S; `fit` and `interpolation`: see `data.decoding.scaling.FrameScaler`; `frames`: ``all``,
    ``every=k``, ``fps=r`` or ``count=n``, see `data.decoding.sampling`; `max_frames`: the most that
    are read, None for no limit; `min_share`: the least share of the frames wanted that must be decoded.
    """

    size_px: int
    fit: Fit = "crop"
    interpolation: Interpolation = "area"
    frames: str = "all"
    max_frames: int | None = None
    min_share: float = 0.5


def read_frames(
    path: Path | str,
    *,
    section: Section = WHOLE,
    found: Probe | None = None,
    **reading: object,
) -> Frames:
    """Decode a clip, or the frames of it that a rule takes.

    Args:
        path: a local video file.
        section: the part of the file that is the clip.
        found: what `probe` said of the file, where that is known already.
        reading: the fields of `Reading`.

    Raises:
        UnreadableError: no video, no frame in the section, or too few could be decoded. Damage
            within the stream costs the packets it hits; decoding goes on behind it.
    """
    how = Reading(**reading)  # type: ignore[arg-type]
    room = _GrowingRoom(how.size_px)
    seconds = decode_into(path, room, how, section=section, found=found)
    return Frames(room.pixels[: len(seconds)].transpose(0, 3, 1, 2), seconds)


def wanted_frames(found: Probe, how: Reading, section: Section = WHOLE) -> np.ndarray:
    """(T,) int64: which of a file's frames are to be read, by their place in `Probe.pts`.

    Raises:
        UnreadableError: there is no frame in the section.
    """
    inside = within(found.seconds, *section)
    if len(inside) == 0:
        start, end = section
        until = "the end" if end is None else f"{end:g} s"
        raise UnreadableError(
            f"no frame between {start or 0:g} s and {until}: it lasts {found.duration_seconds:.2f} s"
        )
    taken = parse_sampling(how.frames)(found.seconds[inside])
    return inside[taken]


def decode_into(
    path: Path | str,
    room: Room,
    how: Reading,
    *,
    section: Section = WHOLE,
    found: Probe | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> np.ndarray:
    """As `read_frames`, but each frame goes where ``room`` says; returns the ``seconds``.

    ``progress`` is told, from time to time, how many more frames were decoded beside those wanted.
    """
    if how.frames == "all" and section == WHOLE:
        return _decode_all(path, room, how)
    found = found or probe(path, progress=progress)
    wanted = wanted_frames(found, how, section)
    wanted = wanted[: how.max_frames]
    decoded: list[int] = []
    may_seek = True
    while True:
        try:
            with open_video(path) as (container, stream):
                draw = _scaler(how, stream)
                rest = wanted[len(decoded) :] if not decoded else wanted[wanted > decoded[-1]]
                frames = decode_at(
                    container, stream, found, rest, may_seek=may_seek, progress=progress
                )
                for place, frame in frames:
                    draw(frame, room())
                    decoded.append(place)
            break
        except SeekError:
            # Not every container can seek, nor every key frame be decoded from: start over.
            may_seek = False
    _check_share(len(decoded), len(wanted), how, None)
    return found.seconds[decoded]


def _decode_all(path: Path | str, room: Room, how: Reading) -> np.ndarray:
    """Every frame of a file, in one go and with no scan before it."""
    limit = np.inf if how.max_frames is None else how.max_frames
    given = Given()
    with open_video(path) as (container, stream):
        draw = _scaler(how, stream)
        packets = _Counted(container, stream)
        for frame in decode(packets, packets.faults):
            draw(frame, room())
            given.add(frame)
            packets.census.look_at(frame)
            if len(given.pts) >= limit:
                break
        is_certain, times = packets.census.is_certain, given.times(stream)
        num_frames = len(given.pts)
        if num_frames < limit:
            # Where packets do not tell, those that fail do.
            counted = num_frames + len(packets.faults)
            wanted = len(packets.census.times) if is_certain else counted
            _check_share(num_frames, wanted, how, packets.faults)
        if times.are_exact or not is_certain:
            return seconds_of(times.pts, times.time_base)
        shown, time_base = when_shown(packets.census.times, stream)
    # Frames come in order though their times do not: those of the packets, put in order.
    pts = np.array([*np.sort(shown), *[shown.max()] * num_frames][:num_frames], np.int64)
    return seconds_of(pts, time_base)


class _Counted:
    """Packets, and what they say of the frames that they should give."""

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._packets = Packets(container, stream)
        self.census = Census(stream)
        self.faults: list[str] = []

    def __iter__(self) -> Iterator[av.Packet]:
        for packet in self._packets:
            self.census.add(packet)
            yield packet
        if self._packets.last_fault:
            self.faults.append(self._packets.last_fault)


class _GrowingRoom:
    """Room in an array that doubles when it is full.

    Memory that is never written to is never taken, so that much is asked for at first.
    """

    def __init__(self, size_px: int) -> None:
        num_frames = max(_FIRST_BYTES // (size_px * size_px * 3), 1)
        self.pixels = np.empty((num_frames, size_px, size_px, 3), np.uint8)
        self._taken = 0

    def __call__(self) -> np.ndarray:
        if self._taken == len(self.pixels):
            self.pixels = np.concatenate([self.pixels, np.empty_like(self.pixels)])
        self._taken += 1
        return self.pixels[self._taken - 1]


def _scaler(how: Reading, stream: av.VideoStream) -> FrameScaler:
    return FrameScaler(
        size_px=how.size_px,
        fit=how.fit,
        interpolation=how.interpolation,
        pixel_aspect=pixel_aspect(stream),
    )


def _check_share(decoded: int, wanted: int, how: Reading, faults: list[str] | None) -> None:
    if decoded == 0:
        raise UnreadableError(faults[-1] if faults else "no frame could be decoded")
    if decoded < how.min_share * wanted:
        raise UnreadableError(
            f"only {decoded} of {wanted} frames could be decoded"
            f" ({decoded / wanted:.0%}; at least {how.min_share:.0%} are asked for)"
        )
