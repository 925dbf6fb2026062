"""Files that are rare in the lab and common outside, made of ordinary ones for a test."""

import struct
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.clips import numbered, write_video

Times = tuple[int | None, int | None]
"""When a packet is shown and decoded, in units of the stream."""


def join(path: Path, lengths: Iterable[int], *, starts: Iterable[int] = (), **options: Any) -> Path:
    """Recordings of `numbered` frames on end, as ``cat`` joins them; numbers go on, clocks do not.

    Args:
        lengths: frames of each.
        starts: when the first frame of each is shown, in frames; 0 where nothing is said.
        options: of `write_video`.
    """
    lengths, begins = list(lengths), list(starts)
    pictures = list(numbered(sum(lengths)))
    content, done = b"", 0
    for k, length in enumerate(lengths):
        start = begins[k] if begins else 0
        part = path.with_name(f"part-{k}{path.suffix}")
        times = range(start, start + length)
        write_video(part, pictures[done : done + length], times=times, **options)
        content += part.read_bytes()
        part.unlink()
        done += length
    path.write_bytes(content)
    return path


def remux(
    source: Path, target: Path, change: Callable[[int, bytes, Times], tuple[bytes, Times] | None]
) -> Path:
    """Copy the packets of a clip as ``change`` makes them; None leaves one out."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        packets = [packet for packet in old.demux(video=0) if packet.size]
        for k, packet in enumerate(packets):
            changed = change(k, bytes(packet), (packet.pts, packet.dts))
            if changed is None:
                continue
            copy = av.Packet(changed[0])
            copy.pts, copy.dts = changed[1]
            copy.time_base, copy.duration = packet.time_base, packet.duration
            copy.is_keyframe, copy.stream = packet.is_keyframe, stream
            new.mux(copy)
    return target


def write_streams(
    path: Path, sizes: Iterable[tuple[int, int]], *, default: int, lengths: Iterable[int]
) -> Path:
    """A file of several H.264 streams of `numbered` frames, one of which it calls its default."""
    with av.open(str(path), "w") as output:
        films = []
        for place, ((width, height), length) in enumerate(zip(sizes, lengths, strict=True)):
            stream = output.add_stream("libx264", rate=25, options={"bf": "0"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.disposition = av.stream.Disposition.default if place == default else 0
            films.append((stream, list(numbered(length, width=width, height=height))))
        for k in range(max(len(pictures) for _, pictures in films)):
            for stream, pictures in films:
                if k < len(pictures):
                    frame = av.VideoFrame.from_ndarray(pictures[k], format="rgb24")
                    frame.pts = k
                    output.mux(stream.encode(frame))
        for stream, _ in films:
            output.mux(stream.encode(None))
    return path


def write_dav(path: Path, num_frames: int) -> Path:
    """Recording in the layout of Dahua's cameras, as FFmpeg's demuxer reads it."""
    raw = write_video(path.with_suffix(".h264"), numbered(num_frames), options={"bf": "0"})
    content = b""
    with av.open(str(raw)) as container:
        for k, packet in enumerate(p for p in container.demux(video=0) if p.size):
            # Size in units of 8 pixels; H.264 at 25 frames a second.
            more = bytes([0x80, 0, 80 // 8, 64 // 8, 0x81, 0, 2, 25])
            length = 24 + len(more) + packet.size + 8
            content += b"DHAV" + bytes([0xFD if packet.is_keyframe else 0xFC, 0, 0, 0])
            date = k // 25 | 1 << 16 | 1 << 22 | 24 << 26  # 1 January 2024, and the seconds
            content += struct.pack("<IIIH", k, length, date, 40 * k) + bytes([len(more), 0])
            content += more + bytes(packet) + b"dhav" + struct.pack("<I", length)
    raw.unlink()
    path.write_bytes(content)
    return path


def write_fields(path: Path, num_frames: int) -> Path:
    """H.264 in field pictures, a transport stream of 25 frames a second: frame k is a flat grey.

    Every macroblock is written as it is (I_PCM). A group of 10 frames begins with a key frame.
    FFmpeg reads each field as a packet, of which the second has no time.
    """
    with av.open(str(path), "w", format="mpegts") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for k in range(num_frames):
            start = _SEQUENCE + _PICTURE if k % 10 == 0 else b""
            packet = av.Packet(
                _DELIMITER + start + _field(k, bottom=0) + _DELIMITER + _field(k, bottom=1)
            )
            packet.pts = packet.dts = 2 * k
            packet.stream, packet.time_base = stream, Fraction(1, 50)
            packet.is_keyframe = k % 10 == 0
            output.mux(packet)
    return path


def time_fields(k: int, content: bytes, times: Times) -> tuple[bytes, Times]:
    """For `remux` of fields: the second of a frame half a frame behind the first."""
    return content, (1800 * k, 1800 * k)


def grey_of_field(frame: int) -> float:
    """The grey, 0 to 255, that a frame of `write_fields` is decoded to."""
    return (_luma(frame) - 16) * 255 / 219


def _luma(frame: int) -> int:
    return 40 + 3 * frame


def _bits(width: int, value: int) -> str:
    return format(value, f"0{width}b")


def _golomb(value: int) -> str:
    """Exp-Golomb code (ITU-T H.264, 9.1)."""
    code = format(value + 1, "b")
    return "0" * (len(code) - 1) + code


def _unit(header: int, bits: str) -> bytes:
    """A NAL unit, with the bytes that keep start codes out of it (7.4.1)."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    raw = int(bits, 2).to_bytes(len(bits) // 8, "big")
    content, zeros = bytearray(), 0
    for byte in raw:
        if zeros >= 2 and byte < 4:
            content.append(3)
            zeros = 0
        content.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\0\0\0\1" + bytes([header]) + bytes(content)


