"""Sources that do not wait: servers on the loopback, lost and opened again, late frames, redirects."""

import subprocess
import sys
import threading
from functools import partial

import pytest

from data.streams import frames as streams
from data.streams.arrivals import Arrivals
from pipelines.predict import load
from pipelines.watch import clips
from pipelines.watch.readings import StepReading
from tests import ROOT
from tests.clips import write_clip
from tests.streams import (
    HttpServer,
    RtspServer,
    as_mpegts,
    ffmpeg_http,
    gives,
    redirects,
    then_waits,
)

# Nothing is late on a slow machine, and a source that has ended is not waited for.
ONCE = ("--late_seconds=null", "--reopen=0")


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "a.mp4", num_frames=60)


@pytest.fixture
def no_pause(monkeypatch):
    """Nobody waits before a source is opened again."""
    monkeypatch.setattr(clips, "pause_after", lambda times: 0.0)


def assert_same(found, ckpt, clip):
    due = load(ckpt)(clip)
    assert found["step"] == due.steps
    assert found["probabilities"] == pytest.approx(due.probabilities, abs=1e-5)


def test_a_stream_of_ffmpegs_http_server(clip, clip_model, watch):
    ckpt = clip_model()
    with ffmpeg_http(clip) as url:
        code, found, err = watch(ckpt, url, *ONCE)
    assert_same(found[-1], ckpt, clip)
    assert (code, found[-1]["ended"]) == (1, "the source was lost")
    assert "the source was lost (it ended), and is given up (--reopen)" in err


def test_an_answer_of_a_stated_length_comes_to_its_end(clip, clip_model, watch):
    """Nothing of it is late, however long the model takes."""
    ckpt, content = clip_model(), as_mpegts(clip)
    with HttpServer(gives(content, length=len(content))) as server:
        code, found, _ = watch(ckpt, server.url, "--late_seconds=0.000001")
    assert_same(found[-1], ckpt, clip)
    assert (code, found[-1]["ended"], server.num_asked) == (0, "the source ended", 1)


def test_a_name_and_a_password_are_given_and_not_told(clip_model, watch):
    with HttpServer(redirects("/there")) as server:
        url = server.url.replace("//", "//me:secret@")
        code, _, err = watch(clip_model(), url)
    assert code == 2
    assert server.headers_seen[0]["Authorization"] == "Basic bWU6c2VjcmV0"
    assert "me:…@" in err
    assert "secret" not in err


def test_rtsp(clip, clip_model, watch):
    """The last packet of a transport stream ends where the next begins, so that a frame is missing."""
    ckpt = clip_model()
    with RtspServer(as_mpegts(clip)) as server:
        code, found, _ = watch(ckpt, server.url, *ONCE)
    along = load(ckpt)(clip).timeline()
    assert (code, found[-1]["step"]) == (1, 59)
    shares = dict(zip(along.classes, along.probabilities[58], strict=True))
    assert found[-1]["probabilities"] == pytest.approx(shares, abs=1e-5)
    assert server.methods == ["DESCRIBE", "OPTIONS", "DESCRIBE", "SETUP", "PLAY"]


@pytest.mark.parametrize("challenge", ['Digest realm="a", nonce="b"', 'Basic realm="a"'])
def test_rtsp_with_a_password_and_a_redirect_behind_it(clip_model, watch, challenge):
    with (
        RtspServer(b"") as target,
        RtspServer(b"", challenge=challenge, location=target.url) as server,
    ):
        code, _, err = watch(clip_model(), server.url.replace("//", "//me:secret@"))
        assert (code, target.num_connections) == (2, 0)
    assert f"redirects to {target.url} (302), which is not followed; name that as SOURCE" in err
    assert "secret" not in err
    assert server.methods == ["DESCRIBE", "DESCRIBE"]
    kind = challenge.split()[0]
    assert [one.split()[0] for one in server.authorizations] == [kind]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_its_target_not_asked(clip_model, watch, status):
    with (
        HttpServer(gives(b"")) as target,
        HttpServer(redirects(target.url, status=status)) as server,
    ):
        code, found, err = watch(clip_model(), server.url)
        assert (code, found, target.num_asked, server.num_asked) == (2, [], 0, 1)
    assert (
        f"redirects to {target.url} ({status}), which is not followed; name that as SOURCE" in err
    )


