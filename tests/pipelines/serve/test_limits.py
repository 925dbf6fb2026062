"""What is refused: too large, too many, too slow, broken, and whatever names a path."""

import http.client
import json
import os
import socket
import threading
import time

import pytest

from pipelines.serve.answerers.decoding import _in_memory
from tests.clips import write_clip
from tests.pipelines.serve.serving import JSON, RAW, serving


def is_one_line(found) -> bool:
    error = found.json["error"]
    return 0 < len(error) < 400 and "\n" not in error and "Traceback" not in error


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "is no JSON"),
        (b"[" * 100_000, 400, "nests too deep"),
        (b"\xff\xfe", 400, "is no JSON"),
        (b"[1]", 422, "is no JSON object"),
        (b"{}", 422, "one of text, texts and file"),
        (b'{"path": "/etc/passwd"}', 422, "path: no such key"),
        (b'{"text": "a", "path": "/etc/passwd"}', 422, "path: no such key"),
        (b'{"text": 3}', 422, "text: give a text"),
        (b'{"texts": "a"}', 422, "texts: give a list"),
        (b'{"texts": [1]}', 422, "texts: give a list"),
        (b'{"texts": []}', 422, "texts: holds none"),
        (b'{"text": "a", "explain": 1}', 422, "explain: give true or false"),
        (b'{"texts": ["a"], "explain": true}', 422, "explain: one text at a time"),
        (b'{"text": " "}', 422, "holds no word"),
        (b'{"file": "%%"}', 422, "file: is no base64"),
        (b'{"file": "YQ=="}', 415, "this model reads texts"),
    ],
)
def test_malformed_questions_are_one_line(texts, body, status, says):
    found = texts.ask("/answer", body, **JSON)
    assert (found.status, says in found.json["error"]) == (status, True), found.content
    assert is_one_line(found)


def test_texts_of_any_signs_are_answered(texts):
    for text in ("\ud800 fine", "fine \x00 film", "<script>fine</script>", "fine‮ film"):
        assert texts.answer({"text": text, "explain": True}).status == 200


def test_other_kinds_of_bodies_are_refused(texts):
    for kind in ("application/x-www-form-urlencoded", "text/plain", "nonsense"):
        found = texts.ask("/answer", b"text=a", **{"Content-Type": kind})
        assert (found.status, is_one_line(found)) == (415, True)
    for path, method in (("/answer", "GET"), ("/health", "DELETE"), ("/nothing", "GET")):
        assert texts.ask(path, method=method).status in (404, 405)
    for kind in ("multipart/form-data", "multipart/form-data; boundary=a"):
        found = texts.ask("/answer", b"--b\r\nno form", **{"Content-Type": kind})
        assert (found.status, is_one_line(found)) in ((400, True), (422, True))


