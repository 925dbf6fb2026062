"""Servers of streams on the loopback, for tests: HTTP that does what it is told, RTSP of MPEG-TS."""

import io
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import pytest

from tests import ROOT

# An RTP packet carries so many bytes of a transport stream (7 packets of 188).
_RTP_BYTES = 7 * 188

# Writes a clip to whoever asks for it by HTTP, as FFmpeg does it.
_FFMPEG_SERVER = r"""
import sys, av
clip, port = sys.argv[1:]
with av.open(clip) as old:
    print("ready", flush=True)
    # The muxer "tee" hands its option on to the protocol, which PyAV does not.
    url = rf"[f=mpegts:listen=1]http\://127.0.0.1\:{port}"
    with av.open(url, "w", format="tee") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def ffmpeg_http(clip: Path) -> Iterator[str]:
    """FFmpeg's own HTTP server, which gives the clip to one client; gives its URL."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-c", _FFMPEG_SERVER, str(clip), str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.communicate()


def wait_for_port(port: int) -> None:
    """Wait until a port is listened to, without connecting to it."""
    wanted = f"0100007F:{port:04X}"
    for _ in range(600):
        table = Path("/proc/net/tcp")
        if not table.exists():
            pytest.skip("who listens is told by /proc/net/tcp")
        if any(line.split()[1] == wanted and line.split()[3] == "0A" for line in _rows(table)):
            return
        threading.Event().wait(0.05)
    raise TimeoutError(f"nobody listens to port {port}")


def _rows(table: Path) -> list[str]:
    return table.read_text().splitlines()[1:]


class HttpServer(ThreadingHTTPServer):
    """Answers the n-th request by the n-th of some functions, later ones by the last; counts them."""

    daemon_threads = True

    def __init__(self, *answers: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.num_asked = 0
        self.headers_seen: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.num_asked += 1
                server.headers_seen.append(dict(self.headers))
                answers[min(server.num_asked, len(answers)) - 1](self)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/clip"
        threading.Thread(target=self.serve_forever, args=[0.01], daemon=True).start()

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that has gone is no error here."""


def gives(content: bytes, *, length: int | None = None, kind: str = "video/mp2t"):
    """An answer of 200 with this content; without ``length`` the connection tells the end."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def redirects(url: str, *, status: int = 302):
    """An answer that names another place."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", url)
        handler.end_headers()

    return answer


def then_waits(content: bytes, until: threading.Event):
    """An answer that gives this content, and nothing more until an event."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        gives(content)(handler)
        handler.wfile.flush()
        until.wait(60)

    return answer


def as_mpegts(clip: Path) -> bytes:
    """The packets of a clip as an MPEG transport stream."""
    file = io.BytesIO()
    with av.open(str(clip)) as old, av.open(file, "w", format="mpegts") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return file.getvalue()


class RtspServer:
    """Gives a transport stream over RTP in the one TCP connection (RFC 2326, 10.12), then closes.

    Args:
        content: of the stream, for each connection that asks to play; the last again and again.
        location: where DESCRIBE is redirected to; None: nowhere.
        challenge: what DESCRIBE asks of a client without Authorization; None: nothing.
    """

    def __init__(
        self, *content: bytes, location: str | None = None, challenge: str | None = None
    ) -> None:
        self._content, self._location, self._challenge = content, location, challenge
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/live"
        self.methods: list[str] = []
        self.authorizations: list[str] = []
        self.num_connections = self.num_played = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> "RtspServer":
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.num_connections += 1
            threading.Thread(target=self._talk, args=[client], daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, client.makefile("rwb") as file:
            try:
                while request := file.readline().decode().split():
                    headers = {}
                    while line := file.readline().decode().strip():
                        key, _, value = line.partition(":")
                        headers[key.lower()] = value.strip()
                    self.methods.append(request[0])
                    self._answer(file, request[0], headers)
                    if request[0] == "PLAY":
                        self._play(file)
                        return
            except (OSError, ValueError):
                return

    def _answer(self, file: io.BufferedRWPair, method: str, headers: dict[str, str]) -> None:
        status, more, body = "200 OK", [], ""
        if "authorization" in headers:
            self.authorizations.append(headers["authorization"])
        if method == "OPTIONS":
            more = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"]
        elif method == "DESCRIBE" and self._challenge and "authorization" not in headers:
            status, more = "401 Unauthorized", [f"WWW-Authenticate: {self._challenge}"]
        elif method == "DESCRIBE" and self._location is not None:
            status, more = "302 Moved Temporarily", [f"Location: {self._location}"]
        elif method == "DESCRIBE":
            more = ["Content-Type: application/sdp", f"Content-Base: {self.url}/"]
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\n"
                "c=IN IP4 0.0.0.0\r\na=control:track0\r\n"
            )
        elif method == "SETUP":
            more = ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
        elif method == "PLAY":
            more = ["Session: 1"]
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers['cseq']}", *more]
        lines.append(f"Content-Length: {len(body)}")
        file.write(("\r\n".join([*lines, "", ""]) + body).encode())
        file.flush()

    def _play(self, file: io.BufferedRWPair) -> None:
        content = self._content[min(self.num_played, len(self._content) - 1)]
        self.num_played += 1
        for number, start in enumerate(range(0, len(content), _RTP_BYTES)):
            some = content[start : start + _RTP_BYTES]
            packet = struct.pack(">BBHII", 0x80, 33, number % 2**16, 0, 1) + some
            file.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
        file.flush()