def test_playlists_are_refused_and_what_they_name_is_not_asked(tmp_path, clip_model, watch):
    ckpt = clip_model()
    with HttpServer(gives(b"")) as target:
        for text in (
            f"#EXTM3U\n#EXTINF:5,\n{target.url}\n",
            f"ffconcat version 1.0\nfile {target.url}\n",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 33\n",
            f'<?xml version="1.0"?><MPD><BaseURL>{target.url}</BaseURL></MPD>',
        ):
            content = text.encode()
            (tmp_path / "list.m3u8").write_bytes(content)
            with HttpServer(gives(content, length=len(content))) as server:
                sources = (server.url, tmp_path / "list.m3u8")
                for source in sources:
                    code, _, err = watch(ckpt, source)
                    assert code == 2
                    assert "is a playlist, which names other files; give those" in err
        assert target.num_asked == 0


def test_a_lost_source_is_opened_again_and_a_new_sequence_begins(clip, clip_model, watch, no_pause):
    ckpt, content = clip_model(), as_mpegts(clip)
    refused = redirects("/elsewhere")
    with HttpServer(
        gives(content, length=len(content) + 9), refused, gives(content, length=len(content))
    ) as server:
        code, found, err = watch(ckpt, server.url)
    assert (code, server.num_asked) == (0, 3)
    ends = [one for one in found if "ended" in one]
    assert [one["ended"] for one in ends] == ["the source was lost", "the source ended"]
    assert [one["sequence"] for one in ends] == [1, 2]
    for one in ends:
        assert_same(one, ckpt, clip)
    # The time goes on.
    assert ends[1]["seconds"] >= 2 * 59 / 25 - 1e-6
    assert "lost (it ended); it is opened again in 0 s" in err
    assert "lost (redirects to /elsewhere" in err
    assert "open again; a new sequence begins" in err
    assert "read 120 frames in 2 sequences; dropped 0; opened again 1 times" in err


def test_pauses_grow():
    assert [streams.pause_after(times) for times in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert streams.pause_after(10**6) == 30


def test_a_source_that_gives_nothing_more_is_lost(clip, clip_model, watch):
    ends = threading.Event()
    with HttpServer(then_waits(as_mpegts(clip), ends)) as server:
        code, found, err = watch(clip_model(), server.url, *ONCE, "--timeout_seconds=0.5")
        ends.set()
    assert code == 1
    assert "nothing came for 0.5 s (--timeout_seconds)" in err
    assert found[-1]["step"] > 50


def test_late_frames_are_dropped_and_counted(clip, clip_model, watch, monkeypatch):
    """The model is slow: while it reads its first frame, most others come and become late."""
    content = as_mpegts(clip)
    begun, closed = threading.Event(), threading.Event()
    arrived = []
    put = Arrivals._put

    def counted(arrivals, item):
        arrived.append(item)
        if len(arrived) == 20:
            begun.wait(60)
        return put(arrivals, item)

    def all_at_once(handler):
        gives(content)(handler)
        handler.wfile.flush()
        closed.wait(60)

    class SlowReading(StepReading):
        def read(self, step, place):
            if not begun.is_set():
                begun.set()
                # Not all: the last ones come with the end of the connection.
                while len(arrived) < 50:
                    threading.Event().wait(0.01)
                # What waits by now is late.
                threading.Event().wait(0.2)
                closed.set()
            return super().read(step, place)

    monkeypatch.setattr(Arrivals, "_put", counted)
    monkeypatch.setattr(clips, "StepReading", SlowReading)
    code, found, err = None, None, None
    with HttpServer(all_at_once) as server:
        code, found, err = watch(
            clip_model(), server.url, "--late_seconds=0.1", "--reopen=0", "--timeout_seconds=20"
        )
    read, dropped = found[-1]["step"], found[-1]["dropped"]
    assert (code, read + dropped) == (1, 60)
    assert 0 < read < 60
    assert f"read {read} frames in 1 sequences; dropped {dropped}" in err


WATCH = [sys.executable, "-m", "pipelines.watch", "--format=json"]


def test_a_pipe_and_a_signal(clip, clip_model, tmp_path):
    """Standard input; at SIGTERM the last answer, a summary and exit code 143."""
    ckpt = clip_model()
    run = partial(subprocess.Popen, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process = run(
        [*WATCH, f"--ckpt={ckpt}", "--source=-", "--every_steps=10"], stdin=subprocess.PIPE
    )
    process.stdin.write(as_mpegts(clip))
    process.stdin.flush()
    lines = [process.stdout.readline() for _ in range(5)]
    process.terminate()
    rest, err = process.communicate(timeout=60)
    *_, last = [*lines, *rest.splitlines()]
    assert process.returncode == 143
    assert b'"ended": "interrupted"' in last
    assert b"frames in 1 sequences" in err
    assert b"error: interrupted by SIGTERM" in err
