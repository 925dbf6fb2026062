"""The packets of a video stream, and what they say of the frames that will come out of it.

n frames, in the order in which they are shown
"""

from collections.abc import Iterable, Iterator

import av
import numpy as np
from av.format import Flags

from data.decoding.frame_times import is_wound_back
from data.decoding.opening import reason

# Damaged containers can fail at every packet for ever.
MAX_FAULTS = 100

# Whoever waits for a file hears of it each so many frames.
REPORT_EVERY = 100

# A picture is shown at most this many steps before one that was stored ahead of it.
_MOST_REORDERED = 32
# A picture of MPEG-4 that only says "as before" is no larger than this, in bytes.
_NOT_CODED_BYTES = 32
# `AVFieldOrder`: neither unknown nor progressive.
_INTERLACED = 2


class Packets:
    """The packets of a stream from where the container stands; faults are passed over.

    Attributes:
        last_fault: why the latest packet that could not be read was not; None so far.
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
                # PyAV finds no place (IndexError) for a stream that begins within a damaged file. A
                # generator that raised has ended; the container goes on behind the fault.
                faults += 1
                self.last_fault = reason(error)
                packets = self._container.demux(self._stream)
                continue
            faults = 0
            if packet.size == 0 and packet.dts is not None:
                # A dropped frame of an AVI file; a decoder would take it for the end of the stream.
                continue
            yield packet


class Census:
    """Counts the frames that packets should give, and notes where packets do not tell.

    Attributes:
        times: of each such packet, when its frame is shown, or None.
        keys: which of them are key frames.
        num_hidden: packets whose picture is not to be shown.
        has_fields: whether a packet may hold half of a frame, as in interlaced H.264.
    """

    def __init__(self, stream: av.VideoStream) -> None:
        context = stream.codec_context
        self._codec = context.name
        self._hidden = _HIDDEN.get(self._codec)
        self._says_times = says_times(stream)
        self._clock = clock_of(stream)
        # Parsers put the two fields of other codecs in one packet; one of HEVC is a frame to itself.
        self._may_have_fields = self._codec == "h264"
        self.has_fields = self._may_have_fields and int(context.field_order or 0) >= _INTERLACED
        self._is_doubtful = self._has_tiny = False
        self._stream = stream
        self._latest_dts: int | None = None
        self.times: list[int | None] = []
        self.keys: list[int] = []
        self.num_hidden = 0

    def add(self, packet: av.Packet) -> bool:
        """Count a packet; whether it should give a frame."""
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
                # Another recording begins, whose clock starts again.
                self._is_doubtful = True
            self._latest_dts = dts
        self._has_tiny |= packet.size <= _NOT_CODED_BYTES
        self.times.append(time_of(packet) if self._says_times else None)
        return True

    def look_at(self, frame: av.VideoFrame | None) -> None:
        """Note how a frame is made, since not every container says it.

        Args:
            frame: one that came out; None, where a key packet alone gave none.
        """
        if self._may_have_fields and (frame is None or frame.interlaced_frame):
            self.has_fields = True

    @property
    def is_certain(self) -> bool:
        """Whether each packet counted gives one frame, and their times are the order of the frames.

        Where it is not, decoding alone shows which frames there are.
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
        """Whether pictures may be there that only say "as before", and give no frame.

        In AVI files whose codec reorders frames they stand for pictures that were stored before, in
        the packet of another one, and do give a frame.
        """
        return (
            self._has_tiny and self._codec == "mpeg4" and not lacks_times_of_showing(self._stream)
        )


def says_times(stream: av.VideoStream) -> bool:
    """Whether the container says when frames are shown; raw streams do not, and FFmpeg makes it up."""
    flags = stream.container.format.flags
    return not flags & Flags.no_timestamps.value  # type: ignore[operator]


def lacks_times_of_showing(stream: av.VideoStream) -> bool:
    """Whether only the times of decoding are said, of a codec that reorders frames: in AVI."""
    return stream.container.format.name == "avi" and bool(stream.codec_context.has_b_frames)


def clock_of(stream: av.VideoStream) -> int | None:
    """After how many units of its time base the clock of a container begins anew, if it does."""
    return 2**33 if stream.container.format.name in ("mpegts", "mpeg") else None


def time_of(packet: av.Packet) -> int | None:
    """When a packet's frame is shown; where the container does not say, when it is decoded."""
    return packet.dts if packet.pts is None else packet.pts


def decode(packets: Iterable[av.Packet], faults: list[str]) -> Iterator[av.VideoFrame]:
    """The frames of packets; a packet that cannot be decoded is noted in ``faults`` and passed by."""
    for packet in packets:
        try:
            yield from packet.decode()
        except (av.FFmpegError, OSError, ValueError) as error:
            faults.append(reason(error))


def _is_hidden_vp8(packet: av.Packet) -> bool:
    # show_frame, RFC 6386, 9.1.
    return not memoryview(packet)[0] & 0x10


def _is_hidden_vp9(packet: av.Packet) -> bool:
    """Whether a packet holds a single picture that is not to be shown (VP9 specification, 6.2, B.2)."""
    content = memoryview(packet)
    first, last = content[0], content[-1]
    if last & 0xE0 == 0xC0 and len(content) > 1:
        return False  # several pictures, of which one is shown
    reserved = first & 0x30 == 0x30  # profile 3 has one more bit
    first = first << 1 if reserved else first
    shows_existing, shows = first & 0x08, first & 0x02
    return not shows_existing and not shows


_HIDDEN = {"vp8": _is_hidden_vp8, "vp9": _is_hidden_vp9}
