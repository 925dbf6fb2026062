import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest

from data.decoding import isolation
from data.decoding.decode import Reading
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError, probe
from data.decoding.sampling import Section
from tests import ROOT
from tests.clips import WAYS, write_way
from tests.data.decoding.isolated import HOW, assert_same, read
from tests.odd_clips import join

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGSTOP"), reason="processes are stopped and looked at as POSIX has it"
)


@pytest.mark.parametrize("way", WAYS)
def test_the_same_pixels_and_times_as_in_this_process(tmp_path, decoder, way):
    path = write_way(tmp_path, way)
    assert_same(decoder, path)
    assert_same(decoder, path, Reading(24, "letterbox", "fast", "every=3", 7))
    assert_same(decoder, path, section=Section(0.5, 1.5))
    here, there = probe(path), decoder.probe(path)
    for field, value in zip(there._fields, there, strict=True):
        np.testing.assert_array_equal(value, getattr(here, field))


def test_clips_longer_and_frames_larger_than_a_block(clip, decoder, monkeypatch):
    # Room for 3 frames of 32 x 32; one of 80 x 80 is larger.
    monkeypatch.setattr(isolation, "_BLOCK_BYTES", 3 * 32 * 32 * 3)
    assert_same(decoder, clip)
    pid = decoder._process.pid
    assert_same(decoder, clip, HOW._replace(max_frames=3))
    assert decoder._process.pid == pid
    assert_same(decoder, clip, HOW._replace(size_px=80))
    assert decoder._process.pid != pid
    assert_same(decoder, clip)


def test_a_scan_made_before_goes_along(clip, decoder):
    found = probe(clip)
    found = found._replace(pts=found.pts[:20], keyframes=found.keyframes[:2])
    assert_same(decoder, clip, HOW._replace(frames="every=5"), found=found)
    assert len(read(decoder, clip, HOW._replace(frames="every=5"), found=found)[0]) == 4


@pytest.mark.parametrize("ask", ["probe", "count"])
def test_frames_that_are_decoded_to_be_counted_are_heard_of(tmp_path, ask):
    """And so lengthen the limit as those do that were asked for."""
    path = join(tmp_path / "joined.ts", [150, 150], options={"g": "30"})
    decoder = Decoder(limit_seconds=30)
    found = probe(path)
    heard = []

    class Hearing:
        def __init__(self, connection):
            self._connection = connection

        def recv(self):
            heard.append(self._connection.recv())
            return heard[-1]

        def __getattr__(self, name):
            return getattr(self._connection, name)

    decoder.probe(path)
    decoder._connection = Hearing(decoder._connection)
    if ask == "probe":
        np.testing.assert_array_equal(decoder.probe(path).pts, found.pts)
    else:
        read(decoder, path, HOW._replace(frames="count=2"), found=found)
    assert [content for kind, content in heard if kind == "progress"][:2] == [100, 100]
    decoder.close()


def test_one_process_for_all_files_and_none_before_the_first(clip, decoder, tmp_path):
    assert decoder._process is None
    decoder.probe(clip)
    pid = decoder._process.pid
    for path in (tmp_path / "none.mp4", ROOT / "Makefile"):
        with pytest.raises(UnreadableError):
            decoder.probe(path)
        with pytest.raises(UnreadableError):
            read(decoder, path)
    assert_same(decoder, clip)
    assert decoder._process.pid == pid


def test_a_decoder_that_hangs_is_ended_and_the_next_file_read(clip):
    decoder = Decoder(limit_seconds=30)  # the process may start slowly on a busy machine
    decoder.probe(clip)
    stopped = decoder._process.pid
    os.kill(stopped, signal.SIGSTOP)
    decoder.limit_seconds = 1
    with pytest.raises(UnreadableError) as caught:
        read(decoder, clip)
    assert str(caught.value) == "took longer than 1 s to decode (0 frames by then)"
    assert not os.path.exists(f"/proc/{stopped}")
    decoder.limit_seconds = 30
    assert_same(decoder, clip)
    decoder.close()


def test_a_decoder_that_hangs_in_the_middle_says_how_far_it_came(clip, decoder, monkeypatch):
    monkeypatch.setattr(isolation, "_BLOCK_BYTES", 10 * 32 * 32 * 3)
    frames = []

    def room():
        frames.append(np.empty((32, 32, 3), np.uint8))
        if len(frames) == 15:
            os.kill(decoder._process.pid, signal.SIGSTOP)
            decoder.limit_seconds = 1
        return frames[-1]

    with pytest.raises(UnreadableError, match=r"took longer than 1 s to decode \(20 frames by th"):
        decoder.read_into(clip, room, HOW)


def test_the_limit_grows_with_the_frames_that_came(clip, decoder, monkeypatch):
    """A long clip that is decoded at a steady pace is no hanging one."""
    monkeypatch.setattr(isolation, "_BLOCK_BYTES", 5 * 32 * 32 * 3)
    monkeypatch.setattr(isolation, "_FRAMES_PER_LIMIT", 5)
    frames = []

    def room():
        frames.append(np.empty((32, 32, 3), np.uint8))
        return frames[-1]

    # Each frame takes a second by this clock.
    clock = SimpleNamespace(monotonic=lambda: len(frames))
    monkeypatch.setattr(isolation, "time", clock)
    assert decoder.limit_seconds == 30
    decoder.read_into(clip, room, HOW)
    assert len(frames) == 50


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_decoder_that_crashes_is_named_and_replaced(clip, decoder, number):
    decoder.probe(clip)
    os.kill(decoder._process.pid, number)
    with pytest.raises(UnreadableError) as caught:
        read(decoder, clip)
    assert str(caught.value) == f"ended the decoder (signal {number.value})"
    assert_same(decoder, clip)


def test_a_crash_in_the_middle(clip, decoder, monkeypatch):
    monkeypatch.setattr(isolation, "_BLOCK_BYTES", 10 * 32 * 32 * 3)
    frames = []

    def room():
        frames.append(np.empty((32, 32, 3), np.uint8))
        if len(frames) == 15:
            os.kill(decoder._process.pid, signal.SIGSEGV)
        return frames[-1]

    with pytest.raises(UnreadableError, match=r"^ended the decoder \(signal 11\)$"):
        decoder.read_into(clip, room, HOW)
    assert_same(decoder, clip)


def test_an_error_of_this_side_leaves_no_half_read_clip_behind(clip, decoder):
    """Whoever is interrupted, or runs out of memory, may read the next file as if nothing was."""

    def room():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decoder.read_into(clip, room, HOW)
    assert_same(decoder, clip)
