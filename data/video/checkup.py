"""Checkup of clips: full decoding, damage, and doubts about their clocks.

n frames of the file
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from data.clips.clip import Clip
from data.decoding.decode import Reading, wanted_frames
from data.decoding.frame_times import usual_step
from data.decoding.isolation import Decoder, one_a_thread
from data.decoding.opening import UnreadableError, open_video
from data.decoding.probe import Probe
from data.decoding.sampling import WHOLE, Section
from data.files.workers import in_parallel

# Frames are scaled small: the size does not matter for whether they can be decoded.
_READING = Reading(32, fit="stretch", interpolation="fast", min_share=0.0)

# Containers whose header gives the duration of the video; for others it is a guess.
_SAY_LENGTH = ("mov", "avi", "matroska", "flv")
# A file that is shorter than its header says by more than this was cut off.
_SHORT_SHARE, _SHORT_SECONDS = 0.9, 0.25
_RATES = 0.1, 1000.0
"""Range of plausible frames a second."""
_LONGEST_HOURS = 24.0
# A picture that lasts so long, and so many usual steps, is worth a remark.
_PAUSE_SECONDS, _PAUSE_STEPS = 60.0, 100
_ALIKE_SHARE = 0.1


class Checkup(NamedTuple):
    """Result of decoding a clip; zeros if it cannot be read.

    A clip is *damaged* if frames are missing: fewer came out than the file has packets for, or the
    file ends long before its header says. Some complete files also give fewer frames: in AVI files
    and in MPEG-4 the last packet often gives none (HMDB-51), and a film that was cut without
    transcoding can begin with frames that refer to a key frame before the cut. Damage that spoils
    pictures and leaves their number is not detected.
    """

    fault: str = ""
    """Reason that it cannot be read, or the kind of damage, in one line."""
    is_readable: bool = False
    frames: int = 0
    frames_decoded: int = 0
    seconds: float = 0.0
    width_px: int = 0
    height_px: int = 0
    """Size on display: rotated, and with square pixels."""
    frames_per_second: float = 0.0
    rate_varies: bool = False
    codec: str = ""
    container: str = ""
    doubts: tuple[str, ...] = ()
    """Doubts about the file: figures that are implausible."""
    remarks: tuple[str, ...] = ()
    """Remarks: facts worth knowing that are no fault."""


def check_clips(
    clips: Sequence[Clip], *, limit_seconds: float, show_progress: bool
) -> list[Checkup]:
    """Decode each clip once, in as many processes as there are cores.

    Args:
        clips: clips to decode; a section that is listed twice is decoded once.
        limit_seconds: see `Decoder`.
        show_progress: draw a progress bar where there is a terminal.
    """
    decoder = one_a_thread(limit_seconds=limit_seconds)

    def check(stretch: tuple[Path, Section]) -> Checkup:
        return check_clip(decoder(), *stretch)

    wanted = [(clip.path, clip.section) for clip in clips]
    stretches = list(dict.fromkeys(wanted))
    checked: dict[tuple[Path, Section], Checkup] = {}
    num_faulty = 0
    with closing(in_parallel(check, stretches)) as checkups:
        progress = tqdm(
            zip(stretches, checkups, strict=True),
            total=len(stretches),
            desc="Decoding clips",
            unit="clip",
            disable=None if show_progress else True,
        )
        for stretch, checkup in progress:
            checked[stretch] = checkup
            if checkup.fault:
                num_faulty += 1
                progress.set_postfix(faulty=num_faulty, refresh=False)
    return [checked[stretch] for stretch in wanted]


def check_clip(decoder: Decoder, path: Path, section: Section = WHOLE) -> Checkup:
    """Decode a clip. Memory does not grow with its length."""
    scratch = np.empty((_READING.size_px, _READING.size_px, 3), np.uint8)
    try:
        found = decoder.probe(path)
        wanted = wanted_frames(found, _READING, section)
        decoded = len(
            decoder.read_into(path, lambda: scratch, _READING, section=section, found=found)
        )
    except UnreadableError as error:
        return Checkup(fault=str(error))
    seconds = _seconds_shown(found.seconds, wanted, section)
    width, height = round(found.width_px * found.pixel_aspect), found.height_px
    if found.rotation_degrees in (90, 270):
        width, height = height, width
    fault = _cut_off(path, found) if section == WHOLE else ""
    # Some raw streams give more frames than packets.
    num_frames = max(len(wanted), decoded)
    if not fault and decoded < num_frames - _may_lack(found, wanted):
        fault = f"{decoded:,} of {num_frames:,} frames could be decoded"
    if not fault and found.num_lost:
        fault = f"{found.num_lost:,} packet(s) could not be decoded, beside {decoded:,} frames that were"
    return Checkup(
        fault=fault,
        is_readable=True,
        frames=num_frames,
        frames_decoded=decoded,
        seconds=seconds,
        width_px=width,
        height_px=height,
        frames_per_second=len(wanted) / seconds if seconds > 0 else 0.0,
        rate_varies=_varies(found.seconds[wanted]),
        codec=found.codec,
        container=found.container,
        doubts=tuple(doubts_about(found)),
        remarks=tuple(remarks_on(found)),
    )


def _seconds_shown(seconds: np.ndarray, wanted: np.ndarray, section: Section) -> float:
    """Time that the frames of a section are on display within it."""
    start, end = section
    ends = np.append(seconds[1:], seconds[-1] + usual_step(seconds))
    first = max(float(seconds[wanted[0]]), start or 0.0)
    return min(float(ends[wanted[-1]]), np.inf if end is None else end) - first


def _may_lack(found: Probe, wanted: np.ndarray) -> int:
    """Number of frames that may be missing from a complete file (see `Checkup`)."""
    first_key = int(found.keyframes[0]) if len(found.keyframes) else 0
    last = found.container == "avi" or found.codec == "mpeg4"
    return int((wanted < first_key).sum()) + last


def _varies(seconds: np.ndarray) -> bool:
    """Whether more than one in a hundred frames lasts a fifth longer or shorter than the median.

    Some containers round times to a millisecond; that is not counted.
    """
    if len(seconds) < 3:
        return False
    steps = np.diff(seconds)
    usual = float(np.median(steps))
    return bool((np.abs(steps - usual) > max(usual / 5, 0.0011)).mean() > 0.01)


def _cut_off(path: Path, found: Probe) -> str:
    """Describe how a file is shorter than its header says; empty if it is not.

    A file that was not copied to its end still plays, up to there. The last picture may be meant to
    last long, so that frames must be missing too, if the header counts them.
    """
    if found.container not in _SAY_LENGTH:
        return ""
    try:
        # Opening is safe here: the decoder process has opened the file before without a crash.
        with open_video(path) as (container, stream):
            seconds = float((stream.duration or 0) * (stream.time_base or 0))
            if found.container == "avi" and stream.average_rate:
                # FFmpeg's duration of an AVI file shrinks with the file.
                seconds = float(stream.frames / stream.average_rate)
            elif not seconds and len(container.streams) == 1:
                seconds = (container.duration or 0) / 1e6
            counted = stream.frames
            is_fragmented = found.container == "mov" and not counted
    except UnreadableError:
        return ""
    # The header's duration includes jumps of the clock.
    lasts = max(found.duration_seconds, float((found.pts[-1] - found.pts[0]) * found.time_base))
    enough = seconds * _SHORT_SHARE <= lasts + _SHORT_SECONDS
    if enough or is_fragmented or 0 < counted <= found.num_frames:
        return ""
    return f"ends after {found.duration_seconds:.2f} s of the {seconds:.2f} s its header names"


def doubts_about(found: Probe) -> Iterator[str]:
    """Yield doubts about a file's clock: jumps, and implausible rates and durations."""
    if breaks := found.breaks:
        first, seconds = next(iter(breaks.items()))
        more = f" (and {len(breaks) - 1:,} more)" if len(breaks) > 1 else ""
        yield (
            f"a gap of {seconds / 3600:,.1f} h in its times before frame {first}{more}, which is read"
            " as one usual step"
        )
    # The median ignores pauses.
    step = usual_step(found.seconds)
    rate = 1 / step if step else 0.0
    if rate and not _RATES[0] <= round(rate, 6) <= _RATES[1]:
        yield f"its times say {rate:,.6g} frames a second"
    if found.duration_seconds > _LONGEST_HOURS * 3600:
        yield f"its times say that it lasts {found.duration_seconds / 3600:,.1f} h"
    if found.num_alike > _ALIKE_SHARE * found.num_frames:
        yield (
            f"{found.num_alike:,} of {found.num_frames:,} frames carry no time of their own; they are"
            " spread evenly"
        )


def remarks_on(found: Probe) -> Iterator[str]:
    """Yield remarks: joined recordings, further video streams, and pictures that last long."""
    if found.starts:
        places = ", ".join(f"{place:,}" for place in found.starts[:3])
        more = ", …" if len(found.starts) > 3 else ""
        yield (
            f"{len(found.starts) + 1:,} recordings joined: times start again at frame {places}{more}"
        )
    if others := found.other_streams:
        read = f"{found.codec} {found.width_px}x{found.height_px}"
        yield f"{len(others) + 1} video streams: {read} is read, {', '.join(others)} is not"
    steps = np.diff(found.seconds)
    if len(steps):
        longest = max(_PAUSE_SECONDS, _PAUSE_STEPS * float(np.median(steps)))
        if (pauses := steps[steps > longest]).size:
            yield f"a frame is on show for {pauses.max():,.0f} s"


def size_of(path: Path) -> int:
    """Size of a file in bytes; 0 if there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