def _field(frame: int, *, bottom: int) -> bytes:
    """A slice of 4 x 2 macroblocks, all of one grey (7.3.3)."""
    place = frame % 10
    is_reference, is_key = place == 0, place == 0 and not bottom
    header = 0x65 if is_key else 0x21 if is_reference else 0x01
    slice_header = (
        _golomb(0)  # first macroblock
        + _golomb(7)  # I slice
        + _golomb(0)  # picture parameters
        + _bits(8, 0 if is_reference else 1)  # frame number
        + "1"
        + str(bottom)
        + (_golomb(frame // 10 % 2) if is_key else "")
        + _bits(10, 2 * place + bottom)  # order
        + (("00" if is_key else "0") if is_reference else "")
        + _golomb(0)  # quantiser
        + _golomb(1)  # no deblocking
    )
    bits = slice_header
    for _ in range(8):
        bits += _golomb(25)  # I_PCM
        bits += "0" * (-len(bits) % 8)
        bits += _bits(8, _luma(frame)) * 256 + _bits(8, 128) * 128
    return _unit(header, bits)


_DELIMITER = b"\0\0\0\1\x09\x10"
_SEQUENCE = _unit(
    0x67,
    _bits(8, 77)  # main profile
    + _bits(8, 0)
    + _bits(8, 30)
    + _golomb(0)
    + _golomb(4)  # frame numbers of 8 bits
    + _golomb(0)
    + _golomb(6)  # orders of 10 bits
    + _golomb(1)
    + "0"
    + _golomb(3)  # 4 macroblocks wide
    + _golomb(1)  # 2 high in a field
    + "00"  # fields; no adaptive frames
    + "1"
    + "0"
    + "1"  # more follows: 50 fields a second
    + "0000"
    + "1"
    + _bits(32, 1)
    + _bits(32, 50)
    + "1"
    + "0000",
)
_PICTURE = _unit(
    0x68,
    _golomb(0) + _golomb(0) + "00" + _golomb(0) * 3 + "0" + "00" + _golomb(0) * 3 + "1" + "00",
)


def write_not_coded(path: Path, num_frames: int, *, every: int) -> tuple[Path, np.ndarray]:
    """MPEG-4 in which each ``every``-th picture only says "as before", and the places of the others."""
    source = write_video(path.with_name("coded.mp4"), numbered(num_frames), codec="mpeg4")
    is_coded = np.arange(num_frames) % every != every - 1

    def change(k: int, content: bytes, times: Times) -> tuple[bytes, Times]:
        return (content if is_coded[k] else _as_before(content)), times

    return remux(source, path, change), np.flatnonzero(is_coded)


def _as_before(picture: bytes) -> bytes:
    """The header of an MPEG-4 picture at 25 a second, said to be not coded (ISO 14496-2, 6.2.5)."""
    bits = "".join(_bits(8, byte) for byte in picture[4:12])
    end = bits.index("0", 2) + 1 + 1 + 5 + 1  # type, seconds, marker, 5 bits of 1/25 s, marker
    header = "01" + bits[2:end] + "0"
    header += "0" + "1" * (-len(header + "0") % 8)
    return picture[:4] + int(header, 2).to_bytes(len(header) // 8, "big")
