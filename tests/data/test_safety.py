"""No name and no file makes the reader open anything but the file that is named."""

import os
import socket
import time

import av
import numpy as np
import pytest

from data.decoding.decode import Reading, read_frames
from data.decoding.isolation import Decoder
from data.decoding.probe import UnreadableError, probe
from data.video.scan import probe_files
from tests.clips import numbered, numbers_of, write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("clips") / "clip.ts", numbered(5))


@pytest.fixture(scope="module")
def decoder():
    decoder = Decoder(limit_seconds=20)
    yield decoder
    decoder.close()


@pytest.fixture
def server():
    """The port of a server that must not be called."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening.getsockname()[1]
        with pytest.raises(BlockingIOError):
            listening.accept()


def refused(path, decoder):
    """The reason that each way of reading gives, at once and in one line."""
    reasons = set()
    ways = [
        lambda: probe(path),
        lambda: read_frames(path, size_px=16),
        lambda: read_frames(path, size_px=16, frames="count=1"),
        lambda: decoder.probe(path),
        lambda: decoder.read_into(path, lambda: np.empty((16, 16, 3)), Reading(16)),
    ]
    for way in ways:
        started = time.monotonic()
        with pytest.raises(UnreadableError) as caught:
            way()
        assert time.monotonic() - started < 10
        reasons.add(str(caught.value))
    assert len(reasons) == 1
    reason = reasons.pop()
    assert reason
    assert "\n" not in reason
    return reason


NO_VIDEO = (
    "is a playlist, which names other files; give those",
    "is a text file and no video; leave it out, or put the video in its place",
    "is a picture (PNG) and no video; leave it out",
)
PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">'
        '<Representation id="0" bandwidth="1"><BaseURL>{target}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
    "image list": "{target}\n",
}
ENDINGS = {"hls": "m3u8", "concat": "ffconcat", "dash": "mpd", "sdp": "sdp", "image list": "txt"}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("disguised", [False, True])
@pytest.mark.parametrize("local", [True, False])
def test_lists_of_further_files_are_no_videos(
    tmp_path, clip, decoder, server, kind, disguised, local
):
    target = str(clip) if local else f"http://127.0.0.1:{server}/clip.ts"
    path = tmp_path / f"list.{'mp4' if disguised else ENDINGS[kind]}"
    path.write_text(PLAYLISTS[kind].format(target=target, port=server))
    assert refused(path, decoder) in NO_VIDEO


def test_a_list_of_a_local_file_would_be_followed_otherwise(tmp_path, clip):
    """FFmpeg with its defaults does follow what the test above forbids."""
    path = tmp_path / "list.ffconcat"
    path.write_text(PLAYLISTS["concat"].format(target=clip))
    with av.open(str(path), options={"safe": "0"}) as container:
        assert len(list(container.decode(video=0))) == 5


def test_names_that_ffmpeg_would_take_for_more_than_names(
    tmp_path, clip, decoder, server, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.ts").write_bytes(clip.read_bytes())
    (tmp_path / "b.ts").write_bytes(clip.read_bytes())
    for name in (
        "concat:a.ts|b.ts",
        f"http://127.0.0.1:{server}/clip.ts",
        f"tcp://127.0.0.1:{server}",
        "file:a.ts",
        f"file://{clip}",
        "subfile,,start,0,end,0,,:a.ts",
        "crypto:a.ts",
        "async:a.ts",
        "cache:a.ts",
        "data:video/mp4;base64,AAAA",
        "lavfi:testsrc",
        "testsrc",
        "pipe:0",
        "pipe:",
        "fd:0",
        "-",
        "",
        "/dev/video0",
        "%01d.ts",
        "?.ts",
        "a.ts\0.mp4",
    ):
        assert refused(name, decoder) == "no such file", name


@pytest.mark.parametrize(
    "name",
    [
        "concat:a|b.ts",
        "pipe:0",
        "-",
        "http:",
        "clip-%03d.ts",
        "*.ts",
        "a?b#c&d.ts",
        " clip .ts",
        "clip\n.ts",
        "ä ö 視頻.ts",
        "-i.ts",
        "data:video,x.ts",
        "a'\"b\\.ts",
    ],
)
def test_files_that_do_have_such_names_are_read(tmp_path, clip, decoder, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(clip.read_bytes())
    assert numbers_of(read_frames(name, size_px=48, fit="stretch").pixels) == list(range(5))
    assert decoder.probe(tmp_path / name).num_frames == probe(name).num_frames == 5


def test_a_name_that_is_no_text_is_read(tmp_path, clip, decoder):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.ts")
    with open(path, "wb") as file:
        file.write(clip.read_bytes())
    assert decoder.probe(path).num_frames == probe(path).num_frames == 5
    assert probe_files([type(clip)(path)])[0].num_frames == 5


def test_a_series_of_pictures_is_no_video(tmp_path, decoder):
    for k in range(3):
        with av.open(str(tmp_path / f"p-{k}.png"), "w", format="image2") as output:
            stream = output.add_stream("png", rate=25)
            stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"
            picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
            output.mux(stream.encode(picture))
            output.mux(stream.encode(None))
    assert refused(tmp_path / "p-%d.png", decoder) == "no such file"
    assert refused(tmp_path / "p-0.png", decoder) in NO_VIDEO


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_pipes_devices_and_folders_are_not_waited_for(tmp_path, decoder):
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    (tmp_path / "link.mp4").symlink_to(pipe)
    (tmp_path / "dangling.mp4").symlink_to(tmp_path / "nowhere")
    (tmp_path / "round.mp4").symlink_to(tmp_path / "round.mp4")
    (tmp_path / "folder.mp4").mkdir()
    for name in ("pipe.mp4", "link.mp4", "dangling.mp4", "round.mp4", "folder.mp4"):
        assert refused(tmp_path / name, decoder) == "no such file"
    for path in ("/dev/zero", "/dev/stdin", "/"):
        assert refused(path, decoder) == "no such file"


def test_the_scan_of_a_data_set_holds_to_it(tmp_path, clip, server):
    playlist = tmp_path / "list.mp4"
    playlist.write_text(PLAYLISTS["hls"].format(target=f"http://127.0.0.1:{server}/clip.ts"))
    found = probe_files([clip, playlist, tmp_path / "none.mp4"])
    assert found[0].num_frames == 5
    assert found[1] in NO_VIDEO
    assert found[2] == "no such file"
