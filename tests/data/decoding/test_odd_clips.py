"""Clips whose packets do not tell how many frames there are, or in what order they are shown."""

from fractions import Fraction

import av
import numpy as np
import pytest

from data.decoding.decode import Reading, read_frames, wanted_frames
from data.decoding.isolation import Decoder
from data.decoding.probe import probe
from data.decoding.sampling import Section
from data.video.checkup import doubts_about, remarks_on
from tests.clips import numbered, numbers_of, write_video
from tests.odd_clips import (
    grey_of_field,
    join,
    remux,
    time_fields,
    write_fields,
    write_not_coded,
)

MPEG2 = {"codec": "mpeg2video", "options": {"g": "10", "b": "1M"}, "max_b_frames": 2}
H264 = {"options": {"g": "10", "bf": "2"}}


def read(path, **options):
    return read_frames(path, size_px=48, fit="stretch", **options)


def agree(path, seconds):
    """Every way of reading gives the same frames at the same times, which are these."""
    found, whole = probe(path), read(path)
    np.testing.assert_allclose(found.seconds, seconds, atol=1.1e-3)
    np.testing.assert_allclose(whole.seconds, found.seconds, atol=1e-9)
    assert np.all(np.diff(found.seconds) > 0)
    for rule in ("every=1", "every=7", "fps=5", "count=6"):
        places = wanted_frames(found, Reading(48, frames=rule))
        pixels, times = read(path, frames=rule, found=found)
        np.testing.assert_array_equal(pixels, whole.pixels[places])
        np.testing.assert_allclose(times, found.seconds[places], atol=1e-9)
        assert len(set(places.tolist())) == len(places)
    half = found.duration_seconds / 2
    parts = [read(path, section=Section(*ends)) for ends in ((None, half), (half, None))]
    assert len(parts[0].pixels) + len(parts[1].pixels) in (len(seconds), len(seconds) + 1)
    decoder = Decoder()
    assert decoder.probe(path)._replace(pts=0, keyframes=0) == found._replace(pts=0, keyframes=0)
    decoder.close()
    return found, whole.pixels


@pytest.mark.parametrize("suffix", [".MTS", ".mkv", ".mp4", ".avi", ".ts"])
def test_two_fields_in_two_packets_are_one_frame(tmp_path, suffix):
    path = write_fields(tmp_path / "fields.MTS", 30)
    with av.open(str(path)) as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) == 60
    if suffix != ".MTS":
        path = remux(path, tmp_path / f"fields{suffix}", time_fields)
    found, pixels = agree(path, np.arange(30) / 25)
    assert found.frames_per_second == pytest.approx(25)
    np.testing.assert_allclose(
        pixels.mean((1, 2, 3)), [grey_of_field(k) for k in range(30)], atol=1.5
    )
    # Both fields of a frame far in, and not one: rows are alike.
    assert np.ptp(read(path, frames="every=13").pixels, axis=(2, 3)).max() <= 1
    assert not list(doubts_about(found))


def test_fields_of_a_raw_stream_are_counted_as_frames(tmp_path):
    source = write_fields(tmp_path / "fields.ts", 20)
    with av.open(str(source)) as container:
        content = b"".join(bytes(packet) for packet in container.demux(video=0))
    (tmp_path / "fields.h264").write_bytes(content)
    agree(tmp_path / "fields.h264", np.arange(20) / 25)


@pytest.mark.parametrize("name", ["clip.ts", "clip.mp4", "clip.mkv"])
def test_interlaced_frames_in_one_packet_each_stay_frames(tmp_path, name):
    options = {"g": "10", "bf": "2", "x264-params": "tff=1"}
    path = write_video(tmp_path / name, numbered(40), options=options)
    found, pixels = agree(path, np.arange(40) / 25)
    assert numbers_of(pixels) == list(range(40))
    assert found.times_are_exact


@pytest.mark.parametrize(("name", "options"), [("all.ts", H264), ("all.mpg", MPEG2)])
def test_joined_recordings_go_on_where_the_one_before_ends(tmp_path, name, options):
    path = join(tmp_path / name, [50, 10, 30], **options)
    found, pixels = agree(path, np.arange(90) / 25)
    assert numbers_of(pixels) == list(range(90))
    assert found.starts == (50, 60)
    assert list(remarks_on(found)) == ["3 recordings joined: times start again at frame 50, 60"]
    assert not list(doubts_about(found))


@pytest.mark.parametrize("seconds", [1, 30, 100, 3600, 95_000])
def test_a_clock_that_was_later_before_starts_again(tmp_path, seconds):
    """From 60 s on, FFmpeg takes an earlier time for the next round of the clock of 26.5 hours."""
    path = join(tmp_path / "all.ts", [30, 30], starts=[25 * seconds, 0], **H264)
    found, pixels = agree(path, np.arange(60) / 25)
    assert numbers_of(pixels) == list(range(60))
    assert found.starts == (30,)


def test_a_clock_that_comes_round_goes_on(tmp_path):
    start = (2**33 - 90_000) // 3600
    path = write_video(tmp_path / "a.ts", numbered(60), times=range(start, start + 60), **H264)
    found, pixels = agree(path, np.arange(60) / 25)
    assert numbers_of(pixels) == list(range(60))
    assert (found.starts, found.breaks) == ((), {})


