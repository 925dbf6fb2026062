import random

import av
import numpy as np
import pytest

from data.decoding import seeking
from data.decoding.decode import read_frames
from data.decoding.probe import open_video, probe
from data.decoding.sampling import Section
from data.decoding.seeking import SeekError, decode_at
from tests.clips import WAYS, numbered, numbers_of, write_video, write_way

NUM_FRAMES = 90


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Each of the `WAYS`, written once, with what `probe` and the whole reading say of it."""
    folder = tmp_path_factory.mktemp("clips")
    known = {}

    def clip(way):
        if way not in known:
            path = write_way(folder, way, num_frames=NUM_FRAMES)
            known[way] = path, probe(path), read(path).pixels
        return known[way]

    return clip


def read(path, **options):
    return read_frames(path, size_px=32, fit="stretch", **options)


def places_of(path, found, wanted, **options):
    """Places that come out, and the numbers in the pictures that come with them."""
    with open_video(path) as (container, stream):
        pairs = [
            (place, frame.to_ndarray(format="rgb24").transpose(2, 0, 1))
            for place, frame in decode_at(container, stream, found, np.array(wanted), **options)
        ]
    return [place for place, _ in pairs], numbers_of([picture for _, picture in pairs])


@pytest.mark.parametrize("way", WAYS)
def test_any_frames_are_those_of_the_whole_reading_bit_for_bit(clips, way, monkeypatch):
    path, found, whole = clips(way)
    draw = random.Random(0)
    subsets = [[k] for k in range(0, NUM_FRAMES, 7)]
    subsets += [sorted(draw.sample(range(NUM_FRAMES), size)) for size in (2, 2, 3, 3, 5, 10, 30)]
    subsets += [[0, NUM_FRAMES - 1], [9, 10, 11], [29, 30, 70, 71], [NUM_FRAMES - 1]]
    for wanted in subsets:
        monkeypatch.setattr("data.decoding.decode.wanted_frames", lambda *_, w=wanted: np.array(w))
        pixels, seconds = read(path, frames="every=2", found=found)
        np.testing.assert_array_equal(pixels, whole[wanted])
        np.testing.assert_array_equal(seconds, found.seconds[wanted])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("may_seek", [True, False])
def test_each_frame_comes_with_its_place(clips, way, may_seek):
    path, found, _ = clips(way)
    for wanted in ([0], [3, 55], [12, 13, 40, 88], list(range(0, NUM_FRAMES, 9))):
        assert places_of(path, found, wanted, may_seek=may_seek) == (wanted, wanted)


@pytest.mark.parametrize("way", ["h264.mp4", "h264-open-gop.mp4", "h264.mkv", "h264.ts"])
def test_little_is_read_for_a_frame_far_in(clips, way, monkeypatch):
    """With a key frame every 10: two sections, and what transport streams read to find the second."""
    path, found, _ = clips(way)
    counts = counted(monkeypatch)
    assert places_of(path, found, [5, 85]) == ([5, 85], [5, 85])
    assert counts["seeks"] == 1
    assert counts["packets"] <= (45 if way.endswith(".ts") else 24)


def counted(monkeypatch):
    counts = {"packets": 0, "seeks": 0}
    packets, packets_from = seeking.Packets, seeking._Run.packets_from

    class Counting(packets):
        def __iter__(self):
            for packet in super().__iter__():
                counts["packets"] += 1
                yield packet

    def count(self, key):
        counts["seeks"] += 1
        return packets_from(self, key)

    monkeypatch.setattr(seeking, "Packets", Counting)
    monkeypatch.setattr(seeking._Run, "packets_from", count)
    return counts


def test_no_seek_where_the_next_key_frame_is_near(clips, monkeypatch):
    path, found, _ = clips("h264.mp4")
    counts = counted(monkeypatch)
    assert places_of(path, found, list(range(0, NUM_FRAMES, 3)))[0] == list(range(0, NUM_FRAMES, 3))
    assert counts == {"packets": pytest.approx(NUM_FRAMES, abs=2), "seeks": 0}


def test_a_container_that_cannot_seek_is_read_through(clips, monkeypatch):
    path, found, whole = clips("h264.mp4")

    def refuse(self, key):
        raise SeekError

    monkeypatch.setattr(seeking._Run, "packets_from", refuse)
    np.testing.assert_array_equal(read(path, frames="every=30", found=found).pixels, whole[::30])
    with pytest.raises(SeekError):
        places_of(path, found, [80])


def test_a_seek_that_goes_wrong_keeps_what_came_before(clips, monkeypatch):
    path, found, whole = clips("h264.mp4")
    calls = []
    packets_from = seeking._Run.packets_from

    def fails_twice(self, key):
        calls.append(key)
        if len(calls) > 1:
            raise SeekError
        return packets_from(self, key)

    monkeypatch.setattr(seeking._Run, "packets_from", fails_twice)
    np.testing.assert_array_equal(read(path, frames="every=30", found=found).pixels, whole[::30])
    assert calls == [30, 60]


@pytest.mark.parametrize("way", ["h264.mp4", "h264.mkv", "h264.ts", "vp9.webm"])
def test_key_frames_that_are_none_are_noticed(clips, way):
    """A scan may call a frame a key frame that decoding cannot start from."""
    path, found, whole = clips(way)
    wrong = found._replace(keyframes=np.arange(0, NUM_FRAMES, 5))
    np.testing.assert_array_equal(read(path, frames="every=17", found=wrong).pixels, whole[::17])


@pytest.mark.parametrize("way", ["h264.mp4", "h264.ts", "mpeg4-b-frames.mp4", "vp9.webm"])
def test_a_damaged_file_gives_the_frames_wanted_that_are_left(tmp_path, way):
    path = write_way(tmp_path, way, num_frames=NUM_FRAMES)
    whole = read(path).pixels
    content = bytearray(path.read_bytes())
    start, length = len(content) // 2, len(content) // 20
    content[start : start + length] = random.Random(0).randbytes(length)
    path.write_bytes(content)
    pixels, seconds = read(path, frames="every=3")
    places = np.round(seconds * 25).astype(int)
    assert len(places) >= 20
    same = (pixels == whole[places]).all((1, 2, 3))
    # The first third and the last tenth are far from the damage.
    assert same[places < 30].all()
    assert same[places > 81].all()


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts"])
def test_sections_of_a_long_stretch_with_few_key_frames(tmp_path, name):
    path = write_video(tmp_path / name, numbered(200), options={"g": "60", "bf": "3"})
    whole = read(path).pixels
    for first, last in ((59, 61), (60, 62), (119, 125), (150, 200)):
        section = Section(first / 25, last / 25)
        np.testing.assert_array_equal(read(path, section=section).pixels, whole[first:last])


def test_rates_that_vary(tmp_path):
    times = np.cumsum(np.random.default_rng(0).integers(1, 9, 100)).tolist()
    path = write_video(
        tmp_path / "clip.mkv", numbered(100), times=times, options={"g": "10", "bf": "2"}
    )
    whole = read(path).pixels
    for first in (0, 31, 78, 99):
        start = (times[first] - times[0]) / 25
        pixels, seconds = read(path, section=Section(start, None), frames="every=5")
        np.testing.assert_array_equal(pixels, whole[first::5])
        np.testing.assert_allclose(seconds, (np.array(times)[first::5] - times[0]) / 25, atol=1e-3)


def test_pictures_nobody_refers_to_are_left_out_without_a_trace(tmp_path):
    """Where B-frames are references themselves, which no decoder may leave out."""
    path = write_video(
        tmp_path / "clip.mp4",
        numbered(60),
        options={"x264-params": "bframes=7:b-pyramid=normal:b-adapt=0:keyint=60:scenecut=0"},
    )
    with av.open(str(path)) as container:
        kinds = [frame.pict_type for frame in container.decode(video=0)]
    assert sum(kind == av.video.frame.PictureType.B for kind in kinds) > 40
    whole = read(path).pixels
    for step in range(2, 12):
        pixels = read(path, frames=f"every={step}").pixels
        np.testing.assert_array_equal(pixels, whole[::step])
