"""Real clips in many codecs and states: frames or a reason, and as many as a plain decode gives."""

import av
import numpy as np
import pytest

from data.decoding.decode import Reading, read_frames, wanted_frames
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError, probe
from tests.benchmarks.measure import SHARED_DATA

FOLDER = SHARED_DATA / "decoder_cases"
CASES = sorted(path for path in FOLDER.rglob("*") if path.is_file()) if FOLDER.is_dir() else []
pytestmark = pytest.mark.skipif(not CASES, reason=f"the real clips are not in {FOLDER}")

HOW = Reading(size_px=32, fit="stretch", interpolation="fast")


def outcome(read):
    """Frames of a clip, or a reason in one line."""
    try:
        return read(), None
    except UnreadableError as error:
        return None, str(error)


def count_plainly(path):
    """Frames of a sequential decode as PyAV's users write it; None where that fails."""
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            best = container.streams.best("video")
            return best and sum(1 for _ in container.decode(best))
    except (av.FFmpegError, IndexError, UnicodeError):
        return None


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_frames_or_a_reason(path):
    plain = count_plainly(path)
    frames, reason = outcome(lambda: read_frames(path, **HOW._asdict()))
    if frames is None:
        assert reason
        assert "\n" not in reason
        assert not plain
        return
    pixels, seconds = frames
    found = probe(path)
    assert len(pixels) == len(seconds) == plain
    assert np.all(np.diff(seconds) >= 0)
    if found.num_frames != plain:
        # A packet that gives no frame: the last one of AVI files whose codec reorders frames.
        assert not found.times_are_exact
        return
    some = HOW._replace(frames="count=5")
    places = wanted_frames(found, some)
    np.testing.assert_array_equal(read_frames(path, **some._asdict()).pixels, pixels[places])
    np.testing.assert_array_equal(seconds[places], found.seconds[places])


def test_a_decoder_apart_says_the_same():
    decoder = Decoder()
    room = np.zeros((32, 32, 3), np.uint8)
    for path in CASES[::4]:
        frames, reason = outcome(lambda path=path: read_frames(path, **HOW._asdict()))
        apart, same_reason = outcome(lambda path=path: decoder.read_into(path, lambda: room, HOW))
        assert reason == same_reason
        if frames is not None:
            np.testing.assert_array_equal(apart, frames.seconds)
            np.testing.assert_array_equal(room.transpose(2, 0, 1), frames.pixels[-1])
