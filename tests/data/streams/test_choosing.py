"""Sampling of frames as they come, and of the complete file: the same frames, the same times."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.decoding.decode import Reading, read_frames
from data.decoding.sampling import parse_sampling
from data.files.errors import InputError
from data.streams.address import address_of
from data.streams.choosing import chosen
from data.streams.frames import Frame, StreamFrames
from data.streams.running_times import RunningTimes
from tests.clips import WAYS, numbered, write_video, write_way
from tests.odd_clips import join

RULES = ["all", "every=1", "every=4", "fps=5", "fps=7/3", "fps=24000/1001", "fps=0.2", "fps=1000"]
STEPS = st.lists(st.integers(1, 60), min_size=1, max_size=60)


@given(
    steps=STEPS, rule=st.sampled_from(RULES), base=st.sampled_from([25, 30, 90_000, 30000 / 1001])
)
def test_the_frames_are_those_of_the_complete_file(steps, rule, base):
    seconds = np.cumsum([0, *steps]) / base
    found = [
        place
        for _, place, is_read in chosen(zip(seconds, range(99), strict=False), rule)
        if is_read
    ]
    assert found == parse_sampling(rule)(seconds).tolist()


def test_frames_that_divide_a_whole_clip_are_refused():
    with pytest.raises(InputError, match="count=8, frames that divide a whole clip"):
        list(chosen([(0.0, 0)], "count=8"))


def frames_of(clip, rule="all"):
    stream = StreamFrames(address_of(str(clip)), Reading(16, frames=rule))
    return [one for one in stream if isinstance(one, Frame)]


def assert_as_the_file(clip, rule="all", *, atol=1e-6):
    found, due = frames_of(clip, rule), read_frames(clip, size_px=16, frames=rule)
    pixels = np.stack([one.pixels for one in found]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(pixels, due.pixels)
    np.testing.assert_allclose([one.seconds for one in found], due.seconds, atol=atol)


@pytest.mark.parametrize("way", WAYS)
def test_frames_of_any_codec_are_those_of_the_file(tmp_path, way):
    # AVI does not say when a frame is shown: reordered ones may be off by one.
    assert_as_the_file(write_way(tmp_path, way), "every=2", atol=0.041 if "avi" in way else 1e-6)


@pytest.mark.parametrize("rule", ["all", "fps=3"])
def test_a_clock_that_jumps_or_starts_anew_goes_on(tmp_path, rule):
    jumps = [*range(20), *range(10**7, 10**7 + 20)]
    assert_as_the_file(write_video(tmp_path / "a.mkv", numbered(40), times=jumps), rule)
    assert_as_the_file(join(tmp_path / "a.ts", [20, 20], options={"bf": "2"}), rule)


def test_frames_out_of_order_or_without_a_time_still_ascend():
    times = RunningTimes(Fraction(1, 25), Fraction(25))
    said = [10, 11, 13, 12, 14, None, 16, 3, 4]
    found = [times.seconds(SimpleNamespace(pts=one, dts=None)) for one in said]
    assert np.all(np.diff(found) > 0)
    # A clock that starts anew counts as one usual step.
    assert found[-1] == pytest.approx(8 / 25, abs=1 / 25)
