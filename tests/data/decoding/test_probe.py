from fractions import Fraction

import numpy as np
import pytest

from data.decoding.probe import UnreadableError, probe
from tests.clips import WAYS, numbered, write_video, write_way

# Encoders place key frames about as they are told; these do it exactly.
EXACT_KEYS = [way for way in WAYS if way.startswith(("h264", "hevc", "vp"))]


@pytest.mark.parametrize("way", WAYS)
def test_counts_and_times_are_those_of_the_frames(tmp_path, way):
    found = probe(write_way(tmp_path, way))
    assert (found.num_frames, found.width_px, found.height_px) == (50, 80, 64)
    np.testing.assert_allclose(found.seconds, np.arange(50) / 25, atol=1e-6)
    assert found.pts.dtype == found.keyframes.dtype == np.int64
    assert found.duration_seconds == pytest.approx(2)
    assert found.frames_per_second == pytest.approx(25)
    assert (found.rotation_degrees, found.pixel_aspect) == (0, 1)
    assert found.keyframes[0] == 0


@pytest.mark.parametrize("way", EXACT_KEYS)
def test_key_frames_stand_where_they_are_shown_and_not_where_they_are_stored(tmp_path, way):
    assert probe(write_way(tmp_path, way)).keyframes.tolist() == [0, 10, 20, 30, 40]


def test_avi_says_no_times_of_frames_that_are_reordered(tmp_path):
    exact = {way: probe(write_way(tmp_path, way)).times_are_exact for way in WAYS}
    assert {way for way in WAYS if not exact[way]} == {"h264.avi", "mpeg4-b-frames.avi"}


@pytest.mark.parametrize(
    ("way", "codec", "container"),
    [
        ("h264.mp4", "h264", "mov"),
        ("h264.mkv", "h264", "matroska"),
        ("h264.ts", "h264", "mpegts"),
        ("mpeg4.avi", "mpeg4", "avi"),
        ("mpeg2.ts", "mpeg2video", "mpegts"),
        ("vp9.webm", "vp9", "matroska"),
        ("animation.gif", "gif", "gif"),
    ],
)
def test_codec_and_container(tmp_path, way, codec, container):
    found = probe(write_way(tmp_path, way))
    assert (found.codec, found.container) == (codec, container)


def test_rates_that_vary(tmp_path):
    times = [0, 1, 2, 10, 11, 30]
    found = probe(write_video(tmp_path / "clip.mp4", numbered(6), times=times))
    np.testing.assert_allclose(found.seconds, np.array(times) / 25)
    # The last frame lasts as long as is usual: the median of 1, 1, 8, 1 and 19 steps.
    assert found.duration_seconds == pytest.approx(31 / 25)
    assert found.frames_per_second == pytest.approx(6 / (31 / 25))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts"])
def test_a_start_later_than_zero_is_the_start(tmp_path, name):
    found = probe(write_video(tmp_path / name, numbered(9), times=range(100, 109)))
    assert found.pts[0] * found.time_base == pytest.approx(4, abs=0.1)
    np.testing.assert_allclose(found.seconds, np.arange(9) / 25, atol=1e-6)


def test_a_single_frame_has_no_rate(tmp_path):
    found = probe(write_video(tmp_path / "clip.mp4", numbered(1)))
    assert (found.num_frames, found.duration_seconds, found.frames_per_second) == (1, 0, 0)


def test_a_header_that_counts_wrongly_is_not_believed(tmp_path):
    path = write_video(tmp_path / "clip.avi", numbered(20), codec="mjpeg", pix_fmt="yuvj420p")
    content = bytearray(path.read_bytes())
    for header, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):
        at = content.index(header) + offset
        assert int.from_bytes(content[at : at + 4], "little") == 20
        content[at : at + 4] = (7777).to_bytes(4, "little")
    path.write_bytes(content)
    assert probe(path).num_frames == 20


@pytest.mark.parametrize("name", ["clip.h264", "clip.m4v"])
def test_raw_streams_say_no_times_so_frames_are_counted_at_the_rate_of_the_stream(tmp_path, name):
    codec = {"clip.h264": "libx264", "clip.m4v": "mpeg4"}[name]
    found = probe(write_video(tmp_path / name, numbered(20), codec=codec))
    np.testing.assert_allclose(found.seconds, np.arange(20) / 25)


def test_frames_that_are_said_to_be_shown_at_once_are_all_counted(tmp_path):
    """MPEG's program streams put several pictures in a packet, and a time to the first alone."""
    path = write_video(
        tmp_path / "clip.mpg",
        numbered(50),
        codec="mpeg1video",
        options={"g": "10"},
        max_b_frames=2,
    )
    found = probe(path)
    assert found.num_frames == 50
    assert not found.times_are_exact
    assert np.all(np.diff(found.pts) >= 0)


@pytest.mark.parametrize(("turn", "rotation"), [(0, 0), (90, 270), (180, 180), (270, 90)])
def test_rotation_is_what_a_player_turns_clockwise(tmp_path, turn, rotation):
    path = write_video(tmp_path / "clip.mp4", numbered(3), turn_degrees=turn)
    assert probe(path).rotation_degrees == rotation


@pytest.mark.parametrize(
    ("aspect", "shown"), [(Fraction(16, 11), Fraction(16, 11)), (Fraction(200), Fraction(1))]
)
def test_pixel_aspect_where_it_makes_sense(tmp_path, aspect, shown):
    path = write_video(tmp_path / "clip.mp4", numbered(3), pixel_aspect=aspect)
    assert probe(path).pixel_aspect == shown


def test_metadata_that_is_no_text_is_left_alone(tmp_path):
    path = write_video(tmp_path / "clip.mp4", numbered(3), title="TITLE")
    path.write_bytes(path.read_bytes().replace(b"TITLE", b"\xff\xfe\xc3\x28\x80"))
    assert probe(path).num_frames == 3


def test_a_file_without_a_picture_is_unreadable(tmp_path):
    path = write_video(tmp_path / "clip.ts", numbered(3))
    path.write_bytes(path.read_bytes()[:10])
    with pytest.raises(UnreadableError, match=r"\w"):
        probe(path)