def far_jump(at, ticks):
    return [k + ticks * (k >= at) for k in range(60)]


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("clock.mkv", far_jump(25, 25 * 36_000)),
        ("clock.mp4", far_jump(25, 25 * 7200)),
        ("epoch.mkv", far_jump(1, 25 * 1_700_000_000)),
        ("last.mkv", far_jump(59, 25 * 36_000)),
        ("clock.ts", far_jump(30, 25 * 36_000)),
    ],
)
def test_times_that_jump_for_hours_go_on_after_a_usual_step(tmp_path, name, times):
    path = write_video(tmp_path / name, numbered(60), times=times, options={"g": "10", "bf": "0"})
    found, pixels = agree(path, np.arange(60) / 25)
    assert numbers_of(pixels) == list(range(60))
    assert found.duration_seconds == pytest.approx(2.4)
    assert found.frames_per_second == pytest.approx(25)
    (at,) = found.breaks
    assert at == int(np.diff(times).argmax()) + 1
    (doubt,) = doubts_about(found)
    hours = np.diff(times).max() / 25 / 3600
    assert doubt.startswith(f"a gap of {hours:,.1f} h in its times before frame {at}")


def test_a_picture_that_stands_for_minutes_does_stand(tmp_path):
    """A screen on which nothing happens, for 20 minutes."""
    times = [*range(10), *range(30_000, 30_010)]
    path = write_video(tmp_path / "screen.mkv", numbered(20), times=times)
    found, pixels = agree(path, np.array(times) / 25)
    assert numbers_of(pixels) == list(range(20))
    assert list(remarks_on(found)) == ["a frame is on show for 1,200 s"]
    assert not list(doubts_about(found))
    assert numbers_of(read(path, section=Section(600, 700)).pixels) == [9]


@pytest.mark.parametrize(
    ("times", "alike"),
    [([0] * 40, 39), ([k // 4 * 4 for k in range(40)], 30), ([0] * 20 + list(range(20, 40)), 19)],
)
def test_frames_of_one_time_are_told_apart(tmp_path, times, alike):
    source = write_video(tmp_path / "a.mkv", numbered(40), codec="mjpeg", pix_fmt="yuvj420p")
    path = remux(source, tmp_path / "b.mkv", lambda k, content, _: (content, (40 * times[k],) * 2))
    found, pixels = agree(path, np.arange(40) / 25)
    assert numbers_of(pixels) == list(range(40))
    assert found.num_alike == alike
    (doubt,) = doubts_about(found)
    assert doubt.startswith(f"{alike} of 40 frames carry no time of their own")


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mkv"])
def test_pictures_that_are_not_coded_give_no_frame_and_take_time(tmp_path, suffix):
    path, coded = write_not_coded(tmp_path / f"clip{suffix}", 47, every=6)
    found, _ = agree(path, coded / 25)
    assert found.num_frames == 40


def test_small_pictures_of_an_avi_file_that_reorders_frames_are_frames(tmp_path):
    """XviD packs two pictures in a packet, and a small one after it stands for the second."""
    still = [next(iter(numbered(1)))] * 30
    path = write_video(
        tmp_path / "clip.avi", still, codec="mpeg4", options={"g": "30"}, max_b_frames=2
    )
    with av.open(str(path)) as container:
        assert min(packet.size for packet in container.demux(video=0) if packet.size) <= 32
    found = probe(path)
    assert (found.num_frames, found.is_plain) == (30, True)
    np.testing.assert_allclose(found.seconds, np.arange(30) / 25)


def test_frames_that_an_avi_file_drops_take_time(tmp_path):
    source = write_video(tmp_path / "a.mp4", numbered(40), codec="mpeg4", options={"g": "1"})
    kept = [k for k in range(40) if k % 5 != 3]
    path = remux(
        source, tmp_path / "b.avi", lambda k, content, t: (content, t) if k in kept else None
    )
    _, pixels = agree(path, np.array(kept) / 25)
    assert numbers_of(pixels) == kept


def test_frames_on_show_at_the_start_of_a_section(tmp_path):
    """A screen recording with a frame every 10 s, whose clock starts at 7 s."""
    times = [7, 17, 27, 37]
    path = write_video(
        tmp_path / "screen.mkv",
        numbered(4),
        times=times,
        time_base=Fraction(1),
        options={"bf": "0"},
    )
    for section, numbers in {
        (0, 5): [0],
        (4, 8): [0],
        (10, 12): [1],
        (9.9996, 12): [1],
        (12, 21): [1, 2],
        (25, None): [2, 3],
        (31, 99): [3],
    }.items():
        pixels, seconds = read(path, section=Section(*section))
        assert numbers_of(pixels) == numbers, section
        np.testing.assert_allclose(seconds, 10 * np.array(numbers))
    found = probe(path)
    assert found.duration_seconds == pytest.approx(40)
    with pytest.raises(Exception, match=r"no frame between 40 s and 50 s: it lasts 40.00 s"):
        wanted_frames(found, Reading(48), Section(40, 50))
    assert not list(doubts_about(found))


@pytest.mark.parametrize(
    ("rate", "doubtful"),
    [(Fraction(1, 60), True), (Fraction(1, 10), False), (500, False), (2000, True)],
)
def test_rates_that_nothing_is_filmed_at(tmp_path, rate, doubtful):
    path = write_video(
        tmp_path / "clip.mp4", numbered(12), time_base=1 / Fraction(rate), options={"bf": "0"}
    )
    doubts = list(doubts_about(probe(path)))
    assert [doubt.startswith("its times say") for doubt in doubts] == [True] * doubtful
