"""Which files are read by their endings, and which stream of a file."""

import os
from contextlib import contextmanager

import av
import numpy as np
import pytest

from data.clips.clip import VIDEO_SUFFIXES
from data.decoding.decode import read_frames
from data.decoding.opening import film_streams, open_video
from data.decoding.probe import probe
from data.video.checkup import remarks_on
from tests.clips import numbered, numbers_of, write_video
from tests.odd_clips import write_dav, write_streams

H264, MPEG2, MJPEG = {}, {"codec": "mpeg2video"}, {"codec": "mjpeg", "pix_fmt": "yuvj420p"}
HEVC = {
    "codec": "libx265",
    "options": {"x265-params": "log-level=none:pools=1:frame-threads=1:bframes=0"},
}
AV1 = {"codec": "libsvtav1", "options": {"preset": "12"}}
SD, CIF = (720, 576), (176, 144)
# Ending: container, way of coding, size where the format knows few.
ENDINGS = {
    **dict.fromkeys((".264", ".avc", ".h264", ".h26l"), ("h264", H264)),
    **dict.fromkeys((".265", ".h265", ".hevc"), ("hevc", HEVC)),
    **dict.fromkeys((".mp4", ".mp4v", ".lrv", ".insv", ".m4v"), ("mp4", H264)),
    **dict.fromkeys((".3gp", ".3gpp"), ("3gp", H264)),
    **dict.fromkeys((".3g2", ".3gp2"), ("3g2", H264)),
    **dict.fromkeys((".mov", ".qt"), ("mov", H264)),
    ".f4v": ("f4v", H264),
    ".ismv": ("ismv", H264),
    ".mj2": ("mov", {"codec": "jpeg2000"}),
    **dict.fromkeys((".mkv", ".mk3d"), ("matroska", H264)),
    ".webm": ("webm", {"codec": "libvpx"}),
    **dict.fromkeys((".avi", ".divx", ".xvid"), ("avi", {"codec": "mpeg4"})),
    **dict.fromkeys(
        (".ts", ".tp", ".trp", ".tod", ".m2t", ".m2ts", ".mts", ".mpegts"), ("mpegts", H264)
    ),
    **dict.fromkeys((".mpg", ".mpeg", ".mpe", ".vob", ".vro", ".mod", ".m2p"), ("vob", MPEG2)),
    ".m2v": ("mpeg2video", MPEG2),
    **dict.fromkeys((".m1v", ".mpv"), ("mpeg1video", {"codec": "mpeg1video"})),
    **dict.fromkeys((".wmv", ".wm", ".asf", ".dvr-ms"), ("asf", {"codec": "wmv2"})),
    ".wtv": ("wtv", MPEG2),
    ".flv": ("flv", H264),
    ".ivf": ("ivf", {"codec": "libvpx"}),
    **dict.fromkeys((".obu", ".av1"), ("obu", AV1)),
    ".nut": ("nut", H264),
    ".mxf": ("mxf", MPEG2),
    ".y4m": ("yuv4mpegpipe", {"codec": "rawvideo"}),
    **dict.fromkeys((".mjpeg", ".mjpg"), ("mjpeg", MJPEG)),
    ".gif": ("gif", {"codec": "gif", "pix_fmt": "rgb8"}),
    ".apng": ("apng", {"codec": "apng", "pix_fmt": "rgb24"}),
    **dict.fromkeys((".dv", ".dif"), ("dv", {"codec": "dvvideo"}, SD)),
    ".gxf": ("gxf", MPEG2, SD),
    ".h261": ("h261", {"codec": "h261"}, CIF),
    ".h263": ("h263", {"codec": "h263"}, CIF),
    ".rm": ("rm", {"codec": "rv20"}, CIF),
}
# Formats that FFmpeg reads and does not write; .dav has a test of its own.
UNWRITTEN = {".amv", ".dav", ".ogm", ".ogv", ".rcv", ".rmvb", ".vc1"}


def test_all_endings_are_tried():
    assert set(ENDINGS) | UNWRITTEN == VIDEO_SUFFIXES


