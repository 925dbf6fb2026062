"""Clips with bits flipped, cut, or with other bytes between: frames, or one line; never a crash."""

from functools import lru_cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError
from tests.clips import write_clip
from tests.data.decoding.isolated import HOW, read
from tests.fuzz.conftest import damaged, folder, fuzzed
from tests.pictures import write_picture

FLIPS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=20)


@lru_cache
def written(suffix):
    with folder() as place:
        path = place / f"a{suffix}"
        if suffix == ".png":
            write_picture(path, np.full((24, 24, 3), 90, np.uint8))
        else:
            write_clip(path, num_frames=5)
        return path.read_bytes()


@lru_cache
def decoder():
    return Decoder(limit_seconds=20, pictures=True)


@fuzzed(7)
@given(
    suffix=st.sampled_from([".mp4", ".mkv", ".png"]), flips=FLIPS, cut=st.none() | st.floats(0, 1),
    noise=st.binary(max_size=20), at=st.floats(0, 1),
)  # fmt: skip
def test_frames_or_one_line(suffix, flips, cut, noise, at):
    content = written(suffix)
    middle = int(at * len(content))
    with folder() as place:
        path = place / f"a{suffix}"
        path.write_bytes(damaged(content[:middle] + noise + content[middle:], flips, cut))
        reason = None
        try:
            frames, seconds = read(decoder(), path)
        except UnreadableError as error:
            reason = str(error)
        if reason is None:
            assert frames.shape == (len(seconds), 3, HOW.size_px, HOW.size_px)
            assert np.isfinite(seconds).all()
        else:
            assert reason
            assert "\n" not in reason