def test_a_path_is_a_text_and_no_file(texts, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("great fun and fine")
    found = texts.answer({"text": str(secret), "explain": True}).json
    assert "".join(found["explanation"]["pieces"]) == str(secret)


def test_a_path_in_place_of_a_clip_is_not_opened(clips, tmp_path, clip):
    path = tmp_path / "a.mp4"
    path.write_bytes(clip)
    for found in (
        clips.answer({"path": str(path)}),
        clips.answer({"text": str(path)}),
        clips.answer(str(path).encode()),
        clips.answer(f"file:{path}".encode()),
        clips.answer(f"ffconcat version 1.0\nfile {path}".encode()),
        clips.answer(f"#EXTM3U\n{path}\n".encode()),
    ):
        assert found.status == 422
        assert is_one_line(found)
    assert str(tmp_path) not in json.dumps(found.json)


@pytest.mark.parametrize("content", [b"no clip", b"", b"\xff\xd8\xff", b"\0" * 1000])
def test_broken_uploads_are_one_line(clips, content):
    found = clips.answer(content)
    assert (found.status, is_one_line(found)) == (422, True), found.content
    assert "/proc" not in found.json["error"]


def test_a_cut_clip_is_one_line_and_the_next_is_answered(clips, clip):
    assert clips.answer(clip[: len(clip) // 3]).status == 422
    assert clips.answer(clip).status == 200


def test_uploads_leave_nothing_behind(clips, clip, monkeypatch, tmp_path):
    def no_file(**_):
        raise AssertionError("a file is made")

    for name in ("TemporaryFile", "NamedTemporaryFile"):
        monkeypatch.setattr(f"tempfile.{name}", no_file)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    form = b'--xx\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n' + clip
    form += bytes(2**20)  # beyond which forms are usually put on disk
    form += b"\r\n--xx--\r\n"
    clips.answer(clip)
    before = num_open_files()
    for _ in range(3):
        found = clips.ask("/answer", form, **{"Content-Type": "multipart/form-data; boundary=xx"})
        assert found.status in (200, 422)
        assert clips.answer(b"no clip").status == 422
    assert not list(tmp_path.iterdir())
    assert num_open_files() <= before + 2


def num_open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def test_without_anonymous_files_an_upload_is_removed(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with _in_memory(b"abc") as path:
        assert path.read_bytes() == b"abc"
        assert path.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.iterdir())


def test_limits_of_size_and_length(checkpoints, clip):
    with serving(checkpoints / "sentiment.ckpt", max_characters=20, max_texts=2) as server:
        assert server.answer({"text": "a" * 20}).status == 200
        for body in ({"text": "a" * 21}, {"texts": ["a", "a" * 21]}, {"texts": ["a"] * 3}):
            found = server.answer(body)
            assert (found.status, is_one_line(found)) == (413, True)
    with serving(checkpoints / "video.ckpt", max_megabytes=0.001 + len(clip) / 1e6) as server:
        assert server.answer(clip).status == 200
        assert server.answer(clip + bytes(2000)).status == 413
        # A body that says too little, or nothing, of its size is stopped while it is read.
        assert _in_chunks(server.port, [clip, bytes(3000)]) == 413
        assert server.metric("bytes_held") == 0


def test_a_promised_size_is_refused_before_it_is_sent(checkpoints):
    with (
        serving(checkpoints / "video.ckpt", max_megabytes=1) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as one,
    ):
        head = "POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n"
        one.sendall(f"{head}Content-Type: video/mp4\r\n\r\n".encode())
        assert one.recv(100).startswith(b"HTTP/1.1 413")


def test_a_clip_of_too_many_frames_is_refused(checkpoints, clip, tmp_path):
    longer = write_clip(tmp_path / "a.mp4", num_frames=13).read_bytes()
    with serving(checkpoints / "video.ckpt", max_frames=12) as server:
        assert server.answer(clip).status == 200
        found = server.answer(longer)
        assert (found.status, "more than 12 frames" in found.json["error"]) == (413, True)
        assert server.answer(clip).status == 200


def test_a_full_queue_refuses_politely(checkpoints):
    """What was taken is answered; the next one is told to come again."""
    busy, go_on = threading.Event(), threading.Event()

    def change(served):
        answers = served.answers

        def slow(items):
            busy.set()
            assert go_on.wait(60)
            return answers(items)

        served.answers = slow

    found = []
    with serving(checkpoints / "sentiment.ckpt", change=change, queue=2) as server:

        def ask():
            found.append(server.answer({"text": "a fine film"}).status)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        while server.metric("requests_held") < 2:
            time.sleep(0.01)
        assert busy.wait(60)
        refused = server.answer({"text": "a fine film"})
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert is_one_line(refused)
        assert server.ask("/health").status == 200
        go_on.set()
        for thread in threads:
            thread.join()
        assert server.answer({"text": "a fine film"}).status == 200
    assert found == [200, 200]


def test_a_request_that_takes_too_long_is_given_up(checkpoints):
    go_on = threading.Event()

    def change(served):
        answers = served.answers
        served.answers = lambda items: answers(items) if go_on.wait(60) else []

    with serving(checkpoints / "sentiment.ckpt", change=change, limit_seconds=0.3) as server:
        found = server.answer({"text": "a fine film"})
        assert (found.status, found.headers["retry-after"]) == (504, "5")
        assert "took longer than 0.3 s" in found.json["error"]
        go_on.set()
        while server.answer({"text": "a fine film"}).status != 200:
            pass
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as one:
            head = "POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n"
            one.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
            assert one.recv(100).startswith(b"HTTP/1.1 408")
        assert server.metric("requests_held") == 0


def test_a_failure_of_the_server_is_no_traceback(checkpoints, caplog):
    def change(served):
        answers = served.answers

        def failing(items):
            if any("secret" in one.item.source for one in items):
                raise RuntimeError("secret film")
            return answers(items)

        served.answers = failing

    with serving(checkpoints / "sentiment.ckpt", change=change) as server:
        found = server.answer({"text": "a secret film"})
        assert (found.status, found.json) == (500, {"error": "the server failed at this request"})
        assert server.answer({"text": "a fine film"}).status == 200
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def _in_chunks(port: int, parts: list[bytes]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/answer", iter(parts), RAW, encode_chunked=True)
    status = connection.getresponse().status
    connection.close()
    return status
