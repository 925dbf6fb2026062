"""Packets of a video stream, and the frames that they announce.

n frames, in the order of presentation
"""

from collections.abc import Iterable, Iterator

import av
import numpy as np
from av.format import Flags

from data.decoding.frame_times import is_wound_back
from data.decoding.opening import reason, why_undecoded

# A damaged container can fail at every packet without end.
MAX_FAULTS = 100

# Number of frames between two reports of progress.
REPORT_EVERY = 100

# The most steps by which presentation may differ from storage order.
_MOST_REORDERED = 32
# The largest size in bytes of an MPEG-4 picture that only repeats the one before (not coded).
_NOT_CODED_BYTES = 32
# `AVFieldOrder`: neither unknown nor progressive.
_INTERLACED = 2


class Packets:
    """Iterable of a stream's packets from the container's position on; faults are skipped.

    Attributes:
        last_fault: reason of the latest fault; None if there was none.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._container, self._stream = container, stream
        self.last_fault: str | None = None

    def __iter__(self) -> Iterator[av.Packet]:
        faults = 0
        packets = self._container.demux(self._stream)
        while faults < MAX_FAULTS:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.FFmpegError, OSError, ValueError, IndexError) as error:
                # PyAV raises IndexError for a stream that begins within a damaged file. A generator
                # that raised has ended, but the container goes on behind the fault.
                faults += 1
                self.last_fault = reason(error)
                packets = self._container.demux(self._stream)
                continue
            faults = 0
            if packet.size == 0 and packet.dts is not None:
                # A dropped frame of an AVI file. A decoder would take it for the end of the stream.
                continue
            yield packet


class Census:
    """Count of the frames that packets should give, with notes where packets do not tell.

    Attributes:
        times: presentation time of the frame of each such packet, or None.
        keys: indices of the key frames among them.
        num_hidden: number of packets whose picture is not shown.
        has_fields: whether a packet may hold a single field, as in interlaced H.264.
    """

    def __init__(self, stream: av.VideoStream) -> None:
        context = stream.codec_context
        self._codec = context.name
        self._hidden = _HIDDEN.get(self._codec)
        self._says_times = says_times(stream)
        self._clock = clock_of(stream)
        # For other codecs parsers put both fields in one packet; in HEVC each field is a frame.
        self._may_have_fields = self._codec == "h264"
        self.has_fields = self._may_have_fields and int(context.field_order or 0) >= _INTERLACED
        self._is_doubtful = self._has_tiny = False
        self._stream = stream
        self._latest_dts: int | None = None
        self.times: list[int | None] = []
        self.keys: list[int] = []
        self.num_hidden = 0

    def add(self, packet: av.Packet) -> bool:
        """Count a packet, and return whether it should give a frame."""
        if packet.size == 0 or packet.is_discard:
            return False
        if self._hidden is not None and self._hidden(packet):
            self.num_hidden += 1
            return False
        if packet.is_keyframe:
            self.keys.append(len(self.times))
        dts = packet.dts
        if dts is not None and self._says_times:
            if self._latest_dts is not None and dts < self._latest_dts:
                # The clock starts again, so another recording begins.
                self._is_doubtful = True
            self._latest_dts = dts
        self._has_tiny |= packet.size <= _NOT_CODED_BYTES
        self.times.append(time_of(packet) if self._says_times else None)
        return True

    def look_at(self, frame: av.VideoFrame | None) -> None:
        """Note whether a frame is interlaced, since not every container says so.

        Args:
            frame: a decoded frame; None if a key packet gave none by itself.
        """
        if self._may_have_fields and (frame is None or frame.interlaced_frame):
            self.has_fields = True

    @property
    def is_certain(self) -> bool:
        """Whether each counted packet gives one frame, and the times give their order.

        Otherwise only decoding shows which frames there are.
        """
        if self._is_doubtful or self.has_fields or self._may_lack_pictures:
            return False
        known = [time for time in self.times if time is not None]
        if len(known) < len(self.times):
            return not known
        times = np.array(known, np.int64)
        ordered = np.sort(times)
        steps = np.diff(ordered)
        if len(steps) == 0:
            return True
        if is_wound_back(ordered, self._clock):
            return False
        late = np.maximum.accumulate(times) - times
        return bool(np.all(steps > 0) and late.max() <= _MOST_REORDERED * np.median(steps))

    @property
    def _may_lack_pictures(self) -> bool:
        """Whether some packets may be "not coded" pictures, which give no frame.

        In AVI files whose codec reorders frames, such packets stand for pictures that were stored
        in another packet (packed B-frames), and do give a frame.
        """
        return (
            self._has_tiny and self._codec == "mpeg4" and not lacks_times_of_showing(self._stream)
        )


def says_times(stream: av.VideoStream) -> bool:
    """Whether the container has timestamps. For raw streams FFmpeg makes them up."""
    flags = stream.container.format.flags
    return not flags & Flags.no_timestamps.value  # type: ignore[operator]


def lacks_times_of_showing(stream: av.VideoStream) -> bool:
    """Whether the file has decoding times only and reorders frames, as AVI with B-frames."""
    return stream.container.format.name == "avi" and bool(stream.codec_context.has_b_frames)


def clock_of(stream: av.VideoStream) -> int | None:
    """Number of time units after which the container's clock wraps around; None if it never does."""
    return 2**33 if stream.container.format.name in ("mpegts", "mpeg") else None


def time_of(packet: av.Packet) -> int | None:
    """Presentation time of a packet, or else its decoding time."""
    return packet.dts if packet.pts is None else packet.pts


def decode(packets: Iterable[av.Packet], faults: list[str]) -> Iterator[av.VideoFrame]:
    """Decode packets. One that fails adds a line to ``faults`` and is skipped."""
    for packet in packets:
        try:
            yield from packet.decode()
        except (av.FFmpegError, OSError, ValueError) as error:
            faults.append(why_undecoded(error))


def _is_hidden_vp8(packet: av.Packet) -> bool:
    # The bit show_frame (RFC 6386, 9.1).
    return not memoryview(packet)[0] & 0x10


def _is_hidden_vp9(packet: av.Packet) -> bool:
    """Whether a packet holds a single hidden picture (VP9 specification, 6.2 and B.2)."""
    content = memoryview(packet)
    first, last = content[0], content[-1]
    if last & 0xE0 == 0xC0 and len(content) > 1:
        return False  # a superframe: one of its pictures is shown
    reserved = first & 0x30 == 0x30  # profile 3 has one more bit
    first = first << 1 if reserved else first
    shows_existing, shows = first & 0x08, first & 0x02
    return not shows_existing and not shows


_HIDDEN = {"vp8": _is_hidden_vp8, "vp9": _is_hidden_vp9}
