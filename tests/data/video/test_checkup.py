"""Frames decoded from clips that were damaged on purpose."""

import os
from fractions import Fraction

import av
import pytest

from data.clips.clip import Clip
from data.decoding.isolation import Decoder
from data.decoding.sampling import Section
from data.video import checkup
from data.video.checkup import Checkup, check_clip, check_clips
from tests.clips import numbered, write_video


@pytest.fixture(scope="module")
def decoder():
    found = Decoder(limit_seconds=30)
    yield found
    found.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Whole clips of 60 frames."""
    folder = tmp_path_factory.mktemp("whole")
    return {
        "h264.mp4": write_video(folder / "h264.mp4", numbered(60), options={"g": "20", "bf": "2"}),
        "h264.mkv": write_video(folder / "h264.mkv", numbered(60)),
        "mjpeg.avi": write_video(
            folder / "mjpeg.avi", numbered(60), codec="mjpeg", pix_fmt="yuvj420p"
        ),
        "mpeg4.avi": write_video(folder / "mpeg4.avi", numbered(60), codec="mpeg4", max_b_frames=2),
        "vp8.webm": write_video(folder / "vp8.webm", numbered(60), codec="libvpx"),
        "mpeg2.ts": write_video(folder / "mpeg2.ts", numbered(60), codec="mpeg2video"),
    }


def rewrite(source, target, change, **options):
    """Copy the packets of a clip as ``change(k, packet)`` makes them; None leaves one out."""
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for k, packet in enumerate(old.demux(old.streams.video[0])):
            if packet.size and (content := change(k, bytes(packet))) is not None:
                copy = av.Packet(content)
                copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                copy.is_keyframe, copy.duration = packet.is_keyframe, packet.duration
                copy.stream = stream
                new.mux(copy)
    return target


def same(k, content):
    return content


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [
        ("h264.mp4", "h264", "mov"),
        ("h264.mkv", "h264", "matroska"),
        ("mjpeg.avi", "mjpeg", "avi"),
        ("mpeg4.avi", "mpeg4", "avi"),
        ("vp8.webm", "vp8", "matroska"),
        ("mpeg2.ts", "mpeg2video", "mpegts"),
    ],
)
def test_whole_clips(files, decoder, name, codec, container):
    found = check_clip(decoder, files[name])
    assert found._replace(seconds=0, frames_per_second=0) == Checkup(
        is_readable=True,
        frames=60,
        frames_decoded=60,
        width_px=80,
        height_px=64,
        codec=codec,
        container=container,
    )
    assert found.seconds == pytest.approx(2.4, abs=0.05)
    assert found.frames_per_second == pytest.approx(25, abs=0.5)


def test_size_is_as_shown(tmp_path, decoder):
    path = write_video(
        tmp_path / "turned.mp4", numbered(3), pixel_aspect=Fraction(3, 2), turn_degrees=90
    )
    found = check_clip(decoder, path)
    assert (found.width_px, found.height_px) == (64, 120)


def test_rates_that_vary(tmp_path, decoder):
    times = {
        # Some containers round times to milliseconds.
        "rounded": [round(k * 1000 / 30) for k in range(60)],
        "one gap of 150": [40 * k + 500 * (k > 80) for k in range(150)],
        "varying": [40 * k + 20 * (k % 3 == 0) for k in range(60)],
    }
    varies = {
        name: check_clip(
            decoder,
            write_video(
                tmp_path / f"{name}.mkv", numbered(len(at)), times=at, time_base=Fraction(1, 1000)
            ),
        ).rate_varies
        for name, at in times.items()
    }
    assert varies == {"rounded": False, "one gap of 150": False, "varying": True}


@pytest.mark.parametrize(
    ("name", "options", "seconds"),
    [
        ("h264.mp4", {"movflags": "faststart"}, "2.40"),
        ("h264.mkv", {}, "2.40"),
        ("mjpeg.avi", {}, "2.40"),
    ],
)
def test_files_that_were_cut_off(files, tmp_path, decoder, name, options, seconds):
    whole = rewrite(files[name], tmp_path / name, same, **options)
    assert check_clip(decoder, whole).fault == ""
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    found = check_clip(decoder, whole)
    assert found.is_readable
    assert found.frames_decoded < 45
    assert f"s of the {seconds} s its header names" in found.fault
    # The remaining bytes can be a clip.
    assert check_clip(decoder, whole, Section(0, 0.2)).fault == ""


def test_a_picture_that_stands_for_long_is_no_damage(tmp_path, decoder):
    times = [*range(20), 200]
    path = write_video(tmp_path / "slide.mp4", numbered(21), times=times)
    short = write_video(tmp_path / "short.mp4", numbered(21))
    assert check_clip(decoder, path).fault == check_clip(decoder, short).fault == ""


def test_packets_that_give_no_frame(files, tmp_path, decoder):
    def spoil(*places):
        return lambda k, content: b"\xff" * len(content) if k in places else content

    found = check_clip(decoder, rewrite(files["h264.mp4"], tmp_path / "1.mp4", spoil(59)))
    assert (found.frames, found.frames_decoded) == (60, 59)
    assert found.fault == "59 of 60 frames could be decoded"
    found = check_clip(decoder, rewrite(files["mjpeg.avi"], tmp_path / "1.avi", spoil(7)))
    assert (found.frames_decoded, found.fault) == (59, "")
    found = check_clip(decoder, rewrite(files["mjpeg.avi"], tmp_path / "2.avi", spoil(7, 30)))
    assert found.fault == "58 of 60 frames could be decoded"
    # A stretch answers for its own frames alone.
    assert check_clip(decoder, tmp_path / "2.avi", Section(0.4, 1.0)) == found._replace(
        fault="", frames=15, frames_decoded=15, seconds=pytest.approx(0.6)
    )


def test_pictures_that_are_not_shown_are_not_missing(files, tmp_path, decoder):
    def hide(*places):
        # The fifth bit of a VP8 frame: show_frame.
        return lambda k, content: (
            bytes([content[0] & ~16]) + content[1:] if k in places else content
        )

    found = check_clip(decoder, rewrite(files["vp8.webm"], tmp_path / "a.webm", hide(5, 20, 35)))
    assert (found.frames, found.frames_decoded, found.fault) == (57, 57, "")


def test_a_cut_before_the_first_key_frame_is_no_damage(files, tmp_path, decoder):
    def behind(k, content):
        return content if k >= 5 else None

    cut = rewrite(files["mpeg2.ts"], tmp_path / "cut.ts", behind)
    found = check_clip(decoder, cut)
    assert found.frames == 55
    assert found.frames_decoded < found.frames - 1
    assert found.fault == ""


def test_unreadable(files, tmp_path, decoder):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video\n" * 50)
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXTINF:1,\nhttp://localhost/a.ts\n")
    os.symlink("loop.mp4", tmp_path / "loop.mp4")
    for name, reason in {
        "empty.mp4": "is empty (0 bytes)",
        "text.mp4": "is a text file",
        "list.mp4": "is a playlist",
        "loop.mp4": "no such file",
        "absent.mp4": "no such file",
    }.items():
        found = check_clip(decoder, tmp_path / name)
        assert reason in found.fault, name
        assert found == Checkup(fault=found.fault)
    found = check_clip(decoder, files["h264.mp4"], Section(5, 6))
    assert found.fault == "no frame between 5 s and 6 s: it lasts 2.40 s"


class _Slow(Decoder):
    def _start(self, block_bytes):
        super()._start(block_bytes)
        self.limit_seconds = 0.0


def test_what_hangs_costs_its_file_only(files):
    assert "took longer than 0 s" in check_clip(_Slow(), files["h264.mp4"]).fault


def test_each_stretch_is_decoded_once_and_results_keep_their_order(files, monkeypatch):
    asked = []

    def check(decoder, path, section):
        asked.append((path.name, section))
        return Checkup(codec=f"{path.name} {section.start_seconds}")

    monkeypatch.setattr(checkup, "check_clip", check)
    one, two = files["h264.mp4"], files["vp8.webm"]
    rows = [Clip(one, "a", None), Clip(two, "a", None), Clip(one, "b", None)]
    rows += [Clip(one, "b", None, start_seconds=1.0), Clip(two, "b", None)]
    found = check_clips(rows, limit_seconds=30, show_progress=False)
    names = ["h264.mp4 None", "vp8.webm None", "h264.mp4 None", "h264.mp4 1.0", "vp8.webm None"]
    assert [one.codec for one in found] == names
    assert len(asked) == 3
