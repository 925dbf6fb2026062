"""Decoding of video files with PyAV: all frames, or those that a sampling rule chooses.

T frames read · S their height and width
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from data.decoding.frame_times import seconds_of
from data.decoding.opening import UnreadableError, open_video, pixel_aspect
from data.decoding.packets import Census, Packets, decode
from data.decoding.probe import Given, Probe, probe, when_shown
from data.decoding.sampling import WHOLE, Section, parse_sampling, within
from data.decoding.scaling import Fit, FrameScaler, Interpolation
from data.decoding.seeking import SeekError, decode_at
from data.files.errors import InputError

_FIRST_BYTES = 2**28

Room = Callable[[], np.ndarray]
"""Function that returns memory for one more frame, (S, S, 3) uint8, at each call."""


class Frames(NamedTuple):
    """Frames of a clip, in the order of presentation."""

    pixels: np.ndarray
    """(T, 3, S, S) uint8, RGB, channels last in memory."""
    seconds: np.ndarray
    """(T,) float64: presentation times, counted from the file's first frame."""


class Reading(NamedTuple):
    """Options of decoding that determine the pixels, as plain values.

    Attributes:
        size_px: S.
        fit, interpolation: see `data.decoding.scaling.FrameScaler`.
        frames: ``all``, ``every=k``, ``fps=r`` or ``count=n`` (see `data.decoding.sampling`).
        max_frames: the most frames to read; None for no limit.
        min_share: the least share of the wanted frames that must be decoded.
    """

    size_px: int
    fit: Fit = "crop"
    interpolation: Interpolation = "area"
    frames: str = "all"
    max_frames: int | None = None
    min_share: float = 0.5

    @classmethod
    def among(cls, values: Mapping[str, Any]) -> "Reading":
        """Options of decoding from the values of a checkpoint (see `VideoDataModule.describe`)."""
        return cls(**{name: values[name] for name in cls._fields if name in values})


def check_reading(reading: Reading, *, limit_seconds: float) -> None:
    """See that options of the data can be met.

    Raises:
        InputError: one cannot.
    """
    if reading.max_frames is not None and reading.max_frames < 1:
        raise InputError(f"--data.max_frames={reading.max_frames}: at least 1, or null to read all")
    if not 0 <= reading.min_share <= 1:
        raise InputError(f"--data.min_share={reading.min_share}: allowed are numbers from 0 to 1")
    if limit_seconds <= 0:
        raise InputError(f"--data.limit_seconds={limit_seconds}: a number above 0 is needed")
    parse_sampling(reading.frames)


def read_frames(
    path: Path | str,
    *,
    section: Section = WHOLE,
    found: Probe | None = None,
    **reading: object,
) -> Frames:
    """Decode a clip.

    Args:
        path: path of a local video file.
        section: section of the file that is the clip.
        found: result of `probe`, if it is known already.
        reading: fields of `Reading`.

    Raises:
        UnreadableError: no video, no frame in the section, or too few decoded frames. Damage within
            the stream costs the packets that it hits; decoding goes on behind it.
    """
    how = Reading(**reading)  # type: ignore[arg-type]
    room = _GrowingRoom(how.size_px)
    seconds = decode_into(path, room, how, section=section, found=found)
    return Frames(room.pixels[: len(seconds)].transpose(0, 3, 1, 2), seconds)


def wanted_frames(found: Probe, how: Reading, section: Section = WHOLE) -> np.ndarray:
    """Choose the frames to read: (T,) int64 indices into `Probe.pts`.

    Raises:
        UnreadableError: no frame lies in the section.
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
    pictures: bool = False,
) -> np.ndarray:
    """Decode as `read_frames` does into the memory that ``room`` gives; returns the ``seconds``.

    ``progress`` is called from time to time with the number of unwanted frames decoded since. For
    ``pictures`` see `open_video`.
    """
    if how.frames == "all" and section == WHOLE:
        return _decode_all(path, room, how, pictures=pictures)
    found = found or probe(path, progress=progress, pictures=pictures)
    wanted = wanted_frames(found, how, section)
    wanted = wanted[: how.max_frames]
    decoded: list[int] = []
    may_seek = True
    while True:
        try:
            with open_video(path, pictures=pictures) as (container, stream):
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
            # Not every container can seek, and not every key frame is a decodable start: start over.
            may_seek = False
    _check_share(len(decoded), len(wanted), how, None)
    return found.seconds[decoded]


def _decode_all(path: Path | str, room: Room, how: Reading, *, pictures: bool) -> np.ndarray:
    """Decode every frame of a file in one pass, without a scan before it."""
    limit = np.inf if how.max_frames is None else how.max_frames
    given = Given()
    with open_video(path, pictures=pictures) as (container, stream):
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
            # If the packets do not tell the number of frames, failed packets count as frames.
            counted = num_frames + len(packets.faults)
            wanted = len(packets.census.times) if is_certain else counted
            _check_share(num_frames, wanted, how, packets.faults)
        if times.are_exact or not is_certain:
            return seconds_of(times.pts, times.time_base)
        shown, time_base = when_shown(packets.census.times, stream)
    # Frames come in order even where their times do not: take the sorted times of the packets.
    pts = np.array([*np.sort(shown), *[shown.max()] * num_frames][:num_frames], np.int64)
    return seconds_of(pts, time_base)


class _Counted:
    """Packets of a stream, with a census and a list of faults."""

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
