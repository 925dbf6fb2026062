"""A server on a free port of this machine, in a thread of the test's process, and how it is asked."""

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from websockets.sync.client import connect

from data.files.checkpoint import read_saved
from pipelines.runs.model_facts import facts_of
from pipelines.serve.app import create_app
from pipelines.serve.traffic.limits import Limits
from pipelines.tasks.kinds import kind_of

JSON = {"Content-Type": "application/json"}
RAW = {"Content-Type": "application/octet-stream"}


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Running:
    """A server that runs; `ask` sends it one request."""

    def __init__(self, port: int, served: Any) -> None:
        self.port, self.served = port, served
        self.address = f"127.0.0.1:{port}"

    def ask(self, path: str, body: bytes | None = None, *, method=None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        method = method or ("GET" if body is None else "POST")
        connection.request(method, path, body, named)
        reply = connection.getresponse()
        found = Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        connection.close()
        return found

    def answer(self, content: Any, **headers: str) -> Reply:
        """The reply to JSON, or to the bytes of a file."""
        if isinstance(content, bytes):
            return self.ask("/answer", content, **{"Content-Type": RAW["Content-Type"]} | headers)
        body = json.dumps(content).encode()
        return self.ask("/answer", body, **{"Content-Type": JSON["Content-Type"]} | headers)

    def metric(self, name: str) -> float:
        lines = self.ask("/metrics").content.decode().splitlines()
        (line,) = (one for one in lines if one.startswith(f"manytoone_{name} "))
        return float(line.split()[-1])

    def stream(self, **options: Any) -> Any:
        return connect(f"ws://{self.address}/stream", open_timeout=60, proxy=None, **options)


@contextmanager
def serving(checkpoint: Path, *, token: str | None = None, change=None, **limits: Any):
    """Within it, a server answers; ``change`` may alter what is served before."""
    saved, used = read_saved(checkpoint), Limits(**limits)
    served = kind_of(saved.description["task"]).make_served(
        saved, where="CKPT", trust=None, device="cpu", limits=used
    )
    if change is not None:
        change(served)
    app = create_app(served, used, about=facts_of(saved, checkpoint), token=token)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, ws="websockets-sansio", ws_max_size=2**21
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Running(listening.getsockname()[1], served)
    finally:
        server.should_exit = True
        thread.join(60)
        listening.close()