@contextmanager
def scheduling_kept():
    """Undo what SVT-AV1 does if root runs it: it gives the caller a real-time priority."""
    if not hasattr(os, "sched_setscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


@pytest.mark.parametrize("suffix", ENDINGS)
def test_files_of_every_ending_are_read(tmp_path, suffix):
    container, options, *size = ENDINGS[suffix]
    if options.get("codec", "libx264") not in av.codecs_available:
        pytest.skip("this PyAV lacks the encoder")
    width, height = size[0] if size else (80, 64)
    pictures = numbered(12, width=width, height=height)
    with scheduling_kept():
        path = write_video(tmp_path / f"clip{suffix}", pictures, container=container, **options)
    found = probe(path)
    pixels, seconds = read_frames(path, size_px=48, fit="stretch")
    assert numbers_of(pixels) == list(range(12))
    np.testing.assert_allclose(seconds, found.seconds, atol=1e-9)
    # H.261 and H.263 name no rate, and FFmpeg takes that of television; GXF counts fields.
    rate = {".h261": 30000 / 1001, ".h263": 30000 / 1001}.get(suffix, 25)
    np.testing.assert_allclose(seconds[:-1], np.arange(11) / rate, atol=1.1e-3)
    pixels = read_frames(path, size_px=48, fit="stretch", frames="every=5").pixels
    assert numbers_of(pixels) == [0, 5, 10]


def test_recordings_of_dahua(tmp_path):
    path = write_dav(tmp_path / "clip.dav", 40)
    pixels, seconds = read_frames(path, size_px=48, fit="stretch", frames="every=3")
    assert numbers_of(pixels) == list(range(0, 40, 3))
    np.testing.assert_allclose(seconds, np.arange(0, 40, 3) / 25)


SMALL, LARGE = (80, 64), (160, 128)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("sizes", "default", "read"),
    [
        ((SMALL, LARGE), 1, LARGE),
        ((LARGE, SMALL), 0, LARGE),
        ((LARGE, SMALL), 1, SMALL),
    ],
)
def test_the_stream_that_is_the_default_is_read(tmp_path, suffix, sizes, default, read):
    path = write_streams(tmp_path / f"a{suffix}", sizes, default=default, lengths=[20, 20])
    found = probe(path)
    assert (found.width_px, found.height_px) == read
    other = next(size for size in sizes if size != read)
    assert found.other_streams == (f"h264 {other[0]}x{other[1]}",)
    (remark,) = remarks_on(found)
    assert remark == (
        f"2 video streams: h264 {read[0]}x{read[1]} is read, h264 {other[0]}x{other[1]} is not"
    )
    with av.open(str(path)) as container:
        assert film_streams(container)[0].index == container.streams.best("video").index
    for rule in ("all", "every=1"):
        pixels = read_frames(path, size_px=48, fit="stretch", frames=rule).pixels
        assert numbers_of(pixels) == list(range(20))
    with open_video(path) as (_, stream):
        assert (stream.width, stream.height) == read


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
@pytest.mark.parametrize("default", [0, 1])
def test_a_single_picture_before_the_film_is_not_the_film(tmp_path, suffix, default):
    if suffix == ".mkv" and default == 0:
        pytest.skip("Matroska does not say how many pictures a stream has, and this is its default")
    path = write_streams(tmp_path / f"a{suffix}", (SMALL, LARGE), default=default, lengths=[1, 20])
    found = probe(path)
    assert (found.width_px, found.num_frames) == (160, 20)


def test_a_cover_is_no_film(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        cover = output.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 320, 240, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        film = output.add_stream("libx264", rate=25)
        film.width, film.height, film.pix_fmt = 80, 64, "yuv420p"
        for k, pixels in enumerate(numbered(20)):
            if k == 0:
                picture = np.zeros((240, 320, 3), np.uint8)
                output.mux(cover.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                output.mux(cover.encode(None))
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = k
            output.mux(film.encode(frame))
        output.mux(film.encode(None))
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 2
    assert numbers_of(read_frames(path, size_px=48, fit="stretch").pixels) == list(range(20))
    assert probe(path).other_streams == ()
